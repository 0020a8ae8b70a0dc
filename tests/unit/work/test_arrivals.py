"""What counts as new to a training, and what does not."""

import pytest
from sqlalchemy import insert

from openpersonalize.storage.log_tables import ActionInteractionRow, EventRow
from openpersonalize.storage.stores import Stores
from openpersonalize.storage.tables import DatasetGroupRow, DatasetRow, SchemaRow
from openpersonalize.work.arrivals import SLACK_S, have_arrived
from tests.queue_bench import Bench

HOUR_S = 3_600.0
N_EVENTS = 40


@pytest.fixture
def stores(bench: Bench) -> Stores:
    """Two groups of next best actions: events an hour apart, those of the second after those of the first."""
    schema = bench.identity("schema", "s")
    del schema["status"]
    with bench.stores.database.write() as session:
        session.add(SchemaRow(**schema, schema="{}"))
        session.flush()
        for number, name in enumerate("ab", start=1):
            group = DatasetGroupRow(id=number, **bench.identity("dataset-group", name))
            session.add(group)
            session.flush()
            session.add(
                DatasetRow(
                    id=number,
                    **bench.identity("dataset", f"{name}/ACTION_INTERACTIONS"),
                    dataset_group_arn=group.arn,
                    dataset_type="ACTION_INTERACTIONS",
                    schema_arn=schema["arn"],
                )
            )
        common = {"user_key": "u", "session_id": "s", "event_type": "view", "timestamp": 1}
        session.execute(
            insert(EventRow),
            [
                common
                | {
                    # Numbers with gaps, as erased and repeated events leave them.
                    "id": 10 + number * number,
                    "dataset_group_id": 1 if number < N_EVENTS else 2,
                    "duplicate_key": number.to_bytes(16),
                    "item_id": "i",
                    "received_at": 1_700_000_000.0 + number * HOUR_S,
                }
                for number in range(2 * N_EVENTS)
            ],
        )
        done = {"dataset_id": 1, "duplicate_key": bytes(16), "action_id": "a", "received_at": 1_800_000_000.0}
        session.execute(insert(ActionInteractionRow), [common | done])
    return bench.stores


def arrived(stores: Stores, bench: Bench, name: str, since: float, *, with_actions: bool = False) -> bool:
    with stores.database.read() as session:
        return have_arrived(session, bench.arn("dataset-group", name), since, with_actions=with_actions)


@pytest.mark.parametrize("hours", [-10, -0.5, 0, 0.5, 7, 20.5, N_EVENTS - 2, N_EVENTS - 1.5])
def test_an_event_that_is_newer_counts(stores: Stores, bench: Bench, hours: float) -> None:
    assert arrived(stores, bench, "a", 1_700_000_000.0 + hours * HOUR_S)


@pytest.mark.parametrize("hours", [N_EVENTS - 1, N_EVENTS - 0.5, N_EVENTS + 1, 2 * N_EVENTS, 10_000])
def test_older_events_and_those_of_other_groups_do_not(stores: Stores, bench: Bench, hours: float) -> None:
    assert not arrived(stores, bench, "a", 1_700_000_000.0 + hours * HOUR_S)


def test_any_event_counts_where_nothing_was_trained_yet(stores: Stores, bench: Bench) -> None:
    assert arrived(stores, bench, "a", 0.0)
    assert not arrived(stores, bench, "nothing", 0.0)


def test_an_event_of_a_clock_that_is_slow_counts(stores: Stores, bench: Bench) -> None:
    since = 1_700_000_000.0 + (2 * N_EVENTS) * HOUR_S
    late = {"dataset_group_id": 1, "duplicate_key": b"late", "user_key": "u", "session_id": "s"}
    late |= {"item_id": "i", "event_type": "view", "timestamp": 1}
    with stores.database.write() as session:
        session.execute(insert(EventRow), [late | {"received_at": since + 5.0}])
        behind = late | {
            "duplicate_key": b"behind",
            "dataset_group_id": 2,
            "received_at": since - SLACK_S / 2,
        }
        session.execute(insert(EventRow), [behind])

    assert arrived(stores, bench, "a", since)


def test_action_interactions_count_for_next_best_actions_only(stores: Stores, bench: Bench) -> None:
    since = 1_750_000_000.0

    assert arrived(stores, bench, "a", since, with_actions=True)
    assert not arrived(stores, bench, "a", since)
    assert not arrived(stores, bench, "b", since, with_actions=True)
