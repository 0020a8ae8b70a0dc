"""Dry runs of filters over HTTP: what each expression keeps and removes, and the picture of a wrong one."""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.wire import authorization
from tests.log_watch import WATCH
from tests.world import FIELDS, World, running_server, text_field

PATH = "/_openpersonalize/filters/test"
ITEMS = (
    text_field("ITEM_ID"),
    text_field("GENRE", type=["null", "string"], categorical=True),
    {"name": "PRICE", "type": ["null", "float"]},
)
USERS = (text_field("USER_ID"), {"name": "AGE", "type": ["null", "int"]})
EVENTS = (*FIELDS["Interactions"], text_field("EVENT_TYPE"))
ITEM_ROWS = "ITEM_ID,GENRE,PRICE\ni1,drama,5\ni2,drama|comedy,15\ni3,comedy,25\ni4,,\n"
USER_ROWS = "USER_ID,AGE\nu1,30\nu2,\n"


@dataclass(frozen=True)
class Store:
    """A dataset group with items, users and events."""

    world: World
    group: str
    tracking_id: str

    def send(self, expression: str, **members: Any) -> httpx.Response:
        """Ask for a dry run, as the account that owns the group."""
        return send(self.world, self.group, expression, **members)

    def tried(self, expression: str, **members: Any) -> dict[str, Any]:
        """What a dry run says that must work."""
        answer = self.send(expression, **members)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def kept(self, expression: str, **members: Any) -> list[str]:
        """The ids that a filter keeps."""
        found: list[str] = self.tried(expression, **members)["keptIds"]
        return found

    def put_event(self, user_id: str, item_id: str, event_type: str, sent_at: int = 0) -> None:
        event = {"eventType": event_type, "itemId": item_id, "sentAt": sent_at or int(time.time())}
        self.world.events.put_events(
            trackingId=self.tracking_id, userId=user_id, sessionId="s", eventList=[event]
        )


def send(world: World, group: str, expression: str, **members: Any) -> httpx.Response:
    body = {"datasetGroupArn": group, "filterExpression": expression, **members}
    WATCH.learn_request(body)
    headers = {"authorization": authorization(key=world.account, region=world.region)}
    return world.http.post(PATH, json=body, headers=headers)


def event_rows() -> str:
    """Events enough for an import; u1 bought i1 and watched i9, which has no record."""
    lines = ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", "u1,i1,1600000000,Buy", "u1,i9,1600000001,watch"]
    lines += [f"v{number},i3,{1_600_000_000 + number},watch" for number in range(1000)]
    return "\n".join(lines) + "\n"


def a_store(world: World) -> Store:
    group = world.dataset_group()
    for record, fields, rows in (
        ("Items", ITEMS, ITEM_ROWS),
        ("Users", USERS, USER_ROWS),
        ("Interactions", EVENTS, event_rows()),
    ):
        world.imported(world.dataset(group, record, *fields), rows)
    tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)
    world.personalize.create_filter(
        name="all",
        datasetGroupArn=group,
        filterExpression="INCLUDE ItemID WHERE Items.PRICE > 0 IF CurrentUser.AGE > 0 "
        '| EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")',
    )
    world.settle()
    return Store(world, group, tracker["trackingId"])


@pytest.fixture
def store(world: World) -> Store:
    """A store whose datasets are indexed."""
    return a_store(world)


def test_each_clause_says_what_it_keeps_and_removes(store: Store) -> None:
    found = store.tried(
        'include itemid where items.genre in ("drama") '
        '| EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("buy")',
        userId="u1",
    )

    assert (found["target"], found["candidates"], found["kept"], found["keptIds"]) == ("ItemID", 5, 1, ["i2"])
    assert found["clauses"] == [
        {
            "expression": 'INCLUDE ItemID WHERE Items.GENRE IN ("drama")',
            "action": "INCLUDE",
            "applied": True,
            "matched": 2,
            "kept": 2,
            "removed": 3,
        },
        {
            "expression": 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("buy")',
            "action": "EXCLUDE",
            "applied": True,
            "matched": 1,
            "kept": 4,
            "removed": 1,
        },
    ]


def test_items_without_a_record_are_candidates_whose_values_are_null(store: Store) -> None:
    assert store.kept("INCLUDE ItemID WHERE Items.PRICE < 100") == ["i1", "i2", "i3"]
    assert store.kept('INCLUDE ItemID WHERE Items.GENRE NOT IN ("drama")') == ["i3", "i4", "i9"]


def test_a_filter_may_compare_with_the_current_item(store: Store) -> None:
    expression = "INCLUDE ItemID WHERE Items.PRICE > CurrentItem.PRICE"

    assert store.kept(expression, itemId="i1") == ["i2", "i3"]
    assert store.kept(expression, itemId="unknown7item") == []
    answer = store.send(expression)
    assert (answer.status_code, answer.json()["message"]) == (
        400,
        "The filter compares with CurrentItem: give the itemId of an item.",
    )


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"userId": "u1"}, None),
        ({"userId": "u2"}, "IF does not hold: CurrentUser.AGE >= … is false, as the user has no value there"),
        ({}, "IF does not hold: CurrentUser.AGE >= … is false, as the user has no value there"),
    ],
)
def test_a_clause_whose_if_does_not_hold_is_not_applied(
    store: Store, members: dict[str, str], why: str | None
) -> None:
    found = store.tried('EXCLUDE ItemID WHERE Items.GENRE IN ("drama") IF CurrentUser.AGE >= 18', **members)
    (clause,) = found["clauses"]

    assert clause.get("why") == why
    assert clause["applied"] == (why is None)
    assert (found["kept"], clause["kept"], clause["removed"]) == ((3, 3, 2) if why is None else (5, 5, 0))


def test_values_are_given_as_in_a_request(store: Store) -> None:
    expression = "INCLUDE ItemID WHERE Items.GENRE IN ($GENRES) | EXCLUDE ItemID WHERE Items.PRICE > $MOST"

    found = store.tried(expression, filterValues={"GENRES": '"comedy"', "MOST": "20", "OTHER": "1"})
    assert found["keptIds"] == ["i2"]
    found = store.tried(expression, filterValues={"GENRES": '"comedy"'})
    assert (found["keptIds"], found["clauses"][1]["why"]) == (
        ["i2", "i3"],
        "filterValues has no value for $MOST",
    )
    for values, said in (
        ({}, "filterValues lacks GENRES"),
        ({"GENRES": '"x'}, "filterValues has a text for GENRES that is no list of values"),
        ({"GENRES": '"x"', "MOST": '"secret7c"'}, "has a value for MOST that is no number"),
    ):
        answer = store.send(expression, filterValues=values)
        assert answer.status_code == 400
        assert said in answer.json()["message"]
        assert "secret7c" not in answer.text


def test_what_was_put_a_moment_ago_counts(store: Store) -> None:
    store.put_event("u1", "i2", "BUY")
    store.put_event("u1", "i10", "watch")
    store.world.events.put_items(
        datasetArn=store.world.arn("dataset", "store", "ITEMS"),
        items=[
            {"itemId": "i1", "properties": json.dumps({"genre": "horror", "price": 3.0})},
            {"itemId": "i11", "properties": json.dumps({"genre": "drama"})},
        ],
    )

    assert store.kept('EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("Buy")', userId="u1") == [
        *("i3", "i4", "i11", "i9", "i10")
    ]
    assert store.kept('INCLUDE ItemID WHERE Items.GENRE IN ("drama")') == ["i2", "i11"]
    assert store.kept('INCLUDE ItemID WHERE Items.ITEM_ID IN ("i11", "i1")') == ["i1", "i11"]


def test_users_are_chosen_by_their_own_columns_and_by_their_events(store: Store) -> None:
    store.put_event("w1", "i2", "wave")

    assert store.kept("INCLUDE UserID WHERE Users.AGE > 20") == ["u1"]
    found = store.tried('INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("buy", "wave")')
    assert (found["candidates"], found["keptIds"]) == (1003, ["u1", "w1"])
    assert len(store.kept('INCLUDE UserID WHERE Interactions.EVENT_TYPE IN ("watch")')) == 10


def test_actions_are_chosen_by_their_columns_and_by_what_the_user_did(world: World) -> None:
    group = world.dataset_group()
    world.imported(world.dataset(group, "Actions"), "ACTION_ID,KIND\na1,mail\na2,call\n")
    done = world.dataset(group, "ActionInteractions")
    rows = ["USER_ID,ACTION_ID,EVENT_TYPE,TIMESTAMP", "u1,a1,Taken,1600000000"]
    rows += [f"v{number},a3,Viewed,1600000000" for number in range(1000)]
    world.imported(done, "\n".join(rows) + "\n")
    for expression in (
        'INCLUDE ActionID WHERE Actions.KIND IN ("mail")',
        'EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("taken")',
    ):
        world.personalize.create_filter(
            name=f"f{len(expression)}", datasetGroupArn=group, filterExpression=expression
        )
    world.settle()
    store = Store(world, group, "")
    tracking_id = world.personalize.describe_dataset(datasetArn=done)["dataset"]["trackingId"]
    world.events.put_action_interactions(
        trackingId=tracking_id,
        actionInteractions=[
            {"actionId": "a2", "userId": "u1", "sessionId": "s", "eventType": "Taken", "timestamp": 1.7e9}
        ],
    )

    assert store.kept('INCLUDE ActionID WHERE Actions.KIND IN ("mail")') == ["a1"]
    expression = 'EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("taken")'
    assert store.kept(expression, userId="u1") == ["a3"]


def test_only_the_newest_hundred_events_of_a_type_count_where_awss_quotas_hold(tmp_path: Path) -> None:
    with running_server(tmp_path / "data", limits="aws") as server:
        world = World(server)
        group = world.dataset_group()
        rows = ["USER_ID,ITEM_ID,TIMESTAMP,EVENT_TYPE", "u1,bought,1600000000,buy"]
        rows += [f"u1,i{number},{1_600_000_000 + number},watch" for number in range(1000)]
        world.imported(world.dataset(group, "Interactions", *EVENTS), "\n".join(rows) + "\n")
        tracker = world.personalize.create_event_tracker(name="t", datasetGroupArn=group)["trackingId"]
        store = Store(world, group, tracker)
        expression = 'INCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("*")'
        world.personalize.create_filter(name="all", datasetGroupArn=group, filterExpression=expression)
        world.settle()
        before = store.tried(expression, userId="u1")["kept"]
        for number in range(3):
            store.put_event("u1", f"i{number}", "watch")

        assert (before, store.tried(expression, userId="u1")["kept"]) == (101, 101)
        assert store.kept(expression, userId="u1")[:4] == ["bought", "i0", "i1", "i2"]


def test_a_wrong_expression_comes_back_to_its_sender_with_a_caret(store: Store) -> None:
    expression = 'INCLUDE ItemID WHERE Items.GENRE ("secret7b")'
    answer = store.send(expression)

    assert answer.status_code == 400
    assert answer.headers["x-amzn-errortype"] == "InvalidInputException"
    body = answer.json()
    assert (body["__type"], body["column"]) == ("InvalidInputException", 34)
    assert body["caret"].splitlines() == [expression, " " * 33 + "^"]
    assert body["message"].startswith("Invalid Expression at column 34: expected")
    assert "secret7b" not in body["message"]
    assert "secret7b" in WATCH.canaries
    assert not any("secret7b" in line for _, line in WATCH.lines)


def test_datasets_are_indexed_for_the_first_dry_run(world: World) -> None:
    group = world.dataset_group()
    world.imported(world.dataset(group, "Items", *ITEMS), ITEM_ROWS)
    with ThreadPoolExecutor(1) as threads:
        asked = threads.submit(send, world, group, "INCLUDE ItemID WHERE Items.PRICE > 10")
        while not asked.done():
            world.settle()
    answer = asked.result()

    assert answer.status_code == 200, answer.text
    assert answer.json()["keptIds"] == ["i2", "i3"]


def test_a_dry_run_says_so_when_indexes_take_their_time(world: World) -> None:
    group = world.dataset_group()
    world.imported(world.dataset(group, "Items", *ITEMS), ITEM_ROWS)
    answer = send(world, group, "INCLUDE ItemID WHERE Items.PRICE > 10")

    assert answer.status_code == 503
    assert answer.json() == {
        "__type": "ServiceUnavailableException",
        "message": "The rows of ITEMS are being indexed for filters: send the request again in a moment.",
    }


def test_a_group_of_another_account_or_region_does_not_exist(store: Store) -> None:
    expression = 'INCLUDE ItemID WHERE Items.GENRE IN ("drama")'
    others = [World(store.world.server), store.world.elsewhere(region="eu-west-1")]
    refusals = [send(other, store.group, expression) for other in others]
    # Without a signature a request belongs to the default account.
    body = {"datasetGroupArn": store.group, "filterExpression": expression}
    refusals.append(store.world.http.post(PATH, json=body))

    for answer in refusals:
        assert answer.status_code == 404
        assert answer.json() == {
            "__type": "ResourceNotFoundException",
            "message": f"The given dataset group does not exist: {store.group}",
        }


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, "Value null at 'datasetGroupArn'"),
        ({"filterExpression": "x" * 2501}, "less than or equal to 2500"),
        ({"userId": "secret7d" * 33}, "less than or equal to 256"),
        ({"filterValues": {"a-b": "1"}}, "must satisfy regular expression pattern"),
        ({"filterValues": ["secret7d"]}, "expected an object"),
    ],
)
def test_a_request_of_the_wrong_shape_is_refused(world: World, body: Mapping[str, Any], said: str) -> None:
    answer = world.http.post(PATH, json=body)

    assert answer.status_code == 400
    assert said in answer.json()["message"]
    assert "secret7d" not in answer.text


def test_pages_of_other_origins_cannot_ask(store: Store) -> None:
    answer = store.world.http.post(PATH, json={}, headers={"origin": "https://example.com"})

    assert answer.status_code == 403
    assert store.world.http.get(PATH).status_code == 405
