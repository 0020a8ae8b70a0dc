"""What a blend is made of, on catalogues small enough to reckon by hand."""

import dataclasses

import numpy as np
import pytest

from openpersonalize.models import BlendModel, Contexts, Query
from openpersonalize.models.contexts import key_of
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from tests.blends import blend_of

N_ITEMS = 90
EVERYTHING = (2.0, 3.0, 0.5)


def _rows(*items: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.array(items, np.int32)


def _model(weights: tuple[float, float, float] = EVERYTHING) -> BlendModel:
    """User u had 3, 80 and 3 again, user v everything; a phone lifts item 7."""
    generator = np.random.default_rng(0)
    followers = np.maximum(0.0, generator.normal(-1.0, size=(N_ITEMS, N_ITEMS)))
    np.fill_diagonal(followers, 0.0)
    everything = np.arange(N_ITEMS, dtype=np.int32)
    return blend_of(
        IdIndex.build([f"i{row}" for row in range(N_ITEMS)]),
        IdIndex.build(["u", "v"]),
        Histories(
            np.array([0, 3, 3 + N_ITEMS]),
            np.concatenate([_rows(3, 80, 3), everything]),
            np.concatenate([[10, 20, 30], np.arange(N_ITEMS)]),
        ),
        shares=generator.dirichlet(np.ones(N_ITEMS)).astype(np.float32),
        factors=generator.normal(0, 0.4, (N_ITEMS, 6)).astype(np.float32),
        event_weights=(4.0, 2.0, 1.0, 0.5),
        transitions=followers.astype(np.float32),
        weights=weights,
        temperature=1.5,
        seen_penalty=2.5,
        bias=generator.normal(size=N_ITEMS).astype(np.float32),
        contexts=Contexts(
            ("DEVICE",),
            IdIndex.build([key_of("DEVICE", "phone")]),
            np.array([0, 1]),
            _rows(7),
            np.ones(1, "f4"),
        ),
    )


QUERIES = {
    "history": Query(user=0),
    "history and recent events": Query(user=0, recent=_rows(5, 80), recent_times=np.array([40, 41])),
    "more events than are read": Query(user=0, recent=_rows(5, 6, 8, 9), recent_times=np.arange(40, 44)),
    "a context": Query(user=0, context=_rows(0)),
    "an unknown user": Query(recent=_rows(44), recent_times=np.array([7])),
    "a user who had everything": Query(user=1),
}


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
@pytest.mark.parametrize("has_objective", [False, True])
def test_the_pieces_of_an_explanation_add_up_to_the_score(query: Query, has_objective: bool) -> None:
    """Scores are probabilities: logarithms, less one number that all items share."""
    model = _model()
    if has_objective:
        model = dataclasses.replace(
            model, favour=np.random.default_rng(1).normal(size=N_ITEMS).astype(np.float32)
        )
    ranked = model.recommend(query, N_ITEMS)
    assert ranked.scores is not None
    sums = np.array([sum(piece.amount for piece in model.explain(query, int(row))) for row in ranked.items])
    shift = np.log(ranked.scores[0]) - sums[0]

    assert np.log(ranked.scores) == pytest.approx(sums + shift, abs=2e-4)
    assert ("objective" in {piece.source for piece in model.explain(query, 0)}) == has_objective


def test_an_explanation_names_the_events_and_what_is_of_no_event() -> None:
    """3 was followed by 1, and 80 by 2; taste joins 80 and 2."""
    followers = np.zeros((N_ITEMS, N_ITEMS), np.float32)
    followers[3, 1] = followers[80, 2] = 1.0
    factors = np.zeros((N_ITEMS, 2), np.float32)
    factors[[80, 2], 0] = factors[3, 1] = 1.0
    model = blend_of(
        IdIndex.build([f"i{row}" for row in range(N_ITEMS)]),
        IdIndex.build(["u"]),
        Histories(np.array([0, 2]), _rows(3, 80), np.array([10, 20])),
        shares=np.full(N_ITEMS, 1 / N_ITEMS, np.float32),
        factors=factors,
        transitions=followers,
        weights=EVERYTHING,
        seen_penalty=1.0,
    )

    def pieces(item: int) -> list[tuple[str, float, int | None]]:
        found = model.explain(Query(user=0), item)
        return [(piece.source, round(piece.amount, 4), piece.item) for piece in found]

    assert pieces(1) == [("transitions", 1.5, 3), ("popularity", 0.5, None), ("bias", 0.0, None)]
    assert pieces(2)[:2] == [("factors", 2.0, 80), ("transitions", 3.0, 80)]
    assert pieces(80) == [
        ("factors", 2.0, 80),
        ("popularity", 0.5, None),
        ("bias", 0.0, None),
        ("seen before", -1.0, None),
    ]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_best_unseen_item_of_a_part_counts_the_parts_weight(place: int) -> None:
    model = _alone(place)
    history = model.histories.items_of(0)
    is_unseen = ~np.isin(np.arange(N_ITEMS), history)

    assert model.relevance(history)[is_unseen].max() == pytest.approx(EVERYTHING[place])


def test_a_blend_is_the_sum_of_its_parts() -> None:
    alone = [_alone(place) for place in range(3)]
    history = _model().histories.items_of(0)
    whole = dataclasses.replace(
        alone[0],
        transitions=alone[1].transitions,
        popularity=alone[2].popularity,
    )

    wanted = sum(model.relevance(history) for model in alone)
    assert whole.relevance(history) == pytest.approx(wanted, abs=1e-5)


def _alone(place: int) -> BlendModel:
    weights = [0.0, 0.0, 0.0]
    weights[place] = EVERYTHING[place]
    return _model((weights[0], weights[1], weights[2]))


def test_a_part_that_knows_nothing_of_a_user_adds_nothing() -> None:
    """No item follows any, and the user's items have no factors: popularity alone decides."""
    model = blend_of(
        IdIndex.build([f"i{row}" for row in range(70)]),
        IdIndex.build(["u"]),
        Histories(np.array([0, 1]), _rows(69), np.array([10])),
        shares=np.linspace(1, 70, 70, dtype=np.float32) / 2485,
        factors=np.zeros((70, 4), np.float32),
        weights=EVERYTHING,
        seen_penalty=9.0,
    )

    ranked = model.recommend(Query(user=0), 70)
    assert ranked.items.tolist() == [*range(68, -1, -1), 69]
    assert np.isfinite(ranked.scores).all()


def test_items_that_the_user_had_are_ranked_among_themselves_however_much_less_they_are_than_others() -> None:
    model = dataclasses.replace(_model(), seen_penalty=300.0)
    ranked = model.rank(QUERIES["history"], _rows(3, 80))

    assert ranked.scores is not None
    assert ranked.scores.sum() == pytest.approx(1.0)


@pytest.mark.parametrize("query", QUERIES.values(), ids=QUERIES)
def test_the_first_answer_has_the_bytes_of_those_that_follow(query: Query) -> None:
    model, candidates = _model(), _rows(80, 4, 5, 77, 12)
    allowed = np.isin(np.arange(N_ITEMS), candidates)
    ranked = [model.rank(query, candidates).scores for _ in range(2)]
    model = _model()
    filtered = [model.recommend(query, 5, allowed).scores for _ in range(2)]
    other = _model()
    other.recommend(query, 5, np.ones(N_ITEMS, np.bool_))
    after_a_broad_filter = other.recommend(query, 5, allowed).scores

    for first, second in (ranked, filtered, (filtered[0], after_a_broad_filter)):
        assert first is not None
        assert second is not None
        assert first.tobytes() == second.tobytes()


def test_rankings_say_the_same_before_and_after_a_list_and_for_few_items() -> None:
    query, candidates = QUERIES["history and recent events"], _rows(80, 4, 5, 77, 12)
    whole = _model().recommend(query, N_ITEMS)
    by_item = np.empty(N_ITEMS)
    by_item[whole.items] = whole.scores
    model = _model()
    for _ in range(2):  # the second time from what the first has remembered
        ranked = model.rank(query, candidates)

        wanted = by_item[ranked.items]
        assert ranked.scores == pytest.approx(wanted / wanted.sum(), rel=1e-4)
        assert ranked.scores is not None
        assert np.all(np.diff(ranked.scores) <= 0)
