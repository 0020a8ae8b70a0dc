"""A store with a trained solution version, made once: for tests that only add to it."""

from dataclasses import dataclass

import pytest

from tests.world import Server, World


@dataclass(frozen=True)
class TrainedStore:
    """ARNs in an account of its own."""

    world: World
    group: str
    solution: str
    version: str


@pytest.fixture(scope="session")
def trained(server: Server) -> TrainedStore:
    """Interactions and an ACTIVE version of a solution on them; tests must not delete or use up any of it."""
    world = World(server)
    group = world.dataset_group()
    world.interactions(group)
    solution = world.solution(group, name="popular")
    version = world.trained(solution, name="first")
    described = world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
    assert described["status"] == "ACTIVE", described
    return TrainedStore(world, group, solution, version)
