"""What the three kinds of model answer, shown on catalogues small enough to reckon by hand."""

import dataclasses

import numpy as np
import pytest

from openpersonalize.models import (
    KINDS,
    BlendModel,
    Contexts,
    ItemRanker,
    NeighbourModel,
    PopularityModel,
    Query,
    UserRanker,
    factors,
    parts,
    topk,
    transitions,
    warm_up,
)
from openpersonalize.models.contexts import key_of
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.popularity import by_popularity, places_of
from tests.blends import blend_of


def _rows(*items: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.array(items, np.int32)


def _blend(*, seen_penalty: float = 0.0) -> BlendModel:
    """Two tastes: items 0-4 and 5-9; user u0 had 0 and 1, user u1 had nothing; popular first: 9, 8, …"""
    return blend_of(
        IdIndex.build([f"i{row}" for row in range(10)]),
        IdIndex.build(["u0", "u1"]),
        Histories(np.array([0, 2, 2]), _rows(0, 1), np.array([10, 20])),
        shares=np.arange(1, 11, dtype=np.float32) / 55,
        factors=np.repeat(np.eye(2, dtype=np.float32), 5, axis=0),
        event_weights=(4.0, 1.0),
        temperature=10.0,
        seen_penalty=seen_penalty,
    )


def test_a_known_user_gets_items_of_their_taste_in_item_order() -> None:
    ranked = _blend().recommend(Query(user=0), 6)

    assert ranked.items.tolist() == [0, 1, 2, 3, 4, 5]
    assert ranked.items.dtype == np.int32


def test_scores_are_probabilities_over_the_whole_catalogue() -> None:
    model = _blend(seen_penalty=1.5)
    whole = model.recommend(Query(user=0, recent=_rows(6)), 10)
    top = model.recommend(Query(user=0, recent=_rows(6)), 3)

    assert whole.scores is not None
    assert whole.scores.sum() == pytest.approx(1.0, abs=1e-5)
    assert np.all(np.diff(whole.scores) <= 0)
    assert np.allclose(top.scores, whole.scores[:3])


def test_one_new_event_turns_the_list_at_once() -> None:
    ranked = _blend().recommend(Query(user=0, recent=_rows(7)), 5)

    assert set(ranked.items.tolist()) == {5, 6, 7, 8, 9}


def test_only_the_newest_events_are_read() -> None:
    """Two events are read, so of three recent ones the first, and the history, count no more."""
    model = _blend()

    read = model.recommend(Query(user=-1, recent=_rows(7, 8)), 10)
    longer = model.recommend(Query(user=0, recent=_rows(0, 7, 8)), 10)
    assert np.array_equal(read.scores, longer.scores)


def test_an_event_that_was_sent_late_takes_its_place_in_time() -> None:
    """User u0 had items at 10 and 20; what happened before, or between, is not the newest."""
    model = _blend()

    def scores(query: Query) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        ranked = model.recommend(query, 10)
        assert ranked.scores is not None
        assert np.array_equal(model.rank(query, ranked.items).items, ranked.items)
        return ranked.scores[np.argsort(ranked.items)]

    for times, newest in (((5,), (0, 1)), ((15,), (7, 1)), ((20,), (1, 7)), ((15, 30), (1, 8))):
        late = Query(user=0, recent=_rows(7, 8)[: len(times)], recent_times=np.array(times))
        assert np.array_equal(scores(late), scores(Query(recent=_rows(*newest)))), times


def test_a_seen_item_falls_behind_by_the_penalty() -> None:
    ranked = _blend(seen_penalty=100.0).recommend(Query(user=0), 10)

    assert ranked.items.tolist()[:3] == [2, 3, 4]
    assert set(ranked.items.tolist()[-2:]) == {0, 1}


@pytest.mark.parametrize("user", [-1, 1])
def test_a_user_without_events_gets_popular_items_with_probabilities(user: int) -> None:
    ranked = _blend().recommend(Query(user=user), 4)

    assert ranked.items.tolist() == [9, 8, 7, 6]
    assert ranked.scores == pytest.approx([10 / 55, 9 / 55, 8 / 55, 7 / 55])


def test_ranking_normalises_over_the_candidates() -> None:
    model = _blend(seen_penalty=3.0)
    query = Query(user=0, recent=_rows(5))
    ranked = model.rank(query, _rows(9, 1, 5, 2))
    whole = model.recommend(query, 10)
    by_item = dict(zip(whole.items.tolist(), np.asarray(whole.scores), strict=True))

    assert ranked.scores is not None
    assert ranked.scores.sum() == pytest.approx(1.0, abs=1e-5)
    wanted = np.array([by_item[item] for item in ranked.items.tolist()])
    assert np.allclose(ranked.scores, wanted / wanted.sum(), atol=1e-5)
    assert sorted(ranked.items.tolist()) == [1, 2, 5, 9]
    assert np.all(np.diff(ranked.scores) <= 0)


def test_ranking_for_an_unknown_user_goes_by_popularity() -> None:
    ranked = _blend().rank(Query(), _rows(1, 4, 0))

    assert ranked.items.tolist() == [4, 1, 0]
    assert ranked.scores == pytest.approx([5 / 8, 2 / 8, 1 / 8])


def test_ranking_nothing_gives_nothing() -> None:
    assert _blend().rank(Query(user=0), _rows()).items.tolist() == []


def test_popularity_is_the_same_for_everybody_and_has_no_scores() -> None:
    order = by_popularity(np.array([3, 5, 5, 1]))
    model = PopularityModel(IdIndex.build(list("abcd")), IdIndex.build([]), order, places_of(order))

    assert model.recommend(Query(user=7, recent=_rows(3)), 3).items.tolist() == [1, 2, 0]
    assert model.recommend(Query(), 3).scores is None
    assert model.rank(Query(), _rows(3, 0, 2)).items.tolist() == [2, 0, 3]


def _neighbour_model() -> NeighbourModel:
    """Item 0 has the neighbours 3 and 1; popular first: 2, 0, 1, 3."""
    return NeighbourModel(
        IdIndex.build(list("abcd")),
        IdIndex.build([]),
        np.array([0, 2, 2, 2, 2]),
        _rows(3, 1),
        _rows(2, 0, 1, 3),
    )


def test_neighbours_come_first_then_popular_items_and_never_the_seed() -> None:
    model = _neighbour_model()

    assert model.similar(Query(item=0), 2).items.tolist() == [3, 1]
    assert model.similar(Query(item=0), 9).items.tolist() == [3, 1, 2]
    assert model.similar(Query(item=0), 1).scores is None


def test_a_seed_that_is_unknown_or_has_no_neighbours_gets_popular_items() -> None:
    model = _neighbour_model()

    assert model.similar(Query(item=-1), 3).items.tolist() == [2, 0, 1]
    assert model.similar(Query(item=2), 4).items.tolist() == [0, 1, 3]


def test_models_say_which_questions_they_answer() -> None:
    assert isinstance(_blend(), UserRanker)
    assert not isinstance(_blend(), ItemRanker)
    assert isinstance(_neighbour_model(), ItemRanker)
    assert not isinstance(_neighbour_model(), UserRanker)
    assert all(dataclasses.is_dataclass(model) and kind == model.kind for kind, model in KINDS.items())


def test_a_warm_process_compiles_nothing_for_a_request() -> None:
    warm_up()
    kernels = (topk.begin, topk.lifted, topk.pick, factors._add_products, factors._add_some_products)
    kernels += (transitions._add_followers, transitions._add_some_followers, parts._add_shares)
    compiled = [len(kernel.signatures) for kernel in kernels]
    model = dataclasses.replace(
        _blend(seen_penalty=1.0),
        contexts=Contexts(
            ("DEVICE",),
            IdIndex.build([key_of("DEVICE", "tv")]),
            np.array([0, 2]),
            _rows(3, 7),
            np.ones(2, np.float32),
        ),
    )
    for context in (_rows(), model.contexts.rows({"DEVICE": "tv"})):
        for user in (0, 1):
            model.recommend(Query(user=user, context=context), 5, np.ones(10, np.bool_))
        model.recommend(Query(user=0, recent=_rows(3, 4), context=context), 5)
        model.rank(Query(user=0, context=context), np.arange(10, dtype=np.int32)[::2])

    assert [len(kernel.signatures) for kernel in kernels] == compiled


def test_an_answer_has_allowed_items_alone_with_the_scores_that_they_have_among_all() -> None:
    model = _blend(seen_penalty=1.5)
    allowed = np.array([row in (1, 6, 8) for row in range(10)])

    for user in (0, 1):
        whole = model.recommend(Query(user=user), 10)
        some = model.recommend(Query(user=user), 2, allowed)

        kept = allowed[whole.items]
        assert some.items.tolist() == whole.items[kept].tolist()[:2]
        assert whole.scores is not None
        assert np.allclose(some.scores, whole.scores[kept][:2])
    assert model.recommend(Query(user=0), 5, np.zeros(10, np.bool_)).items.tolist() == []


def test_lists_without_scores_skip_what_is_not_allowed() -> None:
    order = _rows(2, 0, 3, 1)
    popular = PopularityModel(IdIndex.build(list("abcd")), IdIndex.build([]), order, places_of(order))
    neighbours = NeighbourModel(
        popular.items, popular.users, np.array([0, 2, 2, 2, 2]), _rows(3, 1), popular=order
    )
    allowed = np.array([True, True, True, False])

    assert popular.recommend(Query(), 2, allowed).items.tolist() == [2, 0]
    assert neighbours.similar(Query(item=0), 3, allowed).items.tolist() == [1, 2]
    assert neighbours.similar(Query(item=-1), 2, allowed).items.tolist() == [2, 0]


def test_few_allowed_items_have_the_order_and_scores_that_they_have_among_all() -> None:
    rng = np.random.default_rng(0)
    n_items = 200
    model = blend_of(
        IdIndex.build([f"i{row}" for row in range(n_items)]),
        IdIndex.build(["u0"]),
        Histories(np.array([0, 2]), _rows(0, 1), np.array([10, 20])),
        shares=np.full(n_items, 1 / n_items, np.float32),
        factors=rng.normal(size=(n_items, 8)).astype(np.float32),
        transitions=np.maximum(0.0, rng.normal(-1.0, size=(n_items, n_items))),
        bias=rng.normal(size=n_items).astype(np.float32),
        weights=(2.0, 3.0, 1.0),
        temperature=2.0,
        seen_penalty=0.5,
    )
    allowed = np.zeros(n_items, np.bool_)
    allowed[[0, 3, 77, 150, 199]] = True
    for query in (Query(user=0), Query(user=0, recent=_rows(5), recent_times=np.array([30]))):
        whole = model.recommend(query, n_items)
        assert whole.scores is not None
        for _ in range(2):  # the second time from what the first has remembered
            some = model.recommend(query, 3, allowed)

            kept = allowed[whole.items]
            assert some.items.tolist() == whole.items[kept].tolist()[:3]
            assert np.allclose(some.scores, whole.scores[kept][:3], rtol=1e-4)
