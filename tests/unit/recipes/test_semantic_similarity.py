"""aws-semantic-similarity: vectors of texts, repeatable, and kept by updates where nothing has changed."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from openpersonalize.domain.columns import Column
from openpersonalize.errors import JobError
from openpersonalize.models import Query, SemanticModel
from openpersonalize.models.columns import ColumnTable
from openpersonalize.recipes import texts
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.semantic_similarity import train, update
from openpersonalize.recipes.training import Records, Task
from openpersonalize.storage import artifacts
from tests.planted import interactions_of

COLUMNS = (
    Column("ITEM_ID", "string"),
    Column("NAME", "string", item_name=True),
    Column("TEXT", "string", nullable=True, textual=True),
    Column("CREATION_TIMESTAMP", "long", nullable=True),
)
WORDS = {"b": "bread dough flour oven yeast bakery", "s": "star planet galaxy telescope orbit comet"}


def lines(n_each: int = 6) -> dict[str, dict[str, str | int]]:
    """Items of two themes; each says five of the six words of its theme."""
    return {
        f"{theme}{number}": {
            "NAME": f"{theme} {number}",
            "TEXT": " ".join(word for place, word in enumerate(words.split()) if place != number % 6),
            "CREATION_TIMESTAMP": 1000 + number,
        }
        for theme, words in WORDS.items()
        for number in range(n_each)
    }


def task(items: Mapping[str, Mapping[str, str | int]], previous: SemanticModel | None = None) -> Task:
    table = ColumnTable.build(COLUMNS, items)
    records = {"ITEMS": Records(table, ("TEXT",), ("TEXT",), "NAME")}
    return Task(Interactions.none(), {}, records=records, previous=previous)


def trained(items: Mapping[str, Mapping[str, str | int]]) -> SemanticModel:
    model = train(task(items)).model
    assert isinstance(model, SemanticModel)
    return model


def updated(items: Mapping[str, Mapping[str, str | int]], before: SemanticModel) -> SemanticModel:
    model = update(task(items, before)).model
    assert isinstance(model, SemanticModel)
    return model


def neighbours(model: SemanticModel, item: str, k: int = 5) -> list[str]:
    return model.items.texts(model.similar(Query(item=model.items.find(item)), k).items)


def test_the_same_texts_and_seed_give_the_same_bytes(tmp_path: Path) -> None:
    digests = set()
    for name in ("one", "two"):
        artifacts.save(trained(lines()), tmp_path / name, extra={})
        files = sorted((tmp_path / name).iterdir())
        digests.add(hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest())

    assert len(digests) == 1


def test_popularity_runs_from_zero_to_one_where_somebody_had_each_item() -> None:
    store = interactions_of([np.array([0, 1, 2]), np.array([0, 1]), np.array([0])], 3)
    items = {
        item: {"NAME": item, "TEXT": f"bread of kind {item}"}
        for item in ("item-0000", "item-0001", "item-0002")
    }
    result = train(replace(task(items), interactions=store))

    assert isinstance(result.model, SemanticModel)
    assert result.model.popularities.tolist() == [1.0, 0.5, 0.0]
    assert result.metrics["item_popularity"] == 0.5


def test_an_update_places_what_is_new_or_changed_and_leaves_all_else() -> None:
    before = trained(lines())
    items = lines()
    del items["b0"]
    items["b1"]["TEXT"] = "a comet in orbit, seen through a telescope like a planet or a star"
    items["new"] = {"NAME": "new", "TEXT": "flour and yeast make dough, the oven bread"}
    after = updated(items, before)

    assert after.items.find("b0") == -1
    assert {item[0] for item in neighbours(after, "b1")} == {"s"}
    assert {item[0] for item in neighbours(after, "new", 4)} == {"b"}
    kept = [item for item in lines() if item not in ("b0", "b1")]
    for item in kept:
        rows = before.items.find(item), after.items.find(item)
        assert np.array_equal(before.vectors[rows[0]], after.vectors[rows[1]]), item
        assert before.freshness[rows[0]] == after.freshness[rows[1]]
    assert after.popularities[after.items.find("new")] == 0.0


def test_an_update_of_an_update_knows_what_the_first_has_placed() -> None:
    first = updated(lines(7), trained(lines(6)))
    again = updated(lines(7), first)

    assert np.array_equal(first.vectors, again.vectors)
    assert again.items.find("b6") >= 0


def test_an_item_without_text_gets_popular_items_and_is_nobodys_neighbour() -> None:
    items = lines() | {"?": {"NAME": "…", "CREATION_TIMESTAMP": 1}}
    model = trained(items)

    assert "?" not in neighbours(model, "b1", len(items) - 2)
    assert len(neighbours(model, "?", len(items))) == len(items) - 1


def test_items_without_texts_at_all_are_a_customers_fault() -> None:
    with pytest.raises(JobError, match="create an Items dataset"):
        train(Task(Interactions.none(), {}))


def test_a_sentence_model_without_its_library_says_what_to_install() -> None:
    with pytest.raises(JobError, match=r"pip install 'openpersonalize\[sentences\]'"):
        texts.encode_sentences(["a text"], "no-such-model")
