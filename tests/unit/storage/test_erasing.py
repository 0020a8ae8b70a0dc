"""Many rows are deleted in short transactions."""

import pytest
from sqlalchemy import func, insert, select

from openpersonalize.storage import erasing
from openpersonalize.storage.log_tables import EventRow
from openpersonalize.storage.stores import Stores
from tests.queue_bench import Bench

N_ROWS = 2_500


@pytest.fixture
def stores(bench: Bench) -> Stores:
    """A log with events of two dataset groups by turns."""
    event = {
        "user_key": "u",
        "session_id": "s",
        "item_id": "i",
        "event_type": "view",
        "timestamp": 1,
        "received_at": 1.0,
    }
    rows = [
        event | {"dataset_group_id": 1 + number % 2, "duplicate_key": number.to_bytes(16)}
        for number in range(2 * N_ROWS)
    ]
    with bench.stores.database.write() as session:
        session.execute(insert(EventRow), rows)
    return bench.stores


def rows_of(stores: Stores, group: int) -> int:
    with stores.database.read() as session:
        of_group = EventRow.dataset_group_id == group
        return session.scalar(select(func.count()).select_from(EventRow).where(of_group)) or 0


def test_the_rows_of_one_go_in_pieces_and_those_of_others_stay(stores: Stores) -> None:
    told: list[tuple[int, int]] = []
    erased = erasing.erase(
        stores.database,
        EventRow,
        EventRow.dataset_group_id == 1,
        between=lambda n_erased: told.append((n_erased, rows_of(stores, 1))),
    )

    assert erased == N_ROWS
    assert told == [(1_000, 1_500), (2_000, 500), (2_500, 0)], "each piece is committed before the next"
    assert rows_of(stores, 2) == N_ROWS


def test_what_was_broken_off_is_ended_by_the_next_attempt(stores: Stores) -> None:
    def stop(_n_erased: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        erasing.erase(stores.database, EventRow, EventRow.dataset_group_id == 1, between=stop)
    left = rows_of(stores, 1)

    assert left == N_ROWS - erasing.PIECE
    assert erasing.erase(stores.database, EventRow, EventRow.dataset_group_id == 1) == left
    assert erasing.erase(stores.database, EventRow, EventRow.dataset_group_id == 1) == 0


def test_more_rows_than_are_looked_for_at_once_go_too(
    stores: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "FOUND_AT_ONCE", 1_100)

    assert erasing.erase(stores.database, EventRow, EventRow.dataset_group_id == 2) == N_ROWS
    assert (rows_of(stores, 1), rows_of(stores, 2)) == (N_ROWS, 0)
