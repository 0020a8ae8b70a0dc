"""`python -m benchmarks.quality` on a small folder of CSVs without schemas: all tables and plots come."""

from pathlib import Path

import numpy as np
import pytest
from benchmarks.quality.__main__ import main

N_USERS, N_ITEMS, N_TASTES = 40, 48, 4


def _write(folder: Path) -> None:
    """Users see twelve items each, mostly of their own taste, which the items' KIND tells."""
    random = np.random.default_rng(0)
    lines = []
    for user in range(N_USERS):
        order = random.permutation(N_ITEMS)
        is_liked = (order % N_TASTES == user % N_TASTES) | (random.random(N_ITEMS) < 0.15)
        lines += [f"u{user},i{item},{60 * place}" for place, item in enumerate(order[is_liked][:12])]
    (folder / "interactions.csv").write_text("\n".join(["USER_ID,ITEM_ID,TIMESTAMP", *lines]))
    items = [f"i{item},kind {item % N_TASTES},{item / 2}" for item in range(N_ITEMS)]
    (folder / "items.csv").write_text("\n".join(["ITEM_ID,KIND,PRICE", *items]))


def test_the_command_measures_a_folder_of_csvs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = tmp_path / "my-shop", tmp_path / "out"
    folder.mkdir()
    _write(folder)

    main([str(folder), "--quick", "--out", str(out)])

    page, printed = (out / "README.md").read_text(), capsys.readouterr().out
    assert "40 users, 48 items, 480 interactions; records of items." in page
    for title in ("## Goals", "### Items for users", "### Cold items", "## Planted trends"):
        assert title in page
    for model in ("**aws-user-personalization**", "**aws-similar-items**", "implicit ALS, tuned", "EASE"):
        assert f"| {model} | " in page
    assert {path.name for path in out.glob("*.png")} == {
        "users-my-shop.png",
        "items-my-shop.png",
        "cold-my-shop.png",
        "segments-my-shop.png",
        "trends.png",
    }
    assert "reached" in printed
    assert {path.name for path in folder.iterdir()} == {"interactions.csv", "items.csv"}


def test_a_folder_without_interactions_is_refused_with_the_layout(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"has no interactions\.csv. The folder holds") as refused:
        main([str(tmp_path), "--quick"])

    assert str(tmp_path) in str(refused.value)
