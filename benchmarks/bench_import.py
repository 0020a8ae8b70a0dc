"""Import of interactions: CSV to checked Parquet, beside pandas' read_csv, factorize and to_parquet.

Both sides run in fresh processes, in turns. Ours checks every value, keeps rejects, removes duplicates,
counts, hashes and syncs; the peer does none of that. Memory is the child's own peak (ru_maxrss).
"""
# ruff: noqa: PLC0415  (each side loads only what it needs)

import argparse
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from pathlib import Path

SEED = 7
N_USERS, N_ITEMS = 200_000, 50_000
BLOCK_ROWS = 1_000_000


def generate(path: Path, rows: int) -> None:
    """Write interactions with Zipf users and items, seeded; in blocks, so that any number fits in memory."""
    import numpy as np
    import polars as pl

    random = np.random.default_rng(SEED)

    def zipf(count: int, size: int, exponent: float) -> pl.Series:
        weights = np.cumsum(1 / np.arange(1, size + 1) ** exponent)
        return pl.Series(np.searchsorted(weights / weights[-1], random.random(count))).cast(pl.String)

    with path.open("wb") as file:
        for start in range(0, rows, BLOCK_ROWS):
            count = min(BLOCK_ROWS, rows - start)
            frame = pl.DataFrame(
                {
                    "USER_ID": "u" + zipf(count, N_USERS, 0.7).str.zfill(7),
                    "ITEM_ID": "item" + zipf(count, N_ITEMS, 0.9).str.zfill(6),
                    "EVENT_TYPE": random.choice(["view", "click", "purchase"], count, p=[0.8, 0.15, 0.05]),
                    "EVENT_VALUE": np.round(random.random(count) * 100, 2),
                    "TIMESTAMP": random.integers(1_600_000_000, 1_650_000_000, count),
                }
            )
            frame.write_csv(file, include_header=start == 0)


def run_ours(csv: Path, folder: Path) -> None:
    """Import the file as the job does, from the listing to the sealed generation."""
    from openpersonalize.domain.columns import Column, DatasetColumns
    from openpersonalize.storage.generations import seal
    from openpersonalize.storage.objects import LocalObjects
    from openpersonalize.work.csv_imports import import_csv

    columns = DatasetColumns(
        "INTERACTIONS",
        (
            Column("USER_ID", "string"),
            Column("ITEM_ID", "string"),
            Column("EVENT_TYPE", "string"),
            Column("EVENT_VALUE", "float", nullable=True),
            Column("TIMESTAMP", "long"),
        ),
    )
    objects = LocalObjects(csv.parents[1])
    files = objects.list_objects(f"s3://{csv.parent.name}/{csv.name}")
    written = import_csv(objects, files, columns, folder)
    seal(folder, written.rows_by_part)


def run_peer(csv: Path, folder: Path) -> None:
    """Read all of it, number users, items and event types, and write everything."""
    import pandas as pd

    frame = pd.read_csv(csv)
    for name in ("USER_ID", "ITEM_ID", "EVENT_TYPE"):
        codes, values = pd.factorize(frame[name])
        frame[name] = codes
        pd.DataFrame({name: values}).to_parquet(folder / f"{name}.parquet", compression="zstd")
    frame.to_parquet(folder / "interactions.parquet", compression="zstd")


SIDES = {"openpersonalize": run_ours, "pandas": run_peer}


def run_side(side: str, csv: Path) -> None:
    """Run one side in this process and print what it took; the clock starts before its imports."""
    with tempfile.TemporaryDirectory(dir=csv.parents[1]) as scratch:
        folder = Path(scratch) / "result"
        folder.mkdir()
        started = time.perf_counter()
        SIDES[side](csv, folder)
        wall_s = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(
        json.dumps(
            {"wall_s": wall_s, "cpu_s": used.ru_utime + used.ru_stime, "peak_mb": used.ru_maxrss / 1024}
        )
    )


def measure(side: str, csv: Path) -> dict[str, float]:
    """Run one side in a fresh process."""
    command = [sys.executable, __file__, "--side", side, "--csv", str(csv)]
    measured: dict[str, float] = json.loads(subprocess.check_output(command))
    print(f"  {side}: {measured['wall_s']:.2f} s, {measured['peak_mb']:.0f} MB", file=sys.stderr)
    return measured


def table(runs: dict[str, list[dict[str, float]]], rows: int) -> str:
    """Render medians, minima and the ratio of ours to the peer's as Markdown."""
    lines = [
        f"| {rows:,} rows | wall s, min | wall s, median | CPU s, median | peak MB, max |",
        "|---|---|---|---|---|",
    ]
    figures = {}
    for side, measured in runs.items():
        walls = [run["wall_s"] for run in measured]
        cpu_s = statistics.median(run["cpu_s"] for run in measured)
        figures[side] = (min(walls), statistics.median(walls), cpu_s, max(run["peak_mb"] for run in measured))
        low, median, cpu, peak = figures[side]
        lines.append(f"| {side} | {low:.2f} | {median:.2f} | {cpu:.2f} | {peak:.0f} |")
    ratios = [ours / peer for ours, peer in zip(figures["openpersonalize"], figures["pandas"], strict=True)]
    lines.append("| ratio | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000, help="rows of the generated file")
    parser.add_argument("--runs", type=int, default=5, help="runs of each side")
    parser.add_argument("--csv", type=Path, help="reuse this file (FOLDER/bucket/name.csv) instead")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        run_side(options.side, options.csv)
        return
    with tempfile.TemporaryDirectory(prefix="bench-import-") as folder:
        csv = options.csv or Path(folder) / "bench" / "interactions.csv"
        if not csv.exists():
            csv.parent.mkdir(parents=True)
            generate(csv, options.rows)
        runs: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
        for _ in range(options.runs):
            for side in SIDES:
                runs[side].append(measure(side, csv))
        print(table(runs, options.rows))
    packages = ", ".join(f"{name} {version(name)}" for name in ("polars", "pandas", "pyarrow"))
    print(f"\n{os.cpu_count()} CPUs, Python {platform.python_version()}, {packages}; seed {SEED}.")


if __name__ == "__main__":
    main()
