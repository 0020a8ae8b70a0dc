"""The optimizationObjective of a solution: lists have more of a column of items, and suit the user still."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from tests.world import Server, World, text_field

N_TASTES, N_ITEMS, N_USERS, N_EVENTS = 4, 30, 120, 12
"""N_ITEMS of each taste."""


def _price(item: int) -> float:
    """Items of all tastes cost between 1 and 30; the popular ones are not the dear ones."""
    return 1.0 + (item * 11) % N_ITEMS


def _histories() -> list[list[int]]:
    generator = np.random.default_rng(0)
    weights = 1.0 / (np.arange(N_ITEMS) + 5.0)
    return [
        (
            (user % N_TASTES) * N_ITEMS
            + generator.choice(N_ITEMS, N_EVENTS, replace=False, p=weights / weights.sum())
        ).tolist()
        for user in range(N_USERS)
    ]


@pytest.fixture(scope="module")
def shop(server: Server) -> tuple[World, str]:
    world = World(server)
    group = world.dataset_group()
    lines = [
        f"u{user},i{item},{1_600_000_000 + place}"
        for user, history in enumerate(_histories())
        for place, item in enumerate(history)
    ]
    world.interactions(group, "USER_ID,ITEM_ID,TIMESTAMP\n" + "\n".join(lines) + "\n")
    items = world.dataset(
        group,
        "Items",
        text_field("ITEM_ID"),
        {"name": "PRICE", "type": "float"},
    )
    rows = [f"i{item},{_price(item)}" for item in range(N_TASTES * N_ITEMS)]
    world.imported(items, "ITEM_ID,PRICE\n" + "\n".join(rows) + "\n")
    return world, group


def _trained(
    shop: tuple[World, str], sensitivity: str, recipe: str = "aws-user-personalization"
) -> tuple[str, dict[str, float]]:
    """A campaign and the metrics of its version."""
    world, group = shop
    objective = {"itemAttribute": "PRICE", "objectiveSensitivity": sensitivity}
    config = {"algorithmHyperParameters": {"hidden_dimension": "32"}, "optimizationObjective": objective}
    version = world.trained(world.solution(group, recipe, solutionConfig=config))
    metrics = world.personalize.get_solution_metrics(solutionVersionArn=version)["metrics"]
    exploration: Mapping[str, Any] = {"itemExplorationConfig": {"explorationWeight": "0"}}
    members = {"campaignConfig": exploration} if recipe == "aws-user-personalization" else {}
    return world.campaign(version, **members), metrics


def _top_tens(shop: tuple[World, str], campaign: str) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Of 30 known users and one without events."""
    world, _ = shop
    lists = []
    for user in [*(f"u{number}" for number in range(30)), "nobody"]:
        answer = world.runtime.get_recommendations(campaignArn=campaign, userId=user, numResults=10)
        assert 0.0 < sum(entry["score"] for entry in answer["itemList"]) <= 1.0
        lists.append([int(entry["itemId"][1:]) for entry in answer["itemList"]])
    return np.array(lists)


def test_a_higher_sensitivity_raises_the_mean_price_and_lists_still_suit_the_user(
    shop: tuple[World, str],
) -> None:
    """Of popular items, one in four would be of the user's taste."""
    lists, metrics = {}, {}
    for sensitivity in ("OFF", "LOW", "HIGH"):
        campaign, metrics[sensitivity] = _trained(shop, sensitivity)
        lists[sensitivity] = _top_tens(shop, campaign)
    prices = {sensitivity: np.vectorize(_price)(found).mean(axis=1) for sensitivity, found in lists.items()}
    tastes = lists["HIGH"][:-1] // N_ITEMS == np.arange(30)[:, None] % N_TASTES

    assert prices["OFF"].mean() + 0.5 < prices["LOW"].mean() < prices["HIGH"].mean() - 1.0
    assert prices["OFF"][-1] < prices["LOW"][-1] < prices["HIGH"][-1]
    assert tastes.mean() > 0.6
    assert "average_rewards_at_k" not in metrics["OFF"]
    for sensitivity in ("LOW", "HIGH"):
        assert len(metrics[sensitivity]) == 9
        assert 0.0 < metrics[sensitivity]["average_rewards_at_k"] <= 1.0


def test_rankings_favour_the_objective_too(shop: tuple[World, str]) -> None:
    """All items of a taste together cost 15.50 on average."""
    world, _ = shop
    campaign, _ = _trained(shop, "HIGH", "aws-personalized-ranking")
    firsts = [
        _price(int(entry["itemId"][1:]))
        for user in range(0, 40, N_TASTES)
        for entry in world.runtime.get_personalized_ranking(
            campaignArn=campaign, userId=f"u{user}", inputList=[f"i{item}" for item in range(N_ITEMS)]
        )["personalizedRanking"][:5]
    ]

    assert np.mean(firsts) > 20.0


def test_an_objective_without_items_fails_with_the_remedy(world: World) -> None:
    group = world.dataset_group()
    world.interactions(group)
    world.dataset(group, "Items", text_field("ITEM_ID"), {"name": "PRICE", "type": "float"})
    objective = {"itemAttribute": "PRICE", "objectiveSensitivity": "LOW"}
    config = {"algorithmHyperParameters": {"hidden_dimension": "32"}, "optimizationObjective": objective}
    version = world.trained(world.solution(group, "aws-user-personalization", solutionConfig=config))
    described = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]

    assert described["status"] == "CREATE FAILED"
    assert "optimizationObjective names PRICE, of which no item has a value" in described["failureReason"]
