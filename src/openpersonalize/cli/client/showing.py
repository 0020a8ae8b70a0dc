"""Recommendations as tables with titles."""

from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from openpersonalize.cli.client.connection import Connection
from openpersonalize.cli.client.loading import LoadedStore
from openpersonalize.cli.client.readers import Titles

N_SHOWN = 10


def recommended(connection: Connection, campaign_arn: str, **question: Any) -> dict[str, float | None]:
    """Items with their scores, best first."""
    answer = connection.runtime.get_recommendations(campaignArn=campaign_arn, numResults=N_SHOWN, **question)
    return {item["itemId"]: item.get("score") for item in answer["itemList"]}


def show_user(
    screen: Console, user_id: str, *, latest: list[str], items: dict[str, float | None], titles: Titles
) -> None:
    """What a user did lately beside what is recommended."""
    table = _table(f"User {user_id}", "Lately, newest first", "Recommended", "Score")
    lines = list(items.items())
    for place in range(max(len(latest), len(lines))):
        before = titles.of(latest[place]) if place < len(latest) else ""
        item, score = lines[place] if place < len(lines) else ("", None)
        table.add_row(Text(before), Text(titles.of(item)), _score(score))
    screen.print(table)


def show_similar(screen: Console, item_id: str, *, items: dict[str, float | None], titles: Titles) -> None:
    """What goes with an item."""
    table = _table("Similar items", Text(f"Goes with: {titles.of(item_id)}"))
    for item in items:
        table.add_row(Text(titles.of(item)))
    screen.print(table)


def show_change(
    screen: Console,
    heading: str,
    *,
    before: dict[str, float | None],
    after: dict[str, float | None],
    titles: Titles,
) -> None:
    """Two lists side by side; what is new in the second is marked."""
    table = _table(heading, "Before", "After")
    for old, new in zip(before, after, strict=False):
        shown = Text(titles.of(new)) if new in before else Text(f"+ {titles.of(new)}", style="green")
        table.add_row(Text(titles.of(old)), shown)
    screen.print(table)


def show_seconds(screen: Console, store: LoadedStore) -> None:
    """How long each phase took."""
    table = Table(box=box.SIMPLE_HEAD, title="Seconds by phase", title_justify="left")
    table.add_column("Phase")
    table.add_column("Seconds", justify="right")
    for phase, seconds in store.seconds.items():
        table.add_row(phase, f"{seconds:.2f}")
    table.add_row("total", f"{sum(store.seconds.values()):.2f}", style="bold")
    screen.print(table)


def _table(title: str, *columns: str | Text) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=Text(title), title_justify="left")
    for column in columns:
        numeric = column == "Score"
        table.add_column(
            column, overflow="ellipsis", no_wrap=True, justify="right" if numeric else "left", min_width=6
        )
    return table


def _score(score: float | None) -> str:
    return "" if score is None else f"{score:.4f}"
