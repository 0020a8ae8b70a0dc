"""Training columns of configs that say the same in other ways, or something else."""

import pytest

from openpersonalize.domain.training_columns import training_columns


def _excluding(**columns: list[str]) -> dict[str, object]:
    return {"trainingDataConfig": {"excludedDatasetColumns": columns}}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({}, {"trainingDataConfig": {}}),
        ({}, _excluding()),
        ({}, _excluding(Items=[])),
        (_excluding(Items=["A", "B"]), _excluding(ITEMS=["B", "A", "B"])),
        (_excluding(Items=["A"], Users=[]), _excluding(items=["A"])),
    ],
)
def test_the_same_columns_are_equal_however_they_are_written(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert training_columns(one) == training_columns(other)


@pytest.mark.parametrize(
    "other",
    [
        {},
        _excluding(Items=["A", "B"]),
        _excluding(Items=["a"]),
        _excluding(Users=["A"]),
        {"trainingDataConfig": {"includedDatasetColumns": {"Items": ["A"]}}},
    ],
)
def test_other_columns_differ(other: dict[str, object]) -> None:
    assert training_columns(_excluding(Items=["A"])) != training_columns(other)
