"""GetActionRecommendations: what a user will most likely take, and what has been said and done since."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.api.refusals import refused
from tests.api.stores_of_actions import ACTIONS, CHANCES, DAY, N_USERS, NOW, ActionStore, meetings
from tests.api.stores_of_items import a_store, popular_items
from tests.databases import new_database
from tests.queue_bench import TestClock
from tests.world import World, running_server, until

SCORED = {"app", "letter", "card"}
"""Of the actions that are not over, those with enough data."""
METRICS = {
    "coverage",
    "normalized_discounted_cumulative_gain_at_5",
    "normalized_discounted_cumulative_gain_at_10",
    "normalized_discounted_cumulative_gain_at_25",
    "precision",
    "recall",
    "area_under_curve",
}


@dataclass
class Served:
    """A store with a campaign, on a clock that stands still."""

    store: ActionStore
    version: str
    campaign: str
    clock: TestClock

    def recommend(self, user: str, number: int = 100) -> dict[str, float]:
        return self.store.recommend(self.campaign, user, numResults=number)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    clock = TestClock()
    assert int(clock.now) == NOW
    folder = tmp_path_factory.mktemp("actions") / "data"
    with new_database() as url, running_server(folder, url, clock=clock) as server:
        store = ActionStore(World(server), meetings())
        version = store.version()
        yield Served(store, version, store.world.campaign(version), clock)


def test_users_get_the_actions_that_their_kind_takes(served: Served) -> None:
    better = 0
    for user in range(N_USERS):
        scores = served.recommend(f"u{user}")
        better += (scores["app"] > scores["letter"]) == (user % 2 == 0)
        assert next(iter(scores)) in SCORED
    assert better / N_USERS > 0.95


def test_scores_are_independent_probabilities(served: Served) -> None:
    answers = [served.recommend(f"u{user}") for user in range(1, 60, 2)]
    means = {action: sum(scores[action] for scores in answers) / 30 for action in ("app", "letter")}

    assert means["letter"] == pytest.approx(CHANCES["letter"][1], abs=0.15)
    assert means["app"] == pytest.approx(CHANCES["app"][1], abs=0.15)
    assert {action: answers[0][action] for action in SCORED & answers[0].keys()} == {
        action: score for action, score in served.recommend("u1").items() if score
    }


def test_actions_with_too_little_data_come_last_without_a_score_the_more_valuable_first(
    served: Served,
) -> None:
    scores = served.recommend("u2")

    assert {action: score for action, score in scores.items() if score == 0.0} == {"dear": 0.0, "cheap": 0.0}
    assert list(scores)[-2:] == ["dear", "cheap"]


def test_an_action_that_has_expired_is_not_recommended(served: Served) -> None:
    assert "over" in ACTIONS
    assert all("over" not in served.recommend(f"u{user}") for user in range(20))


def test_an_action_is_left_out_until_it_may_be_repeated(served: Served) -> None:
    lines = [line.split(",") for line in meetings().splitlines()]
    taken = {user for user, action, kind, _ in lines[1:] if (action, kind) == ("card", "TAKEN")}

    assert all(
        ("card" in served.recommend(user)) != (user in taken)
        for user in (f"u{number}" for number in range(30))
    )


def test_an_action_taken_now_is_left_out_of_the_next_answer_in_any_spelling(served: Served) -> None:
    assert "card" in served.recommend("fresh")
    served.store.do("fresh", "card", "taken")
    assert "card" not in served.recommend("fresh")
    served.store.do("other", "card", "taken", NOW - 31 * DAY)
    assert "card" in served.recommend("other")


def test_what_users_read_changes_their_next_answer(served: Served) -> None:
    before = served.recommend("reader")
    served.store.read("reader", "i2", "i4", "i8", "i12")
    until(lambda: served.recommend("reader") != before, "events count", 5)
    even = served.recommend("reader")
    served.store.read("stranger", "i1", "i3", "i7", "i11")
    until(lambda: served.recommend("stranger") != before, "events count", 5)
    odd = served.recommend("stranger")

    assert even["app"] > before["app"] > odd["app"]
    assert even["letter"] < before["letter"] < odd["letter"]


def test_a_few_actions_come_by_default_and_as_many_as_asked(served: Served) -> None:
    assert len(served.store.recommend(served.campaign, "unknown")) == 5
    assert len(served.store.recommend(served.campaign, "unknown", numResults=0)) == 5
    assert len(served.store.recommend(served.campaign, "unknown", numResults=1)) == 1


def test_filters_choose_actions_by_their_columns_and_by_what_was_done(served: Served) -> None:
    store = served.store
    mail = store.filter("mail", "INCLUDE ActionID WHERE Actions.KIND IN ($KIND)")
    done = store.filter("done", 'EXCLUDE ActionID WHERE Action_Interactions.EVENT_TYPE IN ("Not Taken")')
    values = {"KIND": '"mail"'}

    assert store.recommend(served.campaign, "anyone", filterArn=mail, filterValues=values).keys() == {
        "letter",
        "card",
    }
    refusers = {line.split(",")[0] for line in meetings().splitlines() if ",app,NOT_TAKEN," in line}
    user = "u1" if "u1" in refusers else "u3"
    assert "app" in served.recommend(user)
    assert "app" not in store.recommend(served.campaign, user, filterArn=done)
    assert "letter" in store.recommend(served.campaign, "anyone", filterArn=done)
    store.do("anyone", "letter", "NOT_TAKEN")
    assert "letter" not in store.recommend(served.campaign, "anyone", filterArn=done)


def test_an_action_that_is_put_as_expired_goes_at_once_where_actions_are_indexed(served: Served) -> None:
    store = served.store
    store.filter("indexed", 'EXCLUDE ActionID WHERE Actions.KIND IN ("none")')
    store.put("dear", kind="shop", value=9, expirationTimestamp=NOW - 1)
    until(lambda: "dear" not in served.recommend("u5"), "the action has expired", 5)
    store.put("dear", kind="shop", value=9)
    until(lambda: "dear" in served.recommend("u5"), "it has not any more", 5)


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"numResults": 101}, "at most 100 actions"),
        ({"userId": ""}, "userId is required"),
        ({"filterValues": {"KIND": '"mail"'}}, "filterValues is given without filterArn"),
        ({"campaignArn": "arn:aws:personalize:us-east-1:000000000000:campaign/none"}, "does not exist"),
    ],
)
def test_what_cannot_be_answered_is_refused(served: Served, members: dict[str, object], words: str) -> None:
    ask = served.store.world.runtime.get_action_recommendations
    given = {"campaignArn": served.campaign, "userId": "u1"} | members

    assert words in refused("InvalidInputException", ask, **given)


def test_each_kind_of_campaign_has_its_own_operation_and_its_own_filters(served: Served) -> None:
    store, world = served.store, served.store.world
    other = a_store(world)
    items = other.deploy(popular_items("i1", "i2"))
    of_items = store.filter("of-items", 'EXCLUDE ItemID WHERE Interactions.EVENT_TYPE IN ("view")')
    ask, given = world.runtime.get_action_recommendations, {"userId": "u1"}

    def wrong(call: Any, **members: Any) -> str:
        return refused("InvalidInputException", call, **given, **members)

    assert "does not recommend actions" in wrong(ask, campaignArn=items)
    assert "ask it with GetActionRecommendations" in wrong(
        world.runtime.get_recommendations, campaignArn=served.campaign
    )
    assert "chooses items, not actions" in wrong(ask, campaignArn=served.campaign, filterArn=of_items)


def test_the_metrics_are_those_of_actions(served: Served) -> None:
    metrics = served.store.world.personalize.get_solution_metrics(solutionVersionArn=served.version)[
        "metrics"
    ]

    assert metrics.keys() == METRICS
    assert metrics["area_under_curve"] > 0.7
    assert metrics["recall"] == metrics["coverage"] == 1.0


def test_a_new_action_enters_with_the_next_update(served: Served) -> None:
    store = served.store
    served.clock.now += 60.0
    store.put("new", kind="mail", value=3)
    assert "new" not in served.recommend("u6")
    served.clock.now += 7_300.0
    store.world.tick()
    until(lambda: "new" in served.recommend("u6"), "the new action is there", 10)
    scores = served.recommend("u6")

    assert scores["new"] == 0.0
    assert scores["app"] > scores["letter"]


def test_a_group_without_actions_is_told_so(world: World) -> None:
    group = world.dataset_group()
    world.interactions(group)
    solution = {
        "name": "x",
        "datasetGroupArn": group,
        "recipeArn": "arn:aws:personalize:::recipe/aws-next-best-action",
    }

    assert "Actions" in refused("InvalidInputException", world.personalize.create_solution, **solution)
