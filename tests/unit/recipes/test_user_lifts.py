"""Columns of users are coded for the counting, and looked up by user with the same codes."""

from typing import Any

import numpy as np

from openpersonalize.domain.columns import Column
from openpersonalize.models import BlendModel, Query
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.traits import Traits
from openpersonalize.recipes import blend, lifts, user_lifts
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.training import Records, Task
from tests.planted import taste_store, with_contexts

COLUMNS = [
    Column("USER_ID", "string"),
    Column("PLAN", "string", nullable=True, categorical=True),
    Column("AGE", "int", nullable=True),
    Column("SCORE", "float", nullable=True),
    Column("ABOUT", "string", nullable=True, textual=True),
]
STORE = taste_store(n_users=40)


def _records(features: tuple[str, ...] = ("PLAN", "AGE", "SCORE", "ABOUT")) -> Records:
    """All users but the first three, and one without events; the fourth has nothing but nulls."""
    people: dict[str, Any] = {
        f"user-{row:04d}": {"USER_ID": f"user-{row:04d}"} for row in (*range(3, 40), 77)
    }
    for row, person in enumerate(people.values()):
        if row > 0:
            person |= {"PLAN": "ab"[row % 2], "AGE": 20 + row % 4, "SCORE": row / 10.0, "ABOUT": f"x{row}"}
    return Records(ColumnTable.build(COLUMNS, people), features, ("ABOUT",))


def _codes(name: str, user: int) -> int:
    coded = user_lifts.code(_records(), STORE.interactions)
    names = [column.name for column in coded.columns]
    return int(coded.codes[user, names.index(name)])


def test_categories_have_a_code_each_and_few_numbers_too() -> None:
    assert [_codes("PLAN", user) for user in (4, 5, 6, 7)] == [0, 1, 0, 1]
    assert [_codes("AGE", user) for user in (4, 5, 6, 7)] == [1, 2, 3, 0]


def test_many_numbers_share_ten_bins_evenly() -> None:
    bins = [_codes("SCORE", user) for user in range(4, 40)]

    assert bins == sorted(bins)
    assert set(np.bincount(bins).tolist()) <= {3, 4}
    assert set(bins) == set(range(10))


def test_users_without_a_record_or_a_value_have_no_code() -> None:
    assert {_codes(name, user) for name in ("PLAN", "AGE", "SCORE") for user in range(4)} == {-1}


def test_texts_and_what_is_no_feature_are_not_coded() -> None:
    assert [one.name for one in user_lifts.code(_records(), STORE.interactions).columns] == [
        "PLAN",
        "AGE",
        "SCORE",
    ]
    assert [one.name for one in user_lifts.code(_records(("AGE",)), STORE.interactions).columns] == ["AGE"]
    assert user_lifts.code(None, STORE.interactions).columns == ()


def test_every_event_has_the_codes_of_its_user_beside_its_context() -> None:
    n_events = STORE.interactions.n_events
    store = with_contexts(STORE, DEVICE=["phone"] * n_events)
    coded = user_lifts.code(_records(), store.interactions)
    joined = user_lifts.with_users(store.interactions, coded).contexts

    assert joined.columns == ("DEVICE",)
    assert list(joined.values) == ["DEVICE", "user:PLAN", "user:AGE", "user:SCORE"]
    assert joined.codes.shape == (n_events, 4)
    assert np.array_equal(joined.codes[:, 1:], coded.codes[store.interactions.user_of_event])


def test_a_user_is_looked_up_as_they_were_counted() -> None:
    """By the table of the training, and by their record: the rows of the contexts are the same."""
    records = _records()
    coded = user_lifts.code(records, STORE.interactions)
    contexts = lifts.learn(user_lifts.with_users(STORE.interactions, coded)).weighted((1.0, 1.0, 1.0))
    traits = Traits.of(coded.columns, records.table, contexts)
    for row in (*range(3, 40), 77):
        user = f"user-{row:04d}"
        place = records.table.ids.find(user)
        rows = traits.of_user(user)
        again = traits.of_record(lambda name, place=place: records.table.value(place, name), contexts)

        assert np.array_equal(rows, again), user
        assert len(rows) == (0 if row == 3 else 3)
        if row < 40:
            said = [text.rpartition("=")[2] for text in contexts.values.texts(rows)]
            counted = [
                values[code] for values, code in zip(coded.values, coded.codes[row], strict=True) if code >= 0
            ]
            assert said == counted
    assert len(traits.of_user("user-0000")) == 0


def test_no_request_can_name_a_column_of_users() -> None:
    coded = user_lifts.code(_records(), STORE.interactions)
    learnt = lifts.learn(user_lifts.with_users(STORE.interactions, coded))
    contexts = learnt.weighted((1.0, 1.0, 1.0))

    assert contexts.columns == ()
    assert contexts.column("user:PLAN") is None
    assert len(contexts.values) > 0


def _trained(features: tuple[str, ...]) -> tuple[BlendModel, dict[str, float]]:
    """A model of four tastes, of which the plan of a user says which; NOISE says nothing."""
    store = taste_store(n_users=200, n_clusters=4, items_per_cluster=30, events_per_user=6)
    columns = [
        Column("USER_ID", "string"),
        Column("PLAN", "string", categorical=True),
        Column("NOISE", "int"),
    ]
    noise = np.random.default_rng(2).integers(0, 1000, 204).tolist()
    people: dict[str, Any] = {
        f"user-{row:04d}": {"USER_ID": f"user-{row:04d}", "PLAN": f"plan-{row % 4}", "NOISE": noise[row]}
        for row in range(204)
    }
    settings = validate_hyperparameters(RECIPES["aws-user-personalization"], {"hidden_dimension": "32"}, {})
    records = {"USERS": Records(ColumnTable.build(columns, people), features)}
    trained = blend.train(Task(store.interactions, settings, records=records))
    assert isinstance(trained.model, BlendModel)
    return trained.model, dict(trained.metrics)


def test_the_column_that_decides_is_found_and_the_one_that_says_nothing_is_not() -> None:
    model, metrics = _trained(("PLAN", "NOISE"))
    without, metrics_without = _trained(("NOISE",))
    for plan in range(4):
        newcomer = Query(context=model.traits.of_user(f"user-{200 + plan:04d}"))

        assert set((model.recommend(newcomer, 10).items // 30).tolist()) == {plan}
        ranked = model.rank(newcomer, np.arange(0, 120, 5, dtype=np.int32))
        assert set((ranked.items[:6] // 30).tolist()) == {plan}
        assert len(without.traits.of_user(f"user-{200 + plan:04d}")) == 0
    name = "normalized_discounted_cumulative_gain_at_25"
    assert len(without.contexts.values) == 0
    assert metrics[name] > metrics_without[name]


def test_of_many_columns_those_are_used_that_tell_most_of_items() -> None:
    store = taste_store(n_users=200, n_clusters=4, items_per_cluster=30, events_per_user=6)
    generator = np.random.default_rng(2)
    names = [f"C{place}" for place in range(14)]
    people: dict[str, Any] = {
        f"user-{row:04d}": {"USER_ID": f"user-{row:04d}"}
        | {name: str(generator.integers(2 + 10 * place)) for place, name in enumerate(names)}
        | {"C13": f"plan-{row % 4}"}
        for row in range(200)
    }
    columns = [Column("USER_ID", "string"), *(Column(name, "string", categorical=True) for name in names)]
    records = Records(ColumnTable.build(columns, people), tuple(names))
    used = [column.name for column in user_lifts.code(records, store.interactions).columns]

    assert len(used) == user_lifts.MOST_COLUMNS
    assert used == sorted(used, key=names.index)
    assert "C13" in used
