"""What a person wants to see beside recommendations: titles, and what a user did lately."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from openpersonalize.cli.client.folders import TITLE_COLUMNS, StoreFolder

FEWEST, MOST = 15, 60
"""Users to show have as many interactions as a person can take in."""


@dataclass(frozen=True)
class Titles:
    """Titles by item id; an item without one is called by its id."""

    by_id: dict[str, str]

    def of(self, item_id: str) -> str:
        """The title."""
        return self.by_id.get(item_id) or item_id


def read_titles(folder: StoreFolder) -> Titles:
    """Read the titles from the items file, where there is one and it has a column for them."""
    if "items" not in folder.schemas:
        return Titles({})
    frame = _read(folder, "items", ["ITEM_ID", *TITLE_COLUMNS])
    columns = [name for name in TITLE_COLUMNS if name in frame.columns]
    if not columns:
        return Titles({})
    named = frame.dropna(subset=columns[0])
    return Titles(dict(zip(named["ITEM_ID"], named[columns[0]], strict=True)))


@dataclass(frozen=True)
class Histories:
    """Who did what: a frame of USER_ID and ITEM_ID, oldest first."""

    frame: pd.DataFrame

    def users_to_show(self, n_users: int) -> list[str]:
        """Users with a history worth showing, spread over the file; the same ones every time."""
        counts = self.frame["USER_ID"].value_counts(sort=False)
        fitting = counts[(counts >= FEWEST) & (counts <= MOST)].index
        users = list(fitting if len(fitting) >= n_users else counts.index)
        step = max(1, len(users) // n_users)
        return users[step // 2 :: step][:n_users]

    def latest(self, user_id: str, n_items: int) -> list[str]:
        """The items of the user's newest interactions, newest first, each once."""
        items = self.frame.loc[self.frame["USER_ID"] == user_id, "ITEM_ID"]
        return list(dict.fromkeys(reversed(items.tolist())))[:n_items]

    def best_known(self, among: Iterable[str] = ()) -> str:
        """The item with the most interactions, of `among` if that is given."""
        counts = self.frame["ITEM_ID"].value_counts()
        known = [item for item in among if item in counts.index]
        return str(counts[known].idxmax() if known else counts.index[0])


def read_histories(folder: StoreFolder) -> Histories:
    """Read who did what; ties in time keep the file's order."""
    frame = _read(folder, "interactions", ["USER_ID", "ITEM_ID", "TIMESTAMP"])
    return Histories(frame.sort_values("TIMESTAMP", kind="stable", key=pd.to_numeric))


def _read(folder: StoreFolder, kind: str, columns: list[str]) -> pd.DataFrame:
    return pd.read_csv(
        folder.csv(kind),
        usecols=lambda name: name in columns,
        dtype=str,
        keep_default_na=False,
        escapechar="\\",
        encoding="utf-8-sig",
    )
