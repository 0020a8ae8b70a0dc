"""What texts mean, as vectors: TF-IDF of words and n-grams, reduced by a singular value decomposition.

Deerwester, Dumais, Furnas, Landauer, Harshman: Indexing by Latent Semantic Analysis (1990), with the library
scikit-learn. Characters are taken in runs of two to four, within words, so that languages without blanks
between words, or with many forms of one word, are as good as English. Nothing has to be downloaded.

A sentence-embedding model stands in where one is configured (docs/recipes.md): it knows synonyms which no
text of the catalogue has together.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.errors import JobError
from openpersonalize.models.semantic import TextSpace, unit_rows

N_HASHED = 1 << 18
MOST_COLUMNS = 30_000
WIDTH = 128
WORDS, CHARACTERS = (1, 2), (2, 4)
CHARACTER_SHARE = 0.5
"""What a run of characters counts beside a word."""
_TEXTS_AT_ONCE = 20_000

Counts = "scipy.sparse.csr_matrix[np.float32]"


def count_ngrams(texts: Sequence[str]) -> Any:
    """Return the counts of hashed n-grams, float32 CSR, shape (n_texts, N_HASHED)."""
    from sklearn.feature_extraction.text import (  # noqa: PLC0415  (an API process must not load it)
        HashingVectorizer,
    )

    options: dict[str, Any] = {
        "n_features": N_HASHED,
        "alternate_sign": False,
        "norm": None,
        "dtype": np.float32,
    }
    words = HashingVectorizer(ngram_range=WORDS, **options)
    characters = HashingVectorizer(analyzer="char_wb", ngram_range=CHARACTERS, **options)
    parts = []
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        some = texts[start : start + _TEXTS_AT_ONCE]
        parts.append(words.transform(some) + CHARACTER_SHARE * characters.transform(some))
    counts = scipy.sparse.vstack(parts, format="csr") if parts else scipy.sparse.csr_matrix((0, N_HASHED))
    return counts.astype(np.float32)


def learn_space(counts: Any, seed: int) -> TextSpace:
    """Return the space that some texts span; columns are the n-grams of most texts, but of two at least.

    In a catalogue of so few texts that none is shared, every n-gram is kept.
    """
    n_texts = np.bincount(counts.indices, minlength=N_HASHED)
    kept = np.flatnonzero(n_texts >= 2)
    if len(kept) == 0:
        kept = np.flatnonzero(n_texts)
    if len(kept) > MOST_COLUMNS:
        kept = np.sort(kept[np.argsort(-n_texts[kept], kind="stable")[:MOST_COLUMNS]])
    columns = np.full(N_HASHED, -1, np.int32)
    columns[kept] = np.arange(len(kept), dtype=np.int32)
    weights = (np.log((1.0 + counts.shape[0]) / (1.0 + n_texts[kept])) + 1.0).astype(np.float32)
    plain = TextSpace(columns, weights, np.empty((len(kept), 0), np.float32))
    return TextSpace(columns, weights, _directions(plain.weighted(counts), seed))


def _directions(weighted: Any, seed: int) -> NDArray[np.float32]:
    """Return the right singular vectors, float32, shape (n_columns, width)."""
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415  (an API process must not load it)

    n_texts, n_columns = weighted.shape
    width = min(WIDTH, n_texts, n_columns)
    if n_columns <= WIDTH:
        return np.eye(n_columns, dtype=np.float32)
    decomposition = TruncatedSVD(n_components=width, n_iter=4, random_state=seed)
    decomposition.fit(weighted)
    return np.ascontiguousarray(decomposition.components_.T, np.float32)


def encode_sentences(texts: Sequence[str], model: str) -> NDArray[np.float32]:
    """Return the vectors of a sentence-embedding model, rows of length 1.

    Raises JobError, which says what to install, where the library or the model is missing.
    """
    try:
        from sentence_transformers import (  # type: ignore[import-not-found]  # noqa: PLC0415  # an extra
            SentenceTransformer,
        )
    except ImportError:
        raise JobError(
            "OPENPERSONALIZE_SENTENCE_MODEL is set, and the library that reads such models is not installed: "
            "run pip install 'openpersonalize[sentences]' where the workers run, or unset it."
        ) from None
    try:
        encoder = SentenceTransformer(model, device="cpu")
    except Exception as error:
        raise JobError(
            f"the sentence-embedding model {model!r} of OPENPERSONALIZE_SENTENCE_MODEL cannot be loaded "
            f"({type(error).__name__}): give the folder of one, or the name of one that can be downloaded."
        ) from error
    return unit_rows(np.asarray(encoder.encode(list(texts), show_progress_bar=False), np.float32))
