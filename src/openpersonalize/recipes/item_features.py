"""The features that place cold items: those of `features`, and the words of texts."""

import re

import numpy as np
import scipy.sparse

from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.features import LEAST_RECORDS, Matrix, design_matrix, texts
from openpersonalize.recipes.training import Records

_WORD = re.compile(r"\w+")


def features_of(records: Records | None, items: IdIndex) -> Matrix:
    """Return features of items, float32 CSR, shape (n_items, n_features); an item without a record has none.

    The words of a text weigh 1 together in square, so that long texts do not count more than short ones.
    """
    if records is None:
        return scipy.sparse.csr_matrix(np.empty((len(items), 0), np.float32))
    blocks = [design_matrix(records, items).matrix]
    blocks += [_words(texts(records, items, name)) for name in records.textual if name in records.features]
    return scipy.sparse.csr_matrix(scipy.sparse.hstack(blocks, format="csr"))


def _words(given: list[str | None]) -> Matrix:
    words: dict[str, int] = {}
    starts, found = [0], []
    for text in given:
        in_text = dict.fromkeys(_WORD.findall((text or "").lower()))
        found += [words.setdefault(word, len(words)) for word in in_text]
        starts.append(len(found))
    lengths = np.diff(starts)
    weights = np.repeat(1.0 / np.sqrt(np.maximum(1, lengths)), lengths).astype(np.float32)
    matrix = scipy.sparse.csr_matrix((weights, found, starts), shape=(len(given), len(words)))
    n_items = np.bincount(matrix.indices, minlength=len(words))
    return scipy.sparse.csr_matrix(matrix[:, np.flatnonzero(n_items >= LEAST_RECORDS)])
