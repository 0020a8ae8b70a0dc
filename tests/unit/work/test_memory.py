"""What a training may use of memory, and what it is expected to need."""

import pytest

from openpersonalize.errors import JobError
from openpersonalize.recipes.catalogue import BUILT, RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.memory import START_BYTES, estimate
from openpersonalize.recipes.recipe import Counts
from openpersonalize.settings import Settings, SettingsError, load_settings
from openpersonalize.storage.machine import memory_bytes
from openpersonalize.work.memory import Need, limit_bytes, require


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000000", 1_000_000),
        ("4GiB", 4 * 2**30),
        ("4gi", 4 * 2**30),
        ("512MB", 512_000_000),
        ("1.5g", 3 * 2**29),
        ("2 TiB", 2 * 2**40),
    ],
)
def test_a_limit_is_written_as_bytes_or_as_a_size(text: str, size: int) -> None:
    settings = load_settings({}, {"OPENPERSONALIZE_MEMORY_LIMIT": text})

    assert settings.memory_limit_bytes == size


@pytest.mark.parametrize("text", ["much", "-1", "4 GiB free", "80%", "0"])
def test_a_limit_that_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="such as 4GiB"):
        load_settings({"memory_limit": text}, {})


def test_without_a_limit_there_is_a_share_of_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENPERSONALIZE_MEMORY_LIMIT", raising=False)

    assert Settings().memory_limit_bytes is None
    assert limit_bytes() == 0.8 * memory_bytes()
    assert 2**28 < memory_bytes() < 2**50


@pytest.mark.parametrize("recipe", sorted(BUILT))
def test_more_data_needs_more_memory(recipe: str) -> None:
    settings = validate_hyperparameters(RECIPES[recipe], {}, {})
    sizes = [
        estimate(RECIPES[recipe], Counts(n // 100, n // 250, n), settings)
        for n in (100_000, 1_000_000, 10_000_000)
    ]

    assert 0 < sizes[0] < sizes[1] < sizes[2] < 20e9


def test_as_many_trials_run_at_once_as_fit() -> None:
    assert [Need(100.0, START_BYTES + room).n_at_once for room in (50.0, 250.0, 1000.0)] == [1, 2, 10]


def test_what_fits_is_said_in_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENPERSONALIZE_MEMORY_LIMIT", "2GiB")
    recipe = RECIPES["aws-popularity-count"]

    assert require(recipe, Counts(10, 10, 1000), {}).limit == 2 * 2**30
    with pytest.raises(JobError, match=r"10,000,000,000 interactions.* GiB of memory; the limit is 2.0 GiB"):
        require(recipe, Counts(10, 10, 10_000_000_000), {})
