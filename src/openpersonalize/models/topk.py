"""The compiled arithmetic of serving: fold a user in, score the catalogue, pick the best, normalise.

Item factors are stored in blocks, float32, shape (n_blocks, width, LANES): item i is lane i % LANES of block
i // LANES. So every load of the scoring loop is contiguous, whatever the width, and needs no horizontal sums.
"""

import numpy as np

from openpersonalize.models.compiled import Bytes, Flags, Floats, Ints, Longs, compiled, frozen

LANES = 64
_UNROLL = 4

LEAST_SHARE = 0.25
"""See `unit_of`."""

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
    gathered, solution = _solved_events(factors, newest, weights)
    vector = np.zeros(factors.shape[1], np.float32)
    for event in range(len(newest)):
        for column in range(len(vector)):
            vector[column] += solution[event] * gathered[event, column]
    return vector


@compiled
def amounts_of_events(factors: Floats, newest: Ints, weights: Floats) -> Floats:
    """Return how often the factors of each event's item are in the user's vector, float32."""
    _, solution = _solved_events(factors, newest, weights)
    return solution * np.sqrt(weights)


@compiled
def _solved_events(factors: Floats, newest: Ints, weights: Floats) -> tuple[Floats, Floats]:
    """Return V and (I + V V')^-1 w^½ of `fold_in`."""
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
    return gathered, solution


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
def score_catalogue(factors: Floats, vector: Floats) -> Floats:
    """Return vector · factors for every lane, float32, shape (n_blocks * LANES,)."""
    n_blocks, width, _ = factors.shape
    scores = np.empty(n_blocks * LANES, np.float32)
    for block in range(n_blocks):
        first = block * LANES
        for lane in range(LANES):
            scores[first + lane] = np.float32(0.0)
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
def score_some(factors: Floats, vector: Floats, items: Ints) -> Floats:
    """Return vector · factors for some items, float32, in their order."""
    scores = np.empty(len(items), np.float32)
    for at, item in enumerate(items):
        block, lane = item // LANES, item % LANES
        total = np.float32(0.0)
        for column in range(factors.shape[1]):
            total += vector[column] * factors[block, column, lane]
        scores[at] = total
    return scores


@compiled
def unit_of(weight: float, highest: float, highest_unseen: float) -> float:
    """Return what raw scores of a part are multiplied by, from the highest of all and of the unseen items.

    The highest unseen one then counts `weight`, unless it is lower than LEAST_SHARE of the highest of all:
    so no item counts more than weight / LEAST_SHARE, and what is next to nothing is not blown up.
    """
    reference = max(highest_unseen, LEAST_SHARE * highest)
    return weight / reference if reference > 0.0 else 0.0


@compiled
def highest_scores(scores: Floats, seen: Ints, n_items: int) -> tuple[float, float]:
    """Return the highest score of all items, and of those that are not seen; minus infinity of none.

    `scores` may be padded, and are the same afterwards; `seen` names each item once.
    """
    aside = np.empty(len(seen), np.float32)
    highest_seen = np.float32(-np.inf)
    for at, item in enumerate(seen):
        aside[at] = scores[item]
        highest_seen = max(highest_seen, scores[item])
        scores[item] = np.float32(-np.inf)
    highest = np.float32(-np.inf)
    for item in range(n_items):
        highest = max(highest, scores[item])
    for at, item in enumerate(seen):
        scores[item] = aside[at]
    return float(max(highest, highest_seen)), float(highest)


@compiled
def begin(
    bias: Floats, history: Ints, recent: Ints, limit: int, seen_penalty: float
) -> tuple[Floats, Ints, Ints, Bytes]:
    """Return what the scores of a user begin with, and the user's events as parts of a blend read them.

    The scores are the bias, less the penalty for items that the user had before. Then: the items of up to
    `limit` newest events, newest first; each item of any event once; and by item whether it is one of these.
    """
    scores = bias.copy()
    is_seen = np.zeros(len(bias), np.uint8)
    seen = np.empty(len(history) + len(recent), np.int32)
    size = 0
    for events in (history, recent):
        for item in events:
            if is_seen[item] == 0:
                is_seen[item] = 1
                seen[size] = item
                size += 1
                scores[item] -= np.float32(seen_penalty)
    return scores, newest_events(history, recent, limit), seen[:size], is_seen


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
def log_total(scores: Floats) -> float:
    """Return the logarithm of the sum of exp(score), over padded scores: the bits that `pick` returns."""
    highest = np.float32(-np.inf)
    for score in scores:
        highest = max(highest, score)
    total = np.float32(sum_of_exponentials(scores, float(highest)))
    return float(float(highest) + np.log(float(total)))
