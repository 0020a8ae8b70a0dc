"""The id index finds what it was built of, and nothing else."""

import numpy as np

from openpersonalize.models.ids import IdIndex


def test_every_id_is_found_at_its_row_and_comes_back() -> None:
    ids = [f"item-{row}" for row in range(1000)] + ["", "ü", "日本", "a\x00b", "x" * 256, "\ud800"]
    index = IdIndex.build(ids)

    assert len(index) == len(ids)
    assert [index.find(text) for text in ids] == list(range(len(ids)))
    assert index.find_many(ids).tolist() == list(range(len(ids)))
    assert index.texts(np.arange(len(ids), dtype=np.int32)) == ids
    assert index.text(1002) == "日本"


def test_unknown_ids_have_row_minus_one() -> None:
    index = IdIndex.build(["a", "ab", "abc"])

    assert index.find("b") == -1
    assert index.find("abcd") == -1
    assert index.find_many(["zz", "ab", "", "A"]).tolist() == [-1, 1, -1, -1]
    assert index.find_many([]).tolist() == []


def test_an_empty_index_knows_nobody() -> None:
    index = IdIndex.build([])

    assert len(index) == 0
    assert index.find("a") == -1
