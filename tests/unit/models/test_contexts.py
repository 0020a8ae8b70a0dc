"""What a request's context does to scores, on a catalogue small enough to reckon by hand."""

import numpy as np
import pytest

from openpersonalize.models import BlendModel, Contexts, Query
from openpersonalize.models.contexts import key_of
from openpersonalize.models.histories import Histories
from openpersonalize.models.ids import IdIndex
from tests.blends import blend_of

SHARES = np.array([0.4, 0.3, 0.2, 0.1], np.float32)


def _rows(*items: int) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    return np.array(items, np.int32)


def _contexts() -> Contexts:
    """Phones lift item 3 by 2 and lower 0 by 1; the morning lifts item 1 by 1."""
    return Contexts(
        columns=("DEVICE", "TimeOfDay", "SPEED"),
        values=IdIndex.build([key_of("DEVICE", "phone"), key_of("TimeOfDay", "morning")]),
        starts=np.array([0, 2, 3]),
        items=_rows(0, 3, 1),
        lifts=np.array([-1.0, 2.0, 1.0], np.float32),
    )


def _model() -> BlendModel:
    """Four items of one taste; user u had item 2."""
    return blend_of(
        IdIndex.build(list("abcd")),
        IdIndex.build(["u"]),
        Histories(np.array([0, 1]), _rows(2), np.array([10])),
        shares=SHARES,
        factors=np.ones((4, 1), np.float32),
        bias=np.log(SHARES),
        contexts=_contexts(),
    )


def _softmax(lifts: list[float]) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    powers = SHARES * np.exp(lifts)
    return powers / powers.sum()


def test_columns_are_found_in_any_spelling_of_properties() -> None:
    contexts = _contexts()

    assert [contexts.column(key) for key in ("DEVICE", "device", "time_of_day", "speed", "OS")] == [
        "DEVICE",
        "DEVICE",
        "TimeOfDay",
        "SPEED",
        None,
    ]


def test_values_are_found_as_they_are_written_and_others_have_no_rows() -> None:
    contexts = _contexts()

    assert contexts.rows({"device": "phone", "TIME_OF_DAY": "morning"}).tolist() == [0, 1]
    for nothing in ({}, {"DEVICE": "Phone"}, {"DEVICE": "morning"}, {"OS": "phone"}, {"SPEED": "1.0"}):
        assert contexts.rows(nothing).tolist() == [], nothing


def test_a_column_that_is_named_twice_counts_once() -> None:
    assert _contexts().rows({"DEVICE": "phone", "device": "phone"}).tolist() == [0]


@pytest.mark.parametrize("user", [-1, 0])
@pytest.mark.parametrize(
    ("context", "lifts"),
    [
        ({"DEVICE": "phone"}, [-1.0, 0.0, 0.0, 2.0]),
        ({"TimeOfDay": "morning"}, [0.0, 1.0, 0.0, 0.0]),
        ({"DEVICE": "phone", "TimeOfDay": "morning"}, [-1.0, 1.0, 0.0, 2.0]),
        ({"DEVICE": "tablet"}, [0.0, 0.0, 0.0, 0.0]),
    ],
)
def test_lifts_are_added_to_scores_before_the_softmax(
    user: int, context: dict[str, str], lifts: list[float]
) -> None:
    """All factors are alike, so the user's taste adds the same to every item."""
    model, expected = _model(), _softmax(lifts)
    order = np.argsort(-expected, kind="stable").tolist()
    query = Query(user=user, context=model.contexts.rows(context))
    whole, allowed = model.recommend(query, 4), np.array([True, False, True, True])
    ranked = model.rank(query, _rows(3, 0, 2))

    assert whole.items.tolist() == order
    assert whole.scores == pytest.approx(expected[order], rel=1e-5)
    some, kept = model.recommend(query, 2, allowed), [item for item in order if allowed[item]]
    assert some.items.tolist() == kept[:2]
    assert some.scores == pytest.approx(expected[kept[:2]], rel=1e-5)
    assert ranked.items.tolist() == kept
    assert ranked.scores == pytest.approx(expected[kept] / expected[kept].sum(), rel=1e-5)


@pytest.mark.parametrize("user", [-1, 0])
def test_nobody_is_shown_what_is_not_allowed_whatever_the_context(user: int) -> None:
    model = _model()
    query = Query(user=user, context=_rows(0))

    assert model.recommend(query, 4, np.zeros(4, np.bool_)).items.tolist() == []
    assert model.recommend(query, 0).items.tolist() == []


def test_a_context_leaves_the_model_as_it_was() -> None:
    model = _model()
    before = model.recommend(Query(user=0), 4)
    model.recommend(Query(user=0, context=_rows(0, 1)), 4)

    after = model.recommend(Query(user=0), 4)
    assert np.array_equal(before.items, after.items)
    assert np.array_equal(before.scores, after.scores)
