"""The columns of the Users dataset as features: lifts of items by value, counted like those of contexts.

To the counting and to the calibration each usable column of users is one more contextual column, whose value
in an event is that of the event's user; so a column that says nothing of items beyond the user's own events
gets no weight. The lifts that remain serve everybody of whom the column is known, most of all users without
events.

Categories count as they are, the most frequent 1000 of a column (`A|B` is one of them); numbers fall into
`MOST_BINS` bins that hold about as many users each. Texts are not used. Of more than `MOST_COLUMNS` columns
those are used that tell most of items.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from openpersonalize.models.columns import NumberColumn, TextColumn
from openpersonalize.models.contexts import Contexts
from openpersonalize.models.traits import TraitColumn, Traits, name_of
from openpersonalize.recipes.interactions import EventContexts, Interactions
from openpersonalize.recipes.training import Records

MOST_BINS = 10
MOST_VALUES = 1000
MOST_COLUMNS = 10
"""The calibration holds 20 MB for each."""


@dataclass(frozen=True)
class UserColumns:
    """The usable columns, coded.

    - `values`: by column the texts of its values; `codes`: int16, shape (n_users, n_columns), by user of the
      interactions, -1 where a column is empty.
    """

    columns: tuple[TraitColumn, ...]
    values: tuple[tuple[str, ...], ...]
    codes: NDArray[np.int16]

    def beside(self, contexts: EventContexts, user_of_event: NDArray[np.int32]) -> EventContexts:
        """Return contexts of events with the columns of their users added."""
        if not self.columns:
            return contexts
        added = self.codes[user_of_event]
        codes = np.column_stack([contexts.codes, added]) if contexts.values else added
        names = [name_of(column.name) for column in self.columns]
        values = {**contexts.values, **dict(zip(names, self.values, strict=True))}
        return EventContexts(contexts.columns, values, np.ascontiguousarray(codes))


def code(records: Records | None, interactions: Interactions) -> UserColumns:
    """Code the features of users, of those that the interactions have."""
    coded = [] if records is None else [_coded(records, name, interactions) for name in records.features]
    used = _most_telling([one for one in coded if one is not None], interactions)
    codes = [codes for _, _, codes in used]
    return UserColumns(
        tuple(column for column, _, _ in used),
        tuple(values for _, values, _ in used),
        np.column_stack(codes) if codes else np.empty((interactions.n_users, 0), np.int16),
    )


def with_users(interactions: Interactions, coded: UserColumns) -> Interactions:
    """Return the interactions with columns of users beside their contexts."""
    return replace(interactions, contexts=coded.beside(interactions.contexts, interactions.user_of_event))


def traits_of(columns: tuple[TraitColumn, ...], records: Records | None, contexts: Contexts) -> Traits:
    """Return what a model with such contexts knows of the users of the dataset."""
    return Traits.none() if records is None else Traits.of(columns, records.table, contexts)


_Coded = tuple[TraitColumn, tuple[str, ...], NDArray[np.int16]]


def _most_telling(coded: list[_Coded], interactions: Interactions) -> list[_Coded]:
    """Return the columns that tell most of items, at most `MOST_COLUMNS`, in the order given."""
    if len(coded) <= MOST_COLUMNS:
        return coded
    told = [-_information(codes, len(values), interactions) for _, values, codes in coded]
    return [coded[place] for place in sorted(np.argsort(told, kind="stable")[:MOST_COLUMNS].tolist())]


def _information(codes: NDArray[np.int16], n_values: int, interactions: Interactions) -> float:
    """Return the mutual information of values and items over all events, less half the cells that are used.

    In nats; the second is what columns at random would have (Miller 1955).
    """
    by_event = codes[interactions.user_of_event]
    is_known = by_event >= 0
    cells = (
        by_event[is_known].astype(np.int64) * interactions.n_items + interactions.histories.items[is_known]
    )
    found, counts = np.unique(cells, return_counts=True)
    by_value = np.bincount(by_event[is_known], minlength=n_values).astype(np.float64)
    by_item = np.bincount(interactions.histories.items[is_known], minlength=interactions.n_items)
    expected = by_value[found // interactions.n_items] * by_item[found % interactions.n_items]
    return float((counts * np.log(counts * is_known.sum() / expected)).sum() - 0.5 * len(found))


def _coded(records: Records, name: str, interactions: Interactions) -> _Coded | None:
    """Code one column by user; None for texts, and for columns that have no values of these users."""
    column = records.table.column(name)
    if column is None or name in records.textual:
        return None
    rows = records.table.ids.find_all(interactions.users)
    if isinstance(column, NumberColumn):
        return _coded_numbers(column, rows)
    return _coded_texts(column, rows)


def _coded_texts(column: TextColumn, rows: NDArray[np.int32]) -> _Coded | None:
    cells = column.codes[rows]
    counts = np.bincount(cells[cells >= 0], minlength=len(column.cells))
    kept = np.sort(np.argsort(-counts, kind="stable")[: min(MOST_VALUES, np.count_nonzero(counts))])
    if len(kept) == 0:
        return None
    code_of_cell = np.full(len(column.cells) + 1, -1, np.int16)
    code_of_cell[kept] = np.arange(len(kept))
    values = tuple(column.cells.texts(kept.astype(np.int32)))
    return TraitColumn(column.name, False, np.empty(0)), values, code_of_cell[cells]


def _coded_numbers(column: NumberColumn, rows: NDArray[np.int32]) -> _Coded | None:
    numbers = column.values[rows].astype(np.float64)
    is_known = ~column.is_null[rows] & np.isfinite(numbers)
    if not is_known.any():
        return None
    trait = TraitColumn(column.name, True, _edges(numbers[is_known]))
    codes = np.where(is_known, np.searchsorted(trait.edges, numbers, side="right"), -1).astype(np.int16)
    return trait, tuple(str(place) for place in range(len(trait.edges) + 1)), codes


def _edges(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges between bins, halfway between two numbers that occur.

    Few different numbers have a bin each, more share them by quantiles.
    """
    different = np.unique(numbers)
    firsts = np.arange(1, len(different))
    if len(different) > MOST_BINS:
        inner = np.linspace(0.0, 1.0, MOST_BINS + 1)[1:-1]
        firsts = np.unique(np.searchsorted(different, np.quantile(numbers, inner, method="higher")))
        firsts = firsts[firsts > 0]
    return np.asarray((different[firsts - 1] + different[firsts]) / 2.0, np.float64)
