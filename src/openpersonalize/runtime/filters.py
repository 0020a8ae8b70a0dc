"""The filters that requests may name: ACTIVE ones, parsed and checked once."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.errors import InvalidInputException, ResourceNotFoundException
from openpersonalize.filters.checking import check, columns_of
from openpersonalize.filters.parser import parse
from openpersonalize.filters.syntax import Filter
from openpersonalize.filters.tokens import FilterError
from openpersonalize.protocol.arns import Scope
from openpersonalize.storage.group_schemas import group_schemas
from openpersonalize.storage.tables import DatasetGroupRow, FilterRow

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ActiveFilter:
    """A filter that is ACTIVE."""

    arn: str
    row_id: int
    account: str
    region: str
    dataset_group_id: int
    tree: Filter | None
    """None where it does not fit the schemas any more."""
    texts: frozenset[tuple[str, str]] = field(default_factory=frozenset)
    """The columns of texts in the datasets that it names, each with its dataset as the tree names it."""
    why: str = ""
    """Why it does not fit."""

    def is_number(self, dataset: str, column: str) -> bool:
        """Whether a column that it names holds numbers."""
        return (dataset.upper(), column) not in self.texts

    @cached_property
    def reads_user(self) -> bool:
        """Whether what it keeps depends on the user of a request."""
        return self.tree is not None and any(each.is_of_events or each.user for each in self.tree.expressions)

    @cached_property
    def dataset_types(self) -> frozenset[str]:
        """The types of the datasets that it names."""
        if self.tree is None:
            return frozenset()
        return frozenset(column.partition(".")[0] for column in columns_of(self.tree))


Filters = Mapping[str, ActiveFilter]


def read_filters(session: Session, before: Filters) -> Filters:
    """All ACTIVE filters by ARN; those read before are kept, as an expression never changes."""
    rows = session.execute(
        select(FilterRow, DatasetGroupRow.id)
        .join(DatasetGroupRow, DatasetGroupRow.arn == FilterRow.dataset_group_arn)
        .where(FilterRow.status == "ACTIVE")
    )
    schemas: dict[str, Mapping[str, DatasetColumns]] = {}
    filters: dict[str, ActiveFilter] = {}
    for row, group_id in rows:
        known = before.get(row.arn)
        if known is None or known.row_id != row.id or known.tree is None:
            if row.dataset_group_arn not in schemas:
                schemas[row.dataset_group_arn] = _schemas_of(session, row.dataset_group_arn)
            known = _checked(row, group_id, schemas[row.dataset_group_arn])
        filters[row.arn] = known
    return filters


def _schemas_of(session: Session, group_arn: str) -> Mapping[str, DatasetColumns]:
    """The schemas of a group; none where one cannot be read, so that other groups' filters go on."""
    try:
        return group_schemas(session, group_arn)
    except InvalidInputException:
        log.error("a schema cannot be read", extra={"dataset_group": group_arn})
        return {}


def _checked(row: FilterRow, group_id: int, schemas: Mapping[str, DatasetColumns]) -> ActiveFilter:
    tree, why = None, ""
    try:
        tree = check(parse(row.filter_expression), schemas)
    except FilterError as error:
        why = error.message
    texts = frozenset(
        (dataset_type, column.name)
        for dataset_type, dataset in schemas.items()
        for column in dataset.columns
        if column.type == "string"
    )
    return ActiveFilter(row.arn, row.id, row.account, row.region, group_id, tree, texts, why)


def status_of(session: Session, arn: str, scope: Scope) -> str | None:
    """The state of a filter that is not ACTIVE; None where the account and region have none of this ARN."""
    query = select(FilterRow.status).where(
        FilterRow.arn == arn, FilterRow.account == scope.account, FilterRow.region == scope.region
    )
    return session.scalar(query)


def unusable(arn: str, status: str | None) -> InvalidInputException | ResourceNotFoundException:
    """The error for a filter that is not ACTIVE."""
    if status is None:
        return ResourceNotFoundException(f"The given filter does not exist: {arn}")
    remedy = "Wait until it is." if status.startswith("CREATE") and "FAILED" not in status else "Use another."
    return InvalidInputException(f"The filter is not ACTIVE but in state {status}: {arn}. {remedy}")
