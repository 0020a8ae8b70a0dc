"""The recipes of segments find audiences that the users' activity hides."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from openpersonalize.domain.columns import Column
from openpersonalize.domain.item_attributes import Attribute
from openpersonalize.errors import JobError
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.segments import SegmentModel, best_users, standardised
from openpersonalize.recipes import segment_parts
from openpersonalize.recipes.catalogue import RECIPES
from openpersonalize.recipes.hyperparameters import validate_hyperparameters
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.segments import NO_ATTRIBUTE
from openpersonalize.recipes.training import Records, Task, Trained
from openpersonalize.storage import artifacts
from tests.planted import interactions_of

BY_ITEM, BY_ATTRIBUTES = "aws-item-affinity", "aws-item-attribute-affinity"
N_QUIET, N_BUSY = 40, 160
COLUMNS = [Column("ITEM_ID", "string"), Column("GENRE", "string", categorical=True), Column("YEAR", "int")]
KEYS = {"coverage", "hits_at_1_percent", "recall_at_1_percent"}


def quiet_store(*, repeats: bool = False) -> Interactions:
    """Forty quiet users have 8 of the items 0 to 29 each; 160 busy ones 30 each of the other 90, and one of
    these now and then."""
    generator = np.random.default_rng(0)
    histories = [generator.choice(30, 8, replace=False) for _ in range(N_QUIET)]
    for user in range(N_BUSY):
        own = 30 + generator.choice(90, 30, replace=False)
        histories.append(np.append(own, generator.integers(30)) if user % 4 == 0 else own)
    if repeats:
        histories = [np.concatenate([one, one[:2]]) for one in histories]
    return interactions_of(histories, 120)


def genres(n_items: int = 120, *, years: bool = True) -> Records:
    """Items 0 to 29 are of quiet genres, all others are loud; half of each are of 1990."""
    rows: dict[str, dict[str, Any]] = {}
    ids = quiet_store().items
    for item in range(n_items):
        genre = ("quiet|soft" if item % 2 else "quiet") if item < 30 else "loud"
        rows[ids.text(item)] = {"GENRE": genre} | ({"YEAR": 1990 + item % 2} if years else {})
    return Records(ColumnTable.build(COLUMNS, rows), ("GENRE", "YEAR"))


def all_distinct_or_same(distinct: str, same: str) -> ColumnTable:
    """Each item has a value of its own in one column, and that of all others in another."""
    rows = {
        name: {"GENRE": "g", "YEAR": 5} | {distinct: f"g{item}" if distinct == "GENRE" else item}
        for item, name in enumerate(quiet_store().items.texts(np.arange(120, dtype=np.int32)))
    }
    assert len({row[same] for row in rows.values()}) == 1
    return ColumnTable.build(COLUMNS, rows)


def trained(recipe: str, interactions: Interactions, **more: Any) -> Trained:
    settings = validate_hyperparameters(RECIPES[recipe], {"hidden_dimension": "32"}, {})
    train = RECIPES[recipe].train
    assert train is not None
    return train(Task(interactions, settings, n_threads=1, **more))


def model_of(result: Trained) -> SegmentModel:
    assert isinstance(result.model, SegmentModel)
    return result.model


def test_the_audience_of_an_item_is_found_among_quiet_users() -> None:
    interactions = quiet_store()
    result = trained(BY_ITEM, interactions)
    model = model_of(result)
    by_activity = np.argsort(-interactions.lengths, kind="stable")
    shares, lists_of_activity = [], []
    for item in range(30):
        had = model.events.indices[model.events.indptr[item] : model.events.indptr[item + 1]]
        others = np.setdiff1d(np.arange(N_QUIET), had)
        best = best_users(model.users_for_item(item), None, len(others))
        shares.append(np.isin(best, others).mean())
        lists_of_activity.append(np.isin(by_activity[: len(others)], others).mean())

    assert np.mean(lists_of_activity) == 0.0
    assert np.mean(shares) > 0.9
    assert set(result.metrics) == KEYS


def test_the_audience_of_attributes_is_found_among_quiet_users() -> None:
    model = model_of(trained(BY_ATTRIBUTES, quiet_store(), records={"ITEMS": genres()}))
    lists = {
        terms: best_users(model.users_for_items(model.items_with(terms)), None, N_QUIET)
        for terms in (
            (Attribute("GENRE", "quiet"),),
            (Attribute("GENRE", "soft"),),
            (Attribute("GENRE", "quiet"), Attribute("YEAR", 1991)),
            (Attribute("GENRE", "loud"),),
        )
    }
    quiet = {terms: (users < N_QUIET).mean() for terms, users in lists.items()}

    assert list(quiet.values())[:3] == pytest.approx([1.0, 1.0, 1.0], abs=0.05)
    assert list(quiet.values())[3] == 0.0


def test_four_opinions_are_added() -> None:
    model = model_of(trained(BY_ITEM, quiet_store()))
    items = np.array([3, 4, 90], np.int32)
    had = model.events.T.toarray()
    opinions = {
        "factors": model.user_factors @ model.item_factors[items].sum(axis=0),
        "companions": had @ model.companions.toarray()[items].sum(axis=0),
        "followers": model.followers.toarray().T @ had[:, items].sum(axis=1),
    }
    expected = 0.3 * model.activity + sum((one - one.mean()) / one.std() for one in opinions.values())

    assert all(one.std() > 0 for one in (*opinions.values(), model.activity))
    assert model.users_for_items(items) == pytest.approx(expected, abs=1e-3)


def test_items_are_found_that_have_all_attributes() -> None:
    model = model_of(trained(BY_ATTRIBUTES, quiet_store(), records={"ITEMS": genres()}))

    def items(*terms: tuple[str, str | int | float]) -> list[int]:
        return model.items_with([Attribute(*term) for term in terms]).tolist()

    assert items(("GENRE", "quiet")) == list(range(30))
    assert items(("GENRE", "quiet"), ("GENRE", "soft"), ("YEAR", 1991)) == list(range(1, 30, 2))
    assert items(("GENRE", "soft"), ("YEAR", 1990)) == []
    assert items(("GENRE", "quiet|soft")) == items(("GENRE", "Quiet")) == items(("YEAR", 1990.5)) == []


def test_those_who_had_an_item_come_last_unless_users_have_items_again() -> None:
    for repeats in (False, True):
        model = model_of(trained(BY_ITEM, quiet_store(repeats=repeats)))
        had = model.events.indices[model.events.indptr[0] : model.events.indptr[1]]
        order = best_users(model.users_for_item(0), None, N_QUIET + N_BUSY)
        first = np.isin(order, had).argmax()

        assert model.is_repeated is repeats
        assert (first < N_QUIET) == repeats
        assert sorted(order.tolist()) == list(range(N_QUIET + N_BUSY))


def test_an_item_that_nobody_had_gets_the_users_of_its_genre() -> None:
    """Item 0 is quiet; every event with it is taken away."""
    store = quiet_store()
    cold = store.select(store.histories.items != 0)
    without, with_items = (
        best_users(model_of(trained(BY_ITEM, cold, records=records)).users_for_item(0), None, N_QUIET)
        for records in ({}, {"ITEMS": genres()})
    )

    assert (without < N_QUIET).mean() == 0.0
    assert (with_items < N_QUIET).mean() > 0.8


def test_users_of_one_event_are_known_by_their_columns() -> None:
    """Eighty more users have had item 119 only; half of them are members, as all quiet users are."""
    store = quiet_store()
    own = [store.histories.items_of(user) for user in range(store.n_users)]
    store = interactions_of([*own, *[np.array([119])] * 80], 120)
    ids = store.users.texts(np.arange(store.n_users, dtype=np.int32))
    clubs = [user < N_QUIET or user >= 240 for user in range(store.n_users)]
    table = ColumnTable.build(
        [Column("CLUB", "string", categorical=True)],
        {name: {"CLUB": "yes" if is_member else "no"} for name, is_member in zip(ids, clubs, strict=True)},
    )
    shares = []
    for records in ({}, {"USERS": Records(table, ("CLUB",))}):
        model = model_of(trained(BY_ITEM, store, records=records))
        scores = np.mean([model.users_for_item(item) for item in range(30)], axis=0)
        newcomers = 200 + best_users(scores[200:], None, 40)
        shares.append((newcomers >= 240).mean())

    assert shares[0] == 0.0  # they are all alike, and stand in their order
    assert shares[1] > 0.95


@pytest.mark.parametrize(
    "records",
    [
        {},
        {"ITEMS": Records(genres().table, ())},
        {"ITEMS": Records(genres().table, ("GENRE", "YEAR"), ("GENRE", "YEAR"))},
        {"ITEMS": Records(ColumnTable.build(COLUMNS, {}), ("GENRE", "YEAR"))},
        {"ITEMS": Records(all_distinct_or_same("GENRE", "YEAR"), ("GENRE", "YEAR"))},
        {"ITEMS": Records(all_distinct_or_same("YEAR", "GENRE"), ("GENRE", "YEAR"))},
    ],
    ids=["no dataset", "no column", "texts only", "no record", "years are the same", "genres are the same"],
)
def test_without_a_value_that_tells_items_apart_nothing_can_be_trained(records: dict[str, Records]) -> None:
    with pytest.raises(JobError) as failure:
        trained(BY_ATTRIBUTES, quiet_store(), records=records)

    assert str(failure.value) == NO_ATTRIBUTE


def test_a_trial_gives_the_model_of_the_training_part() -> None:
    interactions = quiet_store()
    trial, final = (trained(BY_ITEM, interactions, is_trial=is_trial) for is_trial in (True, False))

    assert trial.metrics == final.metrics
    assert model_of(trial).events.nnz < model_of(final).events.nnz == interactions.matrix().nnz


def test_the_same_seed_gives_the_same_bytes_with_any_number_of_columns(tmp_path: Path) -> None:
    records = {"ITEMS": genres()}
    digests = [
        artifacts.save(
            trained(BY_ATTRIBUTES, quiet_store(), records=records).model, tmp_path / name, extra={}
        )
        for name in ("one", "two")
    ]
    loaded = artifacts.load(tmp_path / "one", {SegmentModel.kind: SegmentModel})

    assert digests[0] == digests[1]
    assert loaded.items_with([Attribute("GENRE", "soft")]).tolist() == list(range(1, 30, 2))


def test_companions_by_pairs_of_users_equal_those_by_pairs_of_items(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = quiet_store().matrix()
    few_users = matrix[:60].tocsr()
    by_users = segment_parts.companions(few_users, lambda share: None)
    monkeypatch.setattr(segment_parts, "MOST_PRODUCTS", 0.0)
    by_items = segment_parts.companions(few_users, lambda share: None)
    dense = few_users.toarray().astype(np.float64)
    inverse = np.linalg.inv(dense.T @ dense + segment_parts.RIDGE * np.eye(120))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)

    assert np.allclose(by_users.toarray(), by_items.toarray(), atol=1e-6)
    assert np.allclose(by_items.toarray(), expected.T, atol=1e-6)


def test_followers_are_the_users_of_the_highest_cosines() -> None:
    matrix = quiet_store().matrix()
    found = segment_parts.followers(matrix, n_threads=2, report=lambda share: None).T.toarray()
    dense = matrix.toarray().astype(np.float64)
    dense *= np.log(len(dense) / (dense > 0).sum(axis=0))
    dense /= np.linalg.norm(dense, axis=1, keepdims=True)
    cosines = dense @ dense.T
    np.fill_diagonal(cosines, 0.0)
    least = -np.sort(-cosines, axis=1)[:, segment_parts.N_LIKE_MINDED - 1]

    assert np.allclose(found, np.where(cosines >= least[:, None], cosines, 0.0), atol=1e-5)


def test_only_the_most_popular_items_have_companions_where_all_are_too_many(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    matrix = quiet_store().matrix()
    monkeypatch.setattr(segment_parts, "MOST_EXACT", 50)
    lengths = np.diff(segment_parts.companions(matrix, lambda share: None).indptr)
    counts = np.bincount(matrix.indices, minlength=120)

    assert np.count_nonzero(lengths) == 50
    assert counts[lengths > 0].min() >= counts[lengths == 0].max()


@pytest.mark.parametrize("histories", [[[0]], [[0, 0, 0]], [[0, 1, 2]], [[0], [0], [0]], [[0], [1]]])
def test_a_handful_of_events_is_enough_to_rank_everybody(histories: list[list[int]]) -> None:
    interactions = interactions_of([np.array(one) for one in histories], 3)
    result = trained(BY_ITEM, interactions)
    model = model_of(result)

    assert all(0.0 <= value <= 1.0 for value in result.metrics.values())
    for item in range(3):
        scores = model.users_for_item(item)
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
        assert sorted(best_users(scores, None, 25).tolist()) == list(range(len(histories)))


def test_equal_users_stand_in_their_order_and_only_allowed_ones() -> None:
    scores = np.array([1.0, 3.0, 1.0, 3.0, 2.0, 1.0], np.float32)
    allowed = np.array([True, False, True, True, True, True])

    assert best_users(scores, None, 4).tolist() == [1, 3, 4, 0]
    assert best_users(scores, allowed, 4).tolist() == [3, 4, 0, 2]
    assert best_users(scores, np.zeros(6, np.bool_), 4).tolist() == []


def test_opinions_have_one_mean_and_one_deviation_or_none_at_all() -> None:
    assert standardised(np.array([1, 2, 3], np.float32)) == pytest.approx([-1.2247, 0, 1.2247], abs=1e-4)
    assert standardised(np.full(3, 7, np.float32)).tolist() == [0, 0, 0]


def test_progress_rises_and_tells_of_both_trainings() -> None:
    seen: list[tuple[str, float]] = []
    trained(BY_ITEM, quiet_store(), progress=lambda phase, percent: seen.append((phase, percent)))

    assert list(dict.fromkeys(phase for phase, _ in seen)) == [
        "training",
        "evaluating",
        "training on all data",
    ]
    assert [percent for _, percent in seen] == sorted(percent for _, percent in seen)
