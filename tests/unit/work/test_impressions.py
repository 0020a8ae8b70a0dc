"""How often items were shown: by imported columns, named impressions, and lists of recommendationIds."""

from pathlib import Path

import polars as pl

from openpersonalize.models.ids import IdIndex
from openpersonalize.work import impressions

ITEMS = IdIndex.build(["a", "b", "c"])


def test_every_item_of_an_imported_impression_was_shown_once(tmp_path: Path) -> None:
    pl.DataFrame({"ITEM_ID": ["a", "b", "a"], "IMPRESSION": ["a|b", None, "b|x|b"]}).write_parquet(
        tmp_path / "with.parquet"
    )
    pl.DataFrame({"ITEM_ID": ["a"]}).write_parquet(tmp_path / "without.parquet")
    counts = impressions.count([tmp_path / "with.parquet", tmp_path / "without.parquet"], [], ITEMS)

    assert counts.tolist() == [1, 3, 0]


def test_what_events_have_shown_adds_to_what_was_imported(tmp_path: Path) -> None:
    pl.DataFrame({"IMPRESSION": ["a|b"]}).write_parquet(tmp_path / "imported.parquet")
    pl.DataFrame({"ITEM_ID": ["b", "gone"], "n": [5, 9]}).write_parquet(tmp_path / "streamed.parquet")
    counts = impressions.count([tmp_path / "imported.parquet"], [tmp_path / "streamed.parquet"], ITEMS)

    assert counts.tolist() == [1, 6, 0]
