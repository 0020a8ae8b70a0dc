"""The recipe of items whose texts mean something similar."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from openpersonalize.errors import JobError
from openpersonalize.models.columns import ColumnTable, NumberColumn
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.ranker import Query, Question
from openpersonalize.models.semantic import SemanticModel, TextSpace
from openpersonalize.recipes import features, texts
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.recipe import RELATED_ITEMS, Recipe
from openpersonalize.recipes.training import Records, Task, Trained
from openpersonalize.settings import load_settings

SEMANTIC_SIMILARITY = "aws-semantic-similarity"
UPDATE_EVERY_S = 1800.0

MOST_SEEDS = 1000
LIST_LENGTH = 25
"""The metrics are averages over the lists of so many items for so many seeds, drawn at random."""


def train(task: Task) -> Trained:
    """Place the texts of all items in a space that they span themselves, and see how popular each is."""
    task.progress("reading texts", 5.0)
    catalogue = _Catalogue.of(task)
    model = load_settings().sentence_model
    task.progress("training", 20.0)
    if model:
        vectors, space = texts.encode_sentences(catalogue.texts, model), TextSpace()
    else:
        counts = texts.count_ngrams(catalogue.texts)
        task.progress("training", 50.0)
        space = texts.learn_space(counts, task.seed)
        vectors = space.place(counts)
    popularities = _popularities(task.interactions, catalogue.ids)
    trained = SemanticModel(
        catalogue.ids,
        IdIndex.build([]),
        vectors,
        popularities,
        catalogue.freshness(None),
        catalogue.fingerprints(),
        _popular(popularities, catalogue.created),
        model,
        space,
    )
    task.progress("evaluating", 90.0)
    return Trained(trained, _metrics(trained, np.random.default_rng(task.seed)))


def update(task: Task) -> Trained:
    """Place new items and those whose text has changed; leave out those that are gone.

    Popularity and freshness of known items stay as the training has measured them.
    """
    before = task.previous
    if not isinstance(before, SemanticModel):
        raise TypeError(f"a {type(before).__name__} is no model of {SEMANTIC_SIMILARITY}.")
    task.progress("reading texts", 5.0)
    catalogue = _Catalogue.of(task)
    rows = before.items.find_all(catalogue.ids)
    prints = catalogue.fingerprints()
    is_changed = (rows < 0) | (before.fingerprints[rows] != prints)
    vectors = np.array(before.vectors[rows])
    changed = [catalogue.texts[place] for place in np.flatnonzero(is_changed).tolist()]
    task.progress("placing new items", 30.0)
    if before.encoder:
        vectors[is_changed] = texts.encode_sentences(changed, before.encoder)
    else:
        vectors[is_changed] = before.space.place(texts.count_ngrams(changed))
    popularities = np.where(rows < 0, np.float32(0.0), before.popularities[rows])
    freshness = np.where(rows < 0, catalogue.freshness(before), before.freshness[rows])
    updated = SemanticModel(
        catalogue.ids,
        before.users,
        vectors,
        popularities,
        freshness,
        prints,
        _popular(popularities, catalogue.created),
        before.encoder,
        before.space,
    )
    return Trained(updated, {})


@dataclass(frozen=True)
class _Catalogue:
    """The items of the Items dataset: their texts, and when each was made (int64 seconds, -1 if unknown)."""

    ids: IdIndex
    texts: Sequence[str]
    created: NDArray[np.int64]

    @classmethod
    def of(cls, task: Task) -> "_Catalogue":
        """Read it. Raises JobError where there is nothing to read, or the schema does not say what."""
        records = task.records.get("ITEMS")
        if records is None or len(records.table) == 0:
            raise JobError(
                f"{SEMANTIC_SIMILARITY} reads the texts of items, and the dataset group has none: create an "
                "Items dataset and import some, then train again."
            )
        ids = records.table.ids
        by_column = [features.texts(records, ids, column) for column in _text_columns(records)]
        joined = ["\n".join(filter(None, cells)) for cells in zip(*by_column, strict=True)]
        return cls(ids, joined, _creation_times(records.table))

    def fingerprints(self) -> NDArray[np.int64]:
        """Return what changes with a text, int64."""
        digests = [blake2b(text.encode(), digest_size=8).digest() for text in self.texts]
        return np.frombuffer(b"".join(digests), np.int64)

    def freshness(self, before: SemanticModel | None) -> NDArray[np.float32]:
        """Return how new each item is among those with a time: 0 for the oldest, 1 for the newest.

        An item without a time is as old as the oldest. For items that came after a training there are no
        newer ones: they are 1.
        """
        is_known = self.created >= 0
        if before is not None:
            return is_known.astype(np.float32)
        if not is_known.any():
            return np.zeros(len(self.created), np.float32)
        oldest, newest = self.created[is_known].min(), self.created.max()
        ages = np.where(is_known, self.created - oldest, 0) / max(1, newest - oldest)
        return np.asarray(np.ones_like(ages) * is_known if newest == oldest else ages, np.float32)


def _text_columns(records: Records) -> tuple[str, str]:
    """Return the names of the columns of names and of texts. Raises JobError where the schema lacks one."""
    if records.item_name is None or not records.textual:
        raise JobError(
            f"{SEMANTIC_SIMILARITY} needs the names and the texts of items: flag a string field of the Items "
            'schema with "itemName": true and another one with "textual": true, and exclude neither from '
            "training."
        )
    return records.item_name, records.textual[0]


def _creation_times(table: ColumnTable) -> NDArray[np.int64]:
    column = table.column("CREATION_TIMESTAMP")
    if not isinstance(column, NumberColumn):
        return np.full(len(table), -1, np.int64)
    return np.where(column.is_null, -1, column.values)[:-1].astype(np.int64)


def _popularities(interactions: Interactions, ids: IdIndex) -> NDArray[np.float32]:
    """Return the number of distinct users by item, scaled to [0, 1] from the least to the most popular."""
    rows = interactions.items.find_all(ids)
    n_users = np.where(rows >= 0, np.append(interactions.users_by_item, 0)[rows], 0)
    width = np.ptp(n_users) if len(n_users) else 0
    return np.asarray((n_users - n_users.min()) / width if width else n_users * 0.0, np.float32)


def _popular(popularities: NDArray[np.float32], created: NDArray[np.int64]) -> NDArray[np.int32]:
    return np.lexsort((-created, -popularities)).astype(np.int32)


def _metrics(model: SemanticModel, generator: np.random.Generator) -> dict[str, float]:
    """Return AWS's three metrics, averages over the lists of some seeds; all 0 for fewer than two items."""
    n_items = len(model.items)
    seeds = generator.choice(n_items, min(MOST_SEEDS, n_items), replace=False)
    pairs = [(seed, model.similar(Query(item=int(seed)), LIST_LENGTH).items) for seed in np.sort(seeds)]
    shown = np.concatenate([items for _, items in pairs])
    alike = [model.vectors[items] @ model.vectors[seed] for seed, items in pairs if len(items)]
    values = {
        "item_popularity": model.popularities[shown],
        "item_freshness": model.freshness[shown],
        "item_similarity": np.clip(np.concatenate(alike) if alike else shown[:0], 0.0, 1.0),
    }
    return {name: round(float(found.mean()), 4) if len(found) else 0.0 for name, found in values.items()}


RECIPES = (
    Recipe(
        SEMANTIC_SIMILARITY,
        RELATED_ITEMS,
        "Finds items similar to a given item by the meaning of their texts.",
        created=datetime(2025, 11, 30, tzinfo=UTC),
        question=Question.SIMILAR_ITEMS,
        tables=("ITEMS",),
        train=train,
        model=SemanticModel,
        update=update,
        update_every_s=lambda settings: UPDATE_EVERY_S,
        is_updated_if_asked=True,
        needs_interactions=False,
    ),
)
