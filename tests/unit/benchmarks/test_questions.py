"""Which events are held out, what is known when each is asked for, and what lists leave out."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from benchmarks.quality import peers, questions
from benchmarks.quality.measures import Evaluation
from benchmarks.quality.peers import Peer
from benchmarks.quality.questions import HeldOut, Question

from openpersonalize.models import PopularityModel
from openpersonalize.models.ids import IdIndex
from openpersonalize.models.popularity import places_of
from openpersonalize.recipes.interactions import Interactions
from openpersonalize.recipes.loading import EventFilter, Source, load_interactions

Row = tuple[str, str, int]


def _interactions(folder: Path, rows: list[Row]) -> Interactions:
    path = folder / "interactions.parquet"
    pl.DataFrame(rows, ["USER_ID", "ITEM_ID", "TIMESTAMP"], orient="row").write_parquet(path)
    return load_interactions(Source([path], has_one_origin=True), EventFilter(), has_minimums=False)


def _asked(held_out: HeldOut) -> list[tuple[str, list[str], list[str], str]]:
    items, users = held_out.everything.items, held_out.everything.users
    return [
        (users.text(one.user), items.texts(one.known), items.texts(one.recent), items.text(one.target))
        for one in held_out.questions()
    ]


def test_events_of_one_time_stand_in_the_order_of_the_file(tmp_path: Path) -> None:
    rows = [("u", "z", 5), ("u", "a", 5), ("u", "m", 5), ("u", "first", 1)]

    held_out = HeldOut.last(_interactions(tmp_path, rows), 1)

    assert _asked(held_out) == [("u", ["first", "z", "a"], [], "m")]


def test_later_events_are_told_after_they_were_predicted(tmp_path: Path) -> None:
    rows = [("u", item, time) for time, item in enumerate("abcd")]

    held_out = HeldOut.last(_interactions(tmp_path, rows), 2)

    assert held_out.before.histories.items.tolist() == [0, 1]
    assert _asked(held_out) == [
        ("u", ["a", "b"], [], "c"),
        ("u", ["a", "b", "c"], ["c"], "d"),
    ]
    assert held_out.questions()[1].recent_times.tolist() == [2]


def test_one_event_of_each_user_is_left_and_single_ones_are_not_asked(tmp_path: Path) -> None:
    rows = [("short", "a", 1), ("short", "b", 2), ("single", "a", 1)]

    held_out = HeldOut.last(_interactions(tmp_path, rows), 5)

    assert held_out.before.n_events == 2
    assert _asked(held_out) == [("short", ["a"], [], "b")]


def test_an_item_that_the_user_had_is_not_asked_for_but_told(tmp_path: Path) -> None:
    rows = [("u", item, time) for time, item in enumerate("abac")]

    held_out = HeldOut.last(_interactions(tmp_path, rows), 2)

    assert held_out.n_held_out == 2
    assert _asked(held_out) == [("u", ["a", "b", "a"], ["a"], "c")]


def _question(target: int, known: list[int]) -> Question:
    return Question(0, target, np.array(known, np.int32), np.empty(0, np.int32), np.empty(0, np.int64))


def test_places_count_without_what_was_seen() -> None:
    items = IdIndex.build(["a", "b", "c", "d"])
    order = np.array([2, 0, 3, 1], np.int32)
    model = PopularityModel(items=items, users=IdIndex.build([]), order=order, places=places_of(order))

    answer = questions.for_user(model)
    found = questions.evaluate(answer, [_question(3, []), _question(3, [2]), _question(3, [2, 0])])

    assert found.places.tolist() == [3, 2, 1]


def _scored(*scores: float) -> Peer:
    row = np.array(scores, np.float32)
    return Peer(lambda rows: np.tile(row, (rows.shape[0], 1)), np.array([1, 5, 3, 3]))


@pytest.mark.parametrize(
    ("target", "known", "place"),
    [
        (0, [], 1),
        (1, [], 2),  # equals stand by popularity, then in their order
        (2, [], 3),
        (3, [], 4),
        (3, [1], 3),
        (3, [0, 1, 2], 1),
    ],
)
def test_peers_places_count_without_what_was_seen(target: int, known: list[int], place: int) -> None:
    found = peers.evaluate(_scored(0.9, 0.5, 0.5, 0.5), [_question(target, known)])

    assert found.places.tolist() == [place]


def test_a_place_beyond_the_first_25_is_none() -> None:
    row = -np.arange(30, dtype=np.float32)
    peer = Peer(lambda rows: np.tile(row, (rows.shape[0], 1)), np.zeros(30, np.int64))

    found = peers.evaluate(peer, [_question(24, []), _question(25, [])])

    assert found.places.tolist() == [25, 0]


def test_peers_are_given_the_newest_events_where_that_is_asked() -> None:
    seen: list[list[int]] = []

    def scores(rows: peers.Matrix) -> peers.Scores:
        seen.extend(np.split(rows.indices, rows.indptr[1:-1])[row].tolist() for row in range(rows.shape[0]))
        return np.zeros(rows.shape, np.float32)

    counts = np.ones(4, np.int64)
    peers.evaluate(Peer(scores, counts), [_question(3, [0, 1, 2])])
    peers.evaluate(Peer(scores, counts, 2), [_question(3, [0, 1, 2])])
    peers.evaluate(Peer(scores, counts), [_question(3, [0, 1, 2])], only_last=True)

    assert seen == [[0, 1, 2], [1, 2], [2]]


@pytest.mark.parametrize("n_users", [12, 60])
def test_ease_is_the_ridge_solution_whichever_side_is_inverted(tmp_path: Path, n_users: int) -> None:
    """B's column j solves a ridge regression of item j on all others (Steck 2019)."""
    generator = np.random.default_rng(0)
    matrix = (generator.random((n_users, 20)) < 0.4).astype(np.float32)
    matrix[:, 0], matrix[0, :] = 1.0, 1.0
    rows = [(f"{u:02}", f"{i:02}", 1) for u, i in np.argwhere(matrix).tolist()]
    interactions = _interactions(tmp_path, rows)

    found = peers.ease(interactions).scores(interactions.matrix())

    for item in range(20):
        others = np.delete(matrix, item, axis=1).astype(np.float64)
        gram = others.T @ others + peers.EASE_PENALTY * np.eye(19)
        expected = others @ np.linalg.solve(gram, others.T @ matrix[:, item])
        assert found[:, item] == pytest.approx(expected, abs=1e-4)


def test_a_mean_is_of_the_questions() -> None:
    assert Evaluation(np.array([2, 0]), np.array([0, 1])).means()["MRR@25"] == 0.25
