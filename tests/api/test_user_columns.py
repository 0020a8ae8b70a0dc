"""Columns of the Users dataset decide what is shown, unless the solution excludes them."""

import json
from typing import Any

import numpy as np
import pytest

from tests.api.stores_of_newcomers import NOW, NewcomerStore
from tests.world import World, until

N_USERS, EACH, N_ITEMS = 120, 10, 40
NEWCOMERS = ["gold-user,gold,", "tin-user,tin,", "young-user,,22", "old-user,,53", "nobody,,"]


def _interactions() -> str:
    """Users of the plan `gold`, all even ones, have even items, the others odd ones; the rest is chance."""
    generator = np.random.default_rng(4)
    lines = ["USER_ID,ITEM_ID,EVENT_TYPE,TIMESTAMP"]
    for user in range(N_USERS):
        chosen = 2 * generator.choice(N_ITEMS // 2, EACH, replace=False) + user % 2
        lines += [
            f"u{user},space-{item:02},Watch,{NOW - 60 * (EACH - 1 - place)}"
            for place, item in enumerate(chosen)
        ]
    return "\n".join(lines) + "\n"


def _users() -> str:
    """Those of a plan are of an age too; of users without events only one of both is known, or none."""
    lines = ["USER_ID,PLAN,AGE"]
    lines += [
        f"u{user},{('gold', 'tin')[user % 2]},{20 + 30 * (user % 2) + user % 7}" for user in range(N_USERS)
    ]
    return "\n".join([*lines, *NEWCOMERS]) + "\n"


@pytest.fixture(scope="module")
def store(server: Any) -> NewcomerStore:
    return NewcomerStore(World(server), text=_interactions(), users=_users())


def _even_share(store: NewcomerStore, campaign: str, user: str) -> float:
    answer = store.world.runtime.get_recommendations(campaignArn=campaign, userId=user, numResults=10)
    numbers = [int(entry["itemId"].rpartition("-")[2]) for entry in answer["itemList"]]
    return sum(number % 2 == 0 for number in numbers) / len(numbers)


@pytest.fixture(scope="module")
def campaign(store: NewcomerStore) -> str:
    return store.campaign(0.0)


def test_the_plan_of_a_user_without_events_decides_their_list(store: NewcomerStore, campaign: str) -> None:
    assert _even_share(store, campaign, "gold-user") == 1.0
    assert _even_share(store, campaign, "tin-user") == 0.0
    assert 0.0 < _even_share(store, campaign, "nobody") < 1.0
    assert 0.0 < _even_share(store, campaign, "never-put") < 1.0


def test_a_column_that_the_solution_excludes_says_nothing_and_another_does(store: NewcomerStore) -> None:
    """Without the plan the age decides, which says the same of users who have one."""
    excluded = {"excludedDatasetColumns": {"Users": ["PLAN"]}}
    solution = store.world.solution(
        store.group, "aws-user-personalization", solutionConfig={"trainingDataConfig": excluded}
    )
    campaign = store.deployed(store.world.trained(solution), 0.0)
    unknown = {_even_share(store, campaign, user) for user in ("gold-user", "tin-user", "nobody")}

    assert len(unknown) == 1
    assert 0.0 < unknown.pop() < 1.0
    assert _even_share(store, campaign, "old-user") == 0.0
    assert _even_share(store, campaign, "young-user") == 1.0


def test_users_put_since_are_known_at_once_where_a_filter_reads_users(
    store: NewcomerStore, campaign: str
) -> None:
    world = store.world
    datasets = world.personalize.list_datasets(datasetGroupArn=store.group)["datasets"]
    users = next(found["datasetArn"] for found in datasets if found["datasetType"].upper() == "USERS")
    world.personalize.create_filter(
        name="adults",
        datasetGroupArn=store.group,
        filterExpression='INCLUDE ItemID WHERE Items.GENRES IN ("space") IF CurrentUser.AGE > 18',
    )
    world.settle()
    put = [{"userId": f"put-{plan}", "properties": json.dumps({"plan": plan})} for plan in ("gold", "tin")]
    world.events.put_users(datasetArn=users, users=put)

    until(lambda: _even_share(store, campaign, "put-gold") == 1.0, "the plan of a put user is known", 10)
    assert _even_share(store, campaign, "put-tin") == 0.0
