"""What the recipes of segments learn from who had what: companions of items, like-minded users."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.sparse

from openpersonalize.models.compiled import Doubles, Floats, Ints, Longs, compiled, frozen
from openpersonalize.models.segments import Matrix

RIDGE = 200.0
N_COMPANIONS = 200
N_LIKE_MINDED = 100
"""The first and second as in quality.md; the third of 20, 50, 100 and all on ml-latest-small."""

MOST_EXACT = 8_000
"""So many items, or users, have a matrix of all pairs of theirs inverted: 1 GB, and a minute."""
MOST_PRODUCTS = 2e10
"""So many multiplications may bring companions from pairs of users to pairs of items."""
MOST_MEETINGS = 5e10
"""So many pairs of users who had the same item are looked at, in the order of rising popularity."""

_ITEMS_AT_ONCE = 256
_USERS_AT_ONCE = 256

Report = Callable[[float], None]
"""Told which share of a part's work is done."""


def companions(matrix: Matrix, report: Report) -> Matrix:
    """Return by item the weights of the items that speak for it: EASE (Steck 2019), the 200 largest each.

    `matrix` is users x items. Where there are fewer users than items the same weights are found by way of
    the pairs of users (Woodbury). Beyond `MOST_EXACT` items only those that most users had take part.
    """
    n_users, n_items = matrix.shape
    counts = np.bincount(matrix.indices, minlength=n_items)
    known = np.flatnonzero(counts)
    if n_users < len(known) and n_users <= MOST_EXACT and float(matrix.nnz) * len(known) <= MOST_PRODUCTS:
        return _assembled(_by_pairs_of_users(matrix[:, known].tocsr(), report), known, n_items)
    most = np.sort(known[np.argsort(-counts[known], kind="stable")[:MOST_EXACT]])
    return _assembled(_by_pairs_of_items(matrix[:, most].tocsr(), report), most, n_items)


def _by_pairs_of_items(matrix: Matrix, report: Report) -> Iterator[tuple[Ints, Floats]]:
    """B[:, j] = -P[:, j] / P[j, j] with P = (X'X + ridge I)^-1."""
    n_items = matrix.shape[1]
    inverse = _inverse((matrix.T @ matrix).toarray())
    diagonal = np.diag(inverse).copy()
    for first in range(0, n_items, _ITEMS_AT_ONCE):
        report(0.5 + 0.5 * first / n_items)
        targets = np.arange(first, min(first + _ITEMS_AT_ONCE, n_items))
        yield _largest(-inverse[targets] / diagonal[targets, None], targets)


def _by_pairs_of_users(matrix: Matrix, report: Report) -> Iterator[tuple[Ints, Floats]]:
    """The same with K = (XX' + ridge I)^-1: B[i, j] = x_i'K x_j / (1 - x_j'K x_j).

    x_j are the users of item j.
    """
    n_items = matrix.shape[1]
    inverse = _inverse((matrix @ matrix.T).toarray())
    by_item = matrix.T.tocsr()
    for first in range(0, n_items, _ITEMS_AT_ONCE):
        report(0.5 + 0.5 * first / n_items)
        targets = np.arange(first, min(first + _ITEMS_AT_ONCE, n_items))
        chosen = by_item[targets].toarray()
        spread: Doubles = chosen @ inverse  # targets x users
        own = (chosen * spread).sum(axis=1)
        weights: Doubles = np.asarray(by_item @ spread.T).T
        yield _largest(weights / (1.0 - own)[:, None], targets)


def _inverse(gram: Floats) -> Doubles:
    """Return the inverse of a Gram matrix with the ridge on its diagonal."""
    from scipy.linalg.lapack import dpotrf, dpotri  # noqa: PLC0415  (an API process must not load it)

    exact = gram.astype(np.float64, order="F")
    exact[np.diag_indices_from(exact)] += RIDGE
    factor, _ = dpotrf(exact, lower=1, overwrite_a=1)
    inverse, _ = dpotri(factor, lower=1, overwrite_c=1)
    lower = np.tril(inverse, -1)
    inverse = np.tril(inverse)
    inverse += lower.T
    return np.asarray(inverse)


def _largest(weights: Doubles, targets: Longs) -> tuple[Ints, Floats]:
    """Return of each target's weights the largest, by size: places, rising, and weights, (n_targets, k)."""
    weights[np.arange(len(targets)), targets] = 0.0
    k = min(N_COMPANIONS, weights.shape[1])
    places = np.sort(np.argpartition(-np.abs(weights), k - 1, axis=1)[:, :k], axis=1)
    return places.astype(np.int32), np.take_along_axis(weights, places, axis=1).astype(np.float32)


def _assembled(blocks: Iterator[tuple[Ints, Floats]], items: Longs, n_items: int) -> Matrix:
    """Return the rows of some items as a matrix of all items."""
    places, weights = zip(*blocks, strict=True) if len(items) else ((), ())
    n_each = places[0].shape[1] if places else 0
    starts = np.zeros(n_items + 1, np.int64)
    starts[items + 1] = n_each
    columns = items[np.concatenate([one.ravel() for one in places])] if places else np.empty(0, np.int64)
    values = np.concatenate([one.ravel() for one in weights]) if weights else np.empty(0, np.float32)
    found = scipy.sparse.csr_matrix(
        (values, columns.astype(np.int32), np.cumsum(starts)), shape=(n_items, n_items)
    )
    found.eliminate_zeros()
    return found


def followers(matrix: Matrix, *, n_threads: int, report: Report) -> Matrix:
    """Return by user v the users that have v among their 100 most like-minded, with the likeness, float32.

    Likeness is the cosine of what two users had, items weighted by log(users / users of the item).
    """
    n_users = matrix.shape[0]
    k = min(N_LIKE_MINDED, n_users - 1)
    weighted = _of_length_one(matrix)
    user_starts, items, weights = _frozen(weighted)
    item_starts, users, user_weights = _frozen(weighted.T.tocsr())
    found, likeness = np.full((n_users, k), -1, np.int32), np.zeros((n_users, k), np.float32)

    def find(first: int) -> None:
        part = slice(first, first + _USERS_AT_ONCE)
        _find_like_minded(
            first,
            user_starts,
            items,
            weights,
            item_starts,
            users,
            user_weights,
            found[part],
            likeness[part],
        )

    with ThreadPoolExecutor(n_threads) as threads:
        firsts = range(0, n_users if k else 0, _USERS_AT_ONCE)
        for first, _ in zip(firsts, threads.map(find, firsts), strict=True):
            report(first / n_users)
    owners = np.repeat(np.arange(n_users, dtype=np.int32), k)
    is_found = found.ravel() >= 0
    entries = (likeness.ravel()[is_found], (found.ravel()[is_found], owners[is_found]))
    return scipy.sparse.csr_matrix(entries, shape=(n_users, n_users), dtype=np.float32)


def _of_length_one(matrix: Matrix) -> Matrix:
    """Return users x items, weighted by rarity; each user's row has the length 1, or is empty."""
    n_users, n_items = matrix.shape
    counts = np.bincount(matrix.indices, minlength=n_items).astype(np.float64)
    rarity = np.log(n_users / np.maximum(counts, 1.0))
    rarity[_too_popular(counts)] = 0.0
    weighted = matrix.astype(np.float64)
    weighted.data *= rarity[weighted.indices]
    weighted.eliminate_zeros()
    owners = np.repeat(np.arange(n_users), np.diff(weighted.indptr))
    lengths = np.sqrt(np.bincount(owners, weighted.data**2, minlength=n_users))
    weighted.data /= lengths[owners]
    return weighted.astype(np.float32)


def _frozen(matrix: Matrix) -> tuple[Longs, Ints, Floats]:
    """Return a matrix's starts, columns and values for compiled code."""
    return (
        frozen(matrix.indptr.astype(np.int64)),
        frozen(matrix.indices.astype(np.int32, copy=False)),
        frozen(matrix.data),
    )


def _too_popular(counts: Doubles) -> Longs:
    """Return the items whose users are too many to be paired."""
    order = np.argsort(counts, kind="stable")
    return order[np.cumsum(counts[order] ** 2) > MOST_MEETINGS]


@compiled
def _find_like_minded(  # noqa: PLR0917  # numba takes positional arguments only
    first: int,
    user_starts: Longs,
    items: Ints,
    weights: Floats,
    item_starts: Longs,
    users: Ints,
    user_weights: Floats,
    found: Ints,
    likeness: Floats,
) -> None:
    """Write for users from `first` on the users most like them, in user order, and how much."""
    n_users = len(user_starts) - 1
    k = found.shape[1]
    total = np.zeros(n_users, np.float32)
    touched = np.empty(n_users, np.int32)
    for row in range(len(found)):
        user = first + row
        n_touched = 0
        for event in range(user_starts[user], user_starts[user + 1]):
            item = items[event]
            for meeting in range(item_starts[item], item_starts[item + 1]):
                other = users[meeting]
                if other == user:
                    continue
                if total[other] == 0.0:
                    touched[n_touched] = other
                    n_touched += 1
                total[other] += weights[event] * user_weights[meeting]
        others = np.sort(touched[:n_touched])
        least = np.float32(0.0)
        if n_touched > k:
            least = np.partition(total[others], n_touched - k)[n_touched - k]
        n_above = 0
        for other in others:
            n_above += total[other] > least
        n_ties, n_found = k - n_above, 0
        for other in others:
            is_tie = total[other] == least
            if total[other] > least or (is_tie and n_ties > 0):
                n_ties -= is_tie
                found[row, n_found] = other
                likeness[row, n_found] = total[other]
                n_found += 1
        for other in others:
            total[other] = 0.0
