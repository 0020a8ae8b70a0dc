"""Items, users, actions and action interactions put one by one: checked and stored in one transaction."""

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from hashlib import blake2b

from sqlalchemy import select
from sqlalchemy.orm import Session

from openpersonalize.domain.columns import DatasetColumns
from openpersonalize.domain.events import ACTION_EVENT_TYPES, EventColumns, action_event_type
from openpersonalize.domain.records import RecordColumns
from openpersonalize.domain.schemas import parse_schema
from openpersonalize.errors import (
    InvalidInputException,
    ResourceInUseException,
    ResourceNotFoundException,
    ThrottlingException,
)
from openpersonalize.events import ingest, shapes
from openpersonalize.events.refusals import make_each
from openpersonalize.protocol.arns import Scope
from openpersonalize.storage import records
from openpersonalize.storage.database import retry_on_contention
from openpersonalize.storage.record_log import (
    ActionInteraction,
    Record,
    append_action_interactions,
    append_records,
)
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetRow, SchemaRow

THREADS = 4
MAX_WAITING_CALLS = 2000

Given = tuple[str, str | None]
"""The id of a record, and its properties."""


class RecordWriter:
    """Stores what is put; each call is all or nothing, and answered when it is durable."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._threads: ThreadPoolExecutor | None = None
        self._waiting = 0

    def start(self) -> None:
        """Start the threads."""
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="record-writer")

    def stop(self) -> None:
        """Commit what is queued and end the threads."""
        if self._threads is not None:
            self._threads.shutdown()
            self._threads = None

    async def put_records(
        self, dataset_arn: str, dataset_type: str, given: list[Given], scope: Scope
    ) -> bytes:
        """Store a version of each record.

        Raises ResourceNotFoundException, ResourceInUseException or InvalidInputException.
        """

        def store(session: Session) -> None:
            dataset = records.find(session, DatasetRow, dataset_arn, scope, lock="shared")
            if dataset is None:
                raise ResourceNotFoundException(f"The given dataset does not exist: {dataset_arn}")
            if dataset.dataset_type != dataset_type:
                raise InvalidInputException(
                    f"{dataset_arn} is a dataset of {dataset.dataset_type}: name one of {dataset_type}."
                )
            _require_active(dataset)
            columns = RecordColumns.of(_columns_of(session, dataset))
            received_at = self._stores.clock()

            def row(record: Given) -> Record:
                record_id, properties = record
                return Record(dataset.id, record_id, columns.match(properties), received_at)

            append_records(session, make_each(dataset_type.lower(), given, row))

        return await self._commit(store)

    async def put_action_interactions(
        self, request: shapes.PutActionInteractionsRequest, scope: Scope
    ) -> bytes:
        """Store action interactions; those that are stored already, and taken event ids, are dropped.

        Raises ResourceNotFoundException, ResourceInUseException or InvalidInputException.
        """

        def store(session: Session) -> None:
            dataset = _dataset_of(session, request.tracking_id, scope)
            columns = EventColumns.of(_columns_of(session, dataset))
            append_action_interactions(
                session, _rows(request.action_interactions, columns, dataset.id, self._stores.clock())
            )

        return await self._commit(store)

    async def _commit(self, store: Callable[[Session], None]) -> bytes:
        if self._waiting >= MAX_WAITING_CALLS:
            raise ThrottlingException("The database does not keep up: send the records again a little later.")
        self._waiting += 1
        try:
            await asyncio.get_running_loop().run_in_executor(self._threads, self._in_transaction, store)
        finally:
            self._waiting -= 1
        return b""

    def _in_transaction(self, store: Callable[[Session], None]) -> None:
        def transaction() -> None:
            with self._stores.database.write() as session:
                store(session)

        retry_on_contention(transaction)


def _dataset_of(session: Session, tracking_id: str, scope: Scope) -> DatasetRow:
    """The ACTIVE dataset of a tracking id, kept from changing until the transaction ends."""
    dataset = session.scalar(
        select(DatasetRow).where(DatasetRow.tracking_id == tracking_id).with_for_update(read=True)
    )
    if dataset is None or (dataset.account, dataset.region) != (scope.account, scope.region):
        raise ResourceNotFoundException(
            f"The given tracking id does not exist: {tracking_id}. Use the trackingId of an "
            "Action_Interactions dataset, which DescribeDataset shows."
        )
    _require_active(dataset)
    return dataset


def _require_active(dataset: DatasetRow) -> None:
    if dataset.status != "ACTIVE":
        raise ResourceInUseException(
            f"The dataset is not ACTIVE but in state {dataset.status}: {dataset.arn}. Wait until it is."
        )


def _columns_of(session: Session, dataset: DatasetRow) -> DatasetColumns:
    schema = records.named(session, SchemaRow, dataset.schema_arn)
    return _parsed(schema.schema, schema.domain)


@lru_cache(maxsize=256)
def _parsed(text: str, domain: str | None) -> DatasetColumns:
    return parse_schema(text, domain).columns


def _rows(
    given: Sequence[shapes.ActionInteraction], columns: EventColumns, dataset_id: int, received_at: float
) -> list[ActionInteraction]:
    return make_each("actionInteractions", given, lambda each: _row(each, columns, dataset_id, received_at))


def _row(
    given: shapes.ActionInteraction, columns: EventColumns, dataset_id: int, received_at: float
) -> ActionInteraction:
    kind = action_event_type(given.event_type)
    if kind is None:
        raise InvalidInputException(
            f"The eventType of an action interaction must be one of {', '.join(ACTION_EVENT_TYPES)}."
        )
    properties = columns.match(given.properties).columns
    timestamp = ingest.seconds("timestamp", given.timestamp)
    # A session and a user of the same name are two.
    owner = f"s{given.session_id}" if given.user_id is None else f"u{given.user_id}"
    said = f"{owner}\0{given.action_id}\0{kind}\0{timestamp}\0{properties}"
    return ActionInteraction(
        dataset_id,
        blake2b(said.encode(), digest_size=16).digest(),
        given.event_id,
        given.session_id if given.user_id is None else given.user_id,
        given.user_id,
        given.session_id,
        given.action_id,
        given.event_type,
        timestamp,
        properties,
        given.recommendation_id,
        ingest.listed(given.impression),
        received_at,
    )
