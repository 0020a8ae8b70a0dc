"""MovieLens' small folder (ratings.csv, movies.csv) as a store's folder."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from openpersonalize.cli.client.folders import StoreFolder, read_folder
from openpersonalize.cli.console import UserError

Fields = dict[str, dict[str, object]]

NO_GENRES = "(no genres listed)"
INTERACTIONS: Fields = {
    "USER_ID": {"type": "string"},
    "ITEM_ID": {"type": "string"},
    "TIMESTAMP": {"type": "long"},
    "EVENT_TYPE": {"type": "string"},
    "EVENT_VALUE": {"type": ["null", "float"]},
}
ITEMS: Fields = {
    "ITEM_ID": {"type": "string"},
    "TITLE": {"type": "string"},
    "GENRES": {"type": ["null", "string"], "categorical": True},
}
EVENT_TYPE = "View"
RATINGS = ("userId", "movieId", "rating", "timestamp")
MOVIES = ("movieId", "title", "genres")


def convert(source: Path, target: Path) -> StoreFolder:
    """Write MovieLens' files as a store's; ratings keep their order. Raises UserError."""
    ratings, movies = source / "ratings.csv", source / "movies.csv"
    for path in (ratings, movies):
        if not path.is_file():
            raise UserError(
                f"{path} is not there: give the folder of ml-latest-small, "
                "which holds ratings.csv and movies.csv."
            )
    _write(target, "interactions", INTERACTIONS, map(_interaction, _read(ratings, RATINGS)))
    _write(target, "items", ITEMS, map(_item, _read(movies, MOVIES)))
    return read_folder(target)


def _interaction(rating: dict[str, str]) -> tuple[str, ...]:
    return rating["userId"], rating["movieId"], rating["timestamp"], EVENT_TYPE, rating["rating"]


def _item(movie: dict[str, str]) -> tuple[str, ...]:
    genres = movie["genres"]
    return movie["movieId"], movie["title"], "" if genres == NO_GENRES else genres


def _read(path: Path, columns: tuple[str, ...]) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, restval="")
            if not {*columns} <= {*(reader.fieldnames or ())}:
                raise UserError(
                    f"{path} has not the columns {', '.join(columns)} in its first line: give the folder of "
                    "ml-latest-small, or a folder of your own without --movielens."
                )
            yield from reader
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path} cannot be read: {error}. Unpack ml-latest-small anew.") from None


def _write(folder: Path, kind: str, fields: Fields, lines: Iterable[tuple[str, ...]]) -> None:
    schema = {
        "type": "record",
        "name": kind.capitalize(),
        "namespace": "com.amazonaws.personalize.schema",
        "fields": [{"name": name, **field} for name, field in fields.items()],
        "version": "1.0",
    }
    (folder / f"{kind}.schema.json").write_text(json.dumps(schema, indent=2), encoding="utf-8")
    with (folder / f"{kind}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(fields)
        writer.writerows(lines)
