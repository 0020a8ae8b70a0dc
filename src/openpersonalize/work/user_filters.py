"""Filters on the users of a segment: which of a model's users one keeps, by all that is known now."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from sqlalchemy import select

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.errors import JobError
from openpersonalize.filters.checking import check, columns_of
from openpersonalize.filters.masks import Candidates, Mask, Part, Rows, Situation, check_types
from openpersonalize.filters.parser import parse
from openpersonalize.filters.syntax import Filter
from openpersonalize.filters.tokens import FilterError
from openpersonalize.filters.values import read_values
from openpersonalize.jobs.worker import RunningJob
from openpersonalize.models.event_pairs import EventPairs
from openpersonalize.models.ids import IdIndex
from openpersonalize.storage import records
from openpersonalize.storage.group_schemas import group_schemas
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetRow, FilterRow
from openpersonalize.work.indexing import dataset_events, dataset_table


@dataclass(frozen=True)
class UserFilter:
    """A filter, the records of its candidates, and the pairs of events if it names events."""

    tree: Filter
    schemas: Mapping[str, DatasetColumns]
    candidates: Candidates
    users: IdIndex
    pairs: EventPairs | None

    def kept(self, texts: Mapping[str, str]) -> Mask | None:
        """Which users are kept under some filterValues, bool by row; None keeps all.

        Raises InvalidInputException for values that do not fit.
        """
        given = read_values(texts, self.tree)
        check_types(self.tree, given, self._is_number)
        return self.candidates.mask(self.tree, Situation(given, events=self._with_events))

    def _is_number(self, dataset: str, name: str) -> bool:
        columns = self.schemas[dataset.upper()].columns
        return any(column.name == name and column.type != "string" for column in columns)

    def _with_events(self, types: frozenset[str] | None) -> Rows:
        """The users who had an event of one of some types, or of any (None)."""
        if self.pairs is None:
            return np.empty(0, np.int32)
        owners, places = self._owners
        if types is not None:
            is_wanted = np.array([one.casefold() in types for one in self.pairs.types], np.bool_)
            owners = owners[is_wanted[places]]
        return np.unique(owners[owners >= 0])

    @cached_property
    def _owners(self) -> tuple[Rows, Rows]:
        """By pair of events its user's row, -1 for one who is no candidate, and the place of its type."""
        if self.pairs is None:
            raise ValueError("the filter names no events")
        rows = self.users.find_all(self.pairs.users)
        return np.repeat(rows, np.diff(self.pairs.starts)), self.pairs.pair_types


def load_user_filter(job: RunningJob, stores: Stores, filter_arn: str, users: IdIndex) -> UserFilter:
    """Read a filter on users, and of its datasets what is imported and sent up to now.

    Raises JobError where it does not fit the group's datasets any more.
    """
    with stores.database.read() as session:
        row = records.named(session, FilterRow, filter_arn)
        schemas = group_schemas(session, row.dataset_group_arn)
        try:
            tree = check(parse(row.filter_expression), schemas)
        except FilterError as error:
            raise JobError(
                f"The filter does not fit the schemas of its dataset group any more: {filter_arn}. "
                f"{error.message} Delete it, and create another."
            ) from None
        found = session.execute(
            select(DatasetRow.dataset_type, DatasetRow.arn).where(
                DatasetRow.dataset_group_arn == row.dataset_group_arn
            )
        )
        arns = {dataset.dataset_type: dataset.arn for dataset in found}
    types = {column.partition(".")[0] for column in columns_of(tree)}
    parts: tuple[Part, ...] = ()
    if "USERS" in types:
        _, table = dataset_table(job, stores, arns["USERS"])
        parts = (Part(table, table.ids.find_all(users)),)
    pairs = dataset_events(job, stores, arns["INTERACTIONS"]) if "INTERACTIONS" in types else None
    return UserFilter(tree, schemas, Candidates(len(users), parts), users, pairs)
