"""The compiled arithmetic of serving: fold a user in, score the catalogue, pick the best, normalise.

Item factors are stored in blocks, float32, shape (n_blocks, width, LANES): item i is lane i % LANES of block
i // LANES. So every load of the scoring loop is contiguous, whatever the width, and needs no horizontal sums.
"""

import numpy as np

from openpersonalize.models.compiled import Flags, Floats, Ints, Longs, compiled, frozen

LANES = 64
_UNROLL = 4

# 2^f on [0, 1), minimax, relative error below 3e-7.
_C0, _C1, _C2 = np.float32(1.0), np.float32(0.6931471806), np.float32(0.2402265070)
_C3, _C4, _C5 = np.float32(0.0555041087), np.float32(0.0096181291), np.float32(0.0013333558)
_C6 = np.float32(0.000154035304)
_LOG2_E = np.float32(1.4426950408889634)
_EXP_FLOOR = np.float32(-87.0)


def pack(rows: Floats) -> Floats:
    """Bring factors of shape (n_items, width) into blocks; added lanes and columns are zero."""
    n_items, width = rows.shape
    n_blocks, padded = -(-n_items // LANES), -(-width // _UNROLL) * _UNROLL
    room = np.zeros((n_blocks * LANES, padded), np.float32)
    room[:n_items, :width] = rows
    blocks = np.ascontiguousarray(room.reshape(n_blocks, LANES, padded).transpose(0, 2, 1))
    return frozen(blocks)


def pack_bias(bias: Floats) -> Floats:
    """Pad one number per item to whole blocks; added lanes are minus infinity, so they never rank."""
    padded = np.full(-(-len(bias) // LANES) * LANES, -np.inf, np.float32)
    padded[: len(bias)] = bias
    return frozen(padded)


@compiled
def fold_in(factors: Floats, newest: Ints, weights: Floats) -> Floats:
    """Return a user's vector, float32, shape (width,), from their newest events.

    The factors are whitened (Y'Y + reg I is the identity), so the least-squares problem of implicit ALS
    (Hu et al.), x = (I + sum w_k y_k y_k')^-1 sum w_k y_k, is V' (I + V V')^-1 w^½ with rows V_k = w_k^½ y_k:
    an n x n system, however wide the factors.
    """
    n, width = len(newest), factors.shape[1]
    gathered = np.empty((n, width), np.float32)
    for event in range(n):
        root = np.sqrt(weights[event])
        block, lane = newest[event] // LANES, newest[event] % LANES
        for column in range(width):
            gathered[event, column] = root * factors[block, column, lane]
    lower = np.empty((n, n), np.float32)
    for row in range(n):
        for column in range(row + 1):
            total = np.float32(0.0)
            for at in range(width):
                total += gathered[row, at] * gathered[column, at]
            lower[row, column] = total
        lower[row, row] += np.float32(1.0)
    solution = np.sqrt(weights)
    _solve_positive_definite(lower, solution)
    vector = np.zeros(width, np.float32)
    for event in range(n):
        for column in range(width):
            vector[column] += solution[event] * gathered[event, column]
    return vector


@compiled
def _solve_positive_definite(lower: Floats, right: Floats) -> None:
    """Solve in place by Cholesky; `lower` holds the lower triangle and is overwritten."""
    n = len(right)
    for column in range(n):
        for at in range(column):
            factor = lower[column, at]
            for row in range(column, n):
                lower[row, column] -= factor * lower[row, at]
        inverse = np.float32(1.0) / np.sqrt(lower[column, column])
        for row in range(column, n):
            lower[row, column] *= inverse
    for row in range(n):
        for at in range(row):
            right[row] -= lower[row, at] * right[at]
        right[row] /= lower[row, row]
    for row in range(n - 1, -1, -1):
        for at in range(row + 1, n):
            right[row] -= lower[at, row] * right[at]
        right[row] /= lower[row, row]


@compiled
def score_catalogue(factors: Floats, vector: Floats, bias: Floats) -> Floats:
    """Return vector · factors + bias for every lane, float32, shape (n_blocks * LANES,)."""
    n_blocks, width, _ = factors.shape
    scores = np.empty(n_blocks * LANES, np.float32)
    for block in range(n_blocks):
        first = block * LANES
        for lane in range(LANES):
            scores[first + lane] = bias[first + lane]
        for column in range(0, width, _UNROLL):
            x0, x1, x2, x3 = vector[column], vector[column + 1], vector[column + 2], vector[column + 3]
            for lane in range(LANES):
                scores[first + lane] += (
                    x0 * factors[block, column, lane]
                    + x1 * factors[block, column + 1, lane]
                    + x2 * factors[block, column + 2, lane]
                    + x3 * factors[block, column + 3, lane]
                )
    return scores


@compiled
def penalise(scores: Floats, seen: Ints, more_seen: Ints, penalty: float) -> None:
    """Subtract the penalty once from every item that occurs in either list."""
    is_done = np.zeros(len(scores), np.uint8)
    amount = np.float32(penalty)
    for item in seen:
        if is_done[item] == 0:
            is_done[item] = 1
            scores[item] -= amount
    for item in more_seen:
        if is_done[item] == 0:
            is_done[item] = 1
            scores[item] -= amount


@compiled
def best(scores: Floats, k: int) -> Ints:
    """Return the k best rows as int32, best first; equal scores stand in item order."""
    heap = np.empty(k, np.int32)
    size = 0
    threshold = np.float32(-np.inf)
    for first in range(0, len(scores), LANES):
        highest = np.float32(-np.inf)
        for lane in range(LANES):
            highest = max(highest, scores[first + lane])
        if highest <= threshold:
            continue
        for item in range(first, first + LANES):
            if scores[item] > threshold:
                if size < k:
                    heap[size] = item
                    size += 1
                    _sift_up(heap, size - 1, scores)
                else:
                    heap[0] = item
                    _sift_down(heap, size, scores)
                if size == k:
                    threshold = scores[heap[0]]
    return _unheap(heap, size, scores)


@compiled
def _is_worse(one: int, other: int, scores: Floats) -> bool:
    """Say whether an item ranks below another: lower score, or the same and later in item order."""
    return bool(scores[one] < scores[other] or (scores[one] == scores[other] and one > other))


@compiled
def _sift_up(heap: Ints, at: int, scores: Floats) -> None:
    while at > 0:
        parent = (at - 1) // 2
        if not _is_worse(heap[at], heap[parent], scores):
            break
        heap[at], heap[parent] = heap[parent], heap[at]
        at = parent


@compiled
def _sift_down(heap: Ints, size: int, scores: Floats) -> None:
    at = 0
    while 2 * at + 1 < size:
        child = 2 * at + 1
        if child + 1 < size and _is_worse(heap[child + 1], heap[child], scores):
            child += 1
        if not _is_worse(heap[child], heap[at], scores):
            break
        heap[at], heap[child] = heap[child], heap[at]
        at = child


@compiled
def _unheap(heap: Ints, size: int, scores: Floats) -> Ints:
    """Empty a heap whose root is the worst into a list, best first."""
    for last in range(size - 1, 0, -1):
        heap[0], heap[last] = heap[last], heap[0]
        _sift_down(heap, last, scores)
    return heap[:size].copy()


@compiled
def sum_of_exponentials(scores: Floats, highest: float) -> float:
    """Return the sum of exp(score - highest) over all lanes; `highest` is the largest score."""
    bits = np.empty(LANES, np.int32)
    powers = bits.view(np.float32)
    fractions = np.empty(LANES, np.float32)
    top, total = np.float32(highest), 0.0
    for first in range(0, len(scores), LANES):
        for lane in range(LANES):
            exponent = max(scores[first + lane] - top, _EXP_FLOOR) * _LOG2_E
            whole = np.floor(exponent)
            fractions[lane] = exponent - whole
            bits[lane] = (np.int32(whole) + np.int32(127)) << np.int32(23)
        part = np.float32(0.0)
        for lane in range(LANES):
            f = fractions[lane]
            part += powers[lane] * (_C0 + f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * (_C5 + f * _C6))))))
        total += float(part)
    return total


@compiled
def newest_events(history: Ints, recent: Ints, limit: int) -> Ints:
    """Return the items of up to `limit` newest events, newest first; both inputs are oldest first."""
    n_recent = min(limit, len(recent))
    n_earlier = min(limit - n_recent, len(history))
    newest = np.empty(n_recent + n_earlier, np.int32)
    for event in range(n_recent):
        newest[event] = recent[len(recent) - 1 - event]
    for event in range(n_earlier):
        newest[n_recent + event] = history[len(history) - 1 - event]
    return newest


@compiled
def lifted(scores: Floats, rows: Ints, starts: Longs, items: Ints, lifts: Floats) -> Floats:
    """Return scores plus the lifts of the given rows of a sparse matrix."""
    sums = scores.copy()
    for row in rows:
        for at in range(starts[row], starts[row + 1]):
            sums[items[at]] += lifts[at]
    return sums


@compiled
def pick(scores: Floats, allowed: Flags, k: int) -> tuple[Ints, Floats, float]:
    """Return the k best allowed items, their softmax over all, and the logarithm of its denominator.

    `scores` are padded, and overwritten.
    """
    if len(allowed) == 0:
        items = best(scores, k)
        highest = scores[items[0]]
        total = np.float32(sum_of_exponentials(scores, highest))
    else:
        highest = np.float32(-np.inf)
        for score in scores:
            highest = max(highest, score)
        total = np.float32(sum_of_exponentials(scores, highest))
        # A choice instead of a condition around the store, so that the loop is made of vectors.
        for item in range(len(allowed)):
            scores[item] = scores[item] if allowed[item] else np.float32(-np.inf)
        items = best(scores, k)
    probabilities = np.exp(scores[items] - highest) / total
    return items, probabilities, float(highest) + np.log(float(total))


@compiled
def recommend(  # noqa: PLR0917  # numba takes positional arguments only
    factors: Floats,
    bias: Floats,
    history: Ints,
    recent: Ints,
    event_weights: Floats,
    temperature: float,
    seen_penalty: float,
    allowed: Flags,
    k: int,
) -> tuple[Ints, Floats, float]:
    """Return the k best items for a user with events, their softmax, and the logarithm of its denominator.

    `allowed` says by item row which may be returned; empty means all. The softmax is over the catalogue all
    the same.
    """
    newest = newest_events(history, recent, len(event_weights))
    vector = fold_in(factors, newest, event_weights[: len(newest)])
    vector *= np.float32(temperature)
    scores = score_catalogue(factors, vector, bias)
    if seen_penalty != 0.0:
        penalise(scores, history, recent, seen_penalty)
    return pick(scores, allowed, k)


@compiled
def score_candidates(  # noqa: PLR0917  # numba takes positional arguments only
    factors: Floats,
    bias: Floats,
    history: Ints,
    recent: Ints,
    event_weights: Floats,
    temperature: float,
    seen_penalty: float,
    candidates: Ints,
) -> Floats:
    """Return the score of every candidate, float32, in their order, for a user with events."""
    newest = newest_events(history, recent, len(event_weights))
    vector = fold_in(factors, newest, event_weights[: len(newest)])
    scores = np.empty(len(candidates), np.float32)
    is_seen = np.zeros(len(bias), np.uint8)
    for item in history:
        is_seen[item] = 1
    for item in recent:
        is_seen[item] = 1
    for at, item in enumerate(candidates):
        total = np.float32(0.0)
        for column in range(factors.shape[1]):
            total += vector[column] * factors[item // LANES, column, item % LANES]
        scores[at] = np.float32(temperature) * total + bias[item]
        if is_seen[item] != 0:
            scores[at] -= np.float32(seen_penalty)
    return scores
