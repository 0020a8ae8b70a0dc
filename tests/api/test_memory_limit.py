"""OPENPERSONALIZE_MEMORY_LIMIT: a training that would need more fails before it starts, and says so."""

import pytest

from tests.api.conftest import TrainedStore


def test_a_training_that_needs_more_memory_than_there_may_be_is_refused(
    trained: TrainedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = trained.world
    monkeypatch.setenv("OPENPERSONALIZE_MEMORY_LIMIT", "100MiB")
    refused = world.trained(trained.solution)
    monkeypatch.setenv("OPENPERSONALIZE_MEMORY_LIMIT", "1GiB")
    small_enough = world.trained(trained.solution)
    found = {
        version: world.personalize.describe_solution_version(solutionVersionArn=version)["solutionVersion"]
        for version in (refused, small_enough)
    }

    assert found[small_enough]["status"] == "ACTIVE"
    assert found[refused]["status"] == "CREATE FAILED"
    reason = found[refused]["failureReason"]
    assert reason.startswith(
        "Training aws-popularity-count on 1,200 interactions of 60 users and 30 items needs about 2"
    )
    assert "the limit is 100 MiB. Raise OPENPERSONALIZE_MEMORY_LIMIT" in reason
