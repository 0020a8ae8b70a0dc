"""Measure the quality of every recipe beside its peers: a table of goals, tables, and plots.

    python -m benchmarks.quality                     MovieLens and the generated store
    python -m benchmarks.quality path/to/folder      a folder of CSVs of yours instead
    python -m benchmarks.quality --quick folder      only see whether it works on the folder
    python -m benchmarks.quality --write             write README.md and the plots of benchmarks/quality

A folder holds interactions.csv (USER_ID, ITEM_ID, TIMESTAMP, …) and perhaps items.csv and users.csv, each
with its Avro schema beside it (items.schema.json) or without, or MovieLens' ratings.csv and movies.csv.
"""

import argparse
import sys
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

from benchmarks.quality import pages, plots, stores, tables
from benchmarks.quality.goals import goals_of, trend_goal
from benchmarks.quality.measuring import QUICK, Scale, measure
from benchmarks.quality.pages import Drawn
from benchmarks.quality.stores import Store
from benchmarks.quality.training import Trainer
from benchmarks.quality.trends import trends
from rich.console import Console
from rich.markdown import Markdown
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]  # has no stubs

from openpersonalize.cli.console import UserError

HERE = Path(__file__).parent
MOVIELENS = Path("../shared/data/ml-latest-small")


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the goals, and write the page with its plots."""
    options = _options(arguments)
    warnings.filterwarnings("ignore", message=".*CSR input.*")  # implicit's own conversion
    started = time.perf_counter()
    try:
        chosen = _chosen(options)
    except UserError as error:
        sys.exit(f"error: {error}")
    if options.write:
        _run(chosen, HERE, Scale(), started)
        return
    folder = options.out or Path(tempfile.mkdtemp(prefix="quality-"))
    folder.mkdir(parents=True, exist_ok=True)
    _run(chosen, folder, QUICK if options.quick else Scale(), started)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.quality",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folders", nargs="*", type=Path, help="folders of CSVs, instead of the two stores")
    parser.add_argument("--data", type=Path, default=MOVIELENS, help="MovieLens' folder (%(default)s)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--write", action="store_true", help="write into benchmarks/quality")
    where.add_argument("--quick", action="store_true", help="only see whether it works on the folders")
    parser.add_argument("--out", type=Path, help="write the page and the plots into this folder")
    return parser.parse_args(arguments)


def _chosen(options: argparse.Namespace) -> list[Store]:
    if options.folders:
        return [stores.read(folder) for folder in options.folders]
    return [stores.read(options.data), stores.generated()]


def _run(chosen: Sequence[Store], folder: Path, scale: Scale, started: float) -> None:
    with _bars() as bars, threadpool_limits(1, "blas"):  # as in the training child
        trainer = Trainer(bars)
        measured = [measure(store, trainer, scale) for store in chosen]
        planted = trends(trainer, scale.n_trend_stores)
    drawn = [Drawn(found, plots.draw(found, folder)) for found in measured]
    picture = plots.draw_trends(planted, folder)
    text = pages.page(drawn, planted, picture, time.perf_counter() - started)
    (folder / "README.md").write_text(text, encoding="utf-8")
    rows = [row for found in measured for row in tables.goals(found.name, goals_of(found))]
    rows += tables.goals("planted trends", [trend_goal(planted)])
    Console().print(Markdown(tables.table(["store", "goal", "figures", "verdict"], rows)))
    print(f"All tables and plots: {folder / 'README.md'}")


def _bars() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


if __name__ == "__main__":
    main()
