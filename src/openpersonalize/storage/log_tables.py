"""The logs of the SQL database: what arrives one by one, and what was shown; beside `tables`."""

from sqlalchemy import Index, LargeBinary, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from openpersonalize.storage.tables import Base, RowNumber


class EventRow(Base):
    """One interaction that came through PutEvents; append-only."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("dataset_group_id", "duplicate_key", name="uq_events_duplicate"),
        UniqueConstraint("dataset_group_id", "event_id", name="uq_events_event_id"),
        Index("ix_events_user", "dataset_group_id", "user_key", "timestamp"),
        # On SQLite, where txid is always 0, nothing is in it, and it costs no insert anything.
        Index("ix_events_log", "txid", "id", sqlite_where=text("txid > 0")),
        Index(
            "ix_events_recommendation",
            "recommendation_id",
            sqlite_where=text("recommendation_id IS NOT NULL"),
            postgresql_where=text("recommendation_id IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    txid: Mapped[int] = mapped_column(RowNumber, default=0)
    """PostgreSQL's transaction number, so that the log is read in an order in which nothing appears late;
    0 on SQLite, where `id` has that property."""
    dataset_group_id: Mapped[int] = mapped_column(RowNumber)
    duplicate_key: Mapped[bytes] = mapped_column(LargeBinary(16))
    """Hash of user or session, item, event type, timestamp, value and properties."""
    event_id: Mapped[str | None] = mapped_column(String(256))
    """The caller's eventId; NULL when none was given."""
    user_key: Mapped[str] = mapped_column(String(256))
    """userId, or sessionId of an anonymous user."""
    user_id: Mapped[str | None] = mapped_column(String(256))
    session_id: Mapped[str] = mapped_column(String(256))
    item_id: Mapped[str] = mapped_column(String(256))
    event_type: Mapped[str] = mapped_column(String(256))
    event_value: Mapped[float | None]
    timestamp: Mapped[int] = mapped_column(RowNumber)
    properties: Mapped[str | None] = mapped_column(Text)
    """The remaining columns as canonical JSON, keyed by the schema's column names."""
    recommendation_id: Mapped[str | None] = mapped_column(String(40))
    impression: Mapped[str | None] = mapped_column(Text)
    attribution_source: Mapped[str | None] = mapped_column(String(1024))
    source_arn: Mapped[str | None] = mapped_column(String(256))
    """The campaign or recommender that gave out `recommendation_id`; NULL if none of the group did."""
    received_at: Mapped[float]


class ShownListRow(Base):
    """The items of one answer, which are the impression of events that carry its recommendationId."""

    __tablename__ = "shown_lists"
    __table_args__ = (
        Index("ix_shown_lists_age", "is_kept", "shown_at"),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    recommendation_id: Mapped[str] = mapped_column(String(40), unique=True)
    source_arn: Mapped[str] = mapped_column(String(256))
    item_ids: Mapped[str] = mapped_column(Text)
    """A JSON list, in the order shown."""
    shown_at: Mapped[float]
    is_kept: Mapped[bool] = mapped_column(default=False)
    """Set when the list would expire and an event names it; see `storage.shown`."""


class ActionInteractionRow(Base):
    """One action interaction that came through PutActionInteractions; append-only."""

    __tablename__ = "action_interactions"
    __table_args__ = (
        UniqueConstraint("dataset_id", "duplicate_key", name="uq_action_interactions_duplicate"),
        UniqueConstraint("dataset_id", "event_id", name="uq_action_interactions_event_id"),
        Index("ix_action_interactions_user", "dataset_id", "user_key", "timestamp"),
        Index("ix_action_interactions_log", "txid", "id", sqlite_where=text("txid > 0")),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    txid: Mapped[int] = mapped_column(RowNumber, default=0)
    """As in `EventRow`."""
    dataset_id: Mapped[int] = mapped_column(RowNumber)
    duplicate_key: Mapped[bytes] = mapped_column(LargeBinary(16))
    event_id: Mapped[str | None] = mapped_column(String(256))
    user_key: Mapped[str] = mapped_column(String(256))
    user_id: Mapped[str | None] = mapped_column(String(256))
    session_id: Mapped[str] = mapped_column(String(256))
    action_id: Mapped[str] = mapped_column(String(256))
    event_type: Mapped[str] = mapped_column(String(256))
    timestamp: Mapped[int] = mapped_column(RowNumber)
    properties: Mapped[str | None] = mapped_column(Text)
    recommendation_id: Mapped[str | None] = mapped_column(String(40))
    impression: Mapped[str | None] = mapped_column(Text)
    received_at: Mapped[float]


class RecordRow(Base):
    """One version of an item, user or action that came through PutItems, PutUsers or PutActions.

    Append-only: the newest version of an id holds, and exports need the others.
    """

    __tablename__ = "records"
    __table_args__ = (
        Index("ix_records_newest", "dataset_id", "record_id", "id"),
        Index("ix_records_log", "txid", "id", sqlite_where=text("txid > 0")),
        {"sqlite_autoincrement": True},
    )
    id: Mapped[int] = mapped_column(RowNumber, primary_key=True, autoincrement=True)
    txid: Mapped[int] = mapped_column(RowNumber, default=0)
    """As in `EventRow`."""
    dataset_id: Mapped[int] = mapped_column(RowNumber)
    record_id: Mapped[str] = mapped_column(String(256))
    properties: Mapped[str | None] = mapped_column(Text)
    """The other columns as canonical JSON, keyed by the schema's column names."""
    received_at: Mapped[float]
