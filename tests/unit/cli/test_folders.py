"""A store's folder: what is missing is said, with what the folder must hold."""

import csv
import json
from pathlib import Path

import pytest

from openpersonalize.cli.client.folders import copy_to_bucket, read_folder
from openpersonalize.cli.client.movielens import convert
from openpersonalize.cli.client.readers import read_histories, read_titles
from openpersonalize.cli.console import UserError
from openpersonalize.cli.demo import NAME, _new_name
from openpersonalize.settings import Settings

RATINGS = "userId,movieId,rating,timestamp\n1,10,4.0,200\n1,11,3.5,100\n2,10,5.0,150\n1,12,1.0,100\n"
MOVIES = (
    "movieId,title,genres\n"
    '10,"Quiet Fox, The (1999)",Comedy|Drama\n'
    '11,"Say ""Hello"" (2001)",Drama\n'
    "12,Nameless (1980),(no genres listed)\n"
)


@pytest.fixture
def movielens(tmp_path: Path) -> Path:
    """A folder as MovieLens has it."""
    folder = tmp_path / "ml"
    folder.mkdir()
    (folder / "ratings.csv").write_text(RATINGS)
    (folder / "movies.csv").write_text(MOVIES)
    return folder


def test_a_folder_without_interactions_is_refused_with_its_layout(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no interactions.csv. The folder holds"):
        read_folder(tmp_path)


def test_movielens_folder_without_its_option_is_told_the_option(movielens: Path) -> None:
    with pytest.raises(UserError, match="write --movielens before it"):
        read_folder(movielens)


def test_a_csv_without_its_schema_is_refused(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_text("USER_ID\n")

    with pytest.raises(UserError, match=r"interactions.schema.json is not"):
        read_folder(tmp_path)


def test_a_schema_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_text("USER_ID\n")
    (tmp_path / "interactions.schema.json").write_text("{")

    with pytest.raises(UserError, match="is not JSON"):
        read_folder(tmp_path)


def test_another_folder_than_movielens_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"ratings.csv is not there"):
        convert(tmp_path, tmp_path)


def test_a_schema_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "interactions.csv").write_text("USER_ID\n")
    (tmp_path / "interactions.schema.json").write_bytes(b"\xff\xfe{")

    with pytest.raises(UserError, match="is not JSON in UTF-8"):
        read_folder(tmp_path)


def test_a_file_with_other_columns_than_movielens_is_refused(movielens: Path, tmp_path: Path) -> None:
    (movielens / "ratings.csv").write_text("USER_ID,ITEM_ID,TIMESTAMP\n1,10,200\n")

    with pytest.raises(UserError, match=r"ratings.csv has not the columns userId.* without --movielens"):
        convert(movielens, tmp_path)


def test_an_item_without_a_title_is_called_by_its_id(movielens: Path, tmp_path: Path) -> None:
    (movielens / "movies.csv").write_text("movieId,title,genres\n10,,Drama\n")

    assert read_titles(convert(movielens, tmp_path)).of("10") == "10"


@pytest.mark.parametrize("folder", ["été_2024", "---", "A.B", "x" * 80])
def test_a_folders_name_becomes_one_that_a_bucket_may_have(folder: str) -> None:
    assert NAME.fullmatch(_new_name(Path("/some") / folder))


def test_movielens_becomes_interactions_and_items(movielens: Path, tmp_path: Path) -> None:
    folder = convert(movielens, tmp_path)

    with folder.csv("interactions").open(newline="") as file:
        first = next(csv.DictReader(file))
    with folder.csv("items").open(newline="") as file:
        items = list(csv.DictReader(file))
    assert first == {
        "USER_ID": "1",
        "ITEM_ID": "10",
        "TIMESTAMP": "200",
        "EVENT_TYPE": "View",
        "EVENT_VALUE": "4.0",
    }
    assert [item["GENRES"] for item in items] == ["Comedy|Drama", "Drama", ""]
    assert [field["name"] for field in json.loads(folder.schemas["items"])["fields"]] == list(items[0])


def test_titles_and_histories_read_as_people_want_them(movielens: Path, tmp_path: Path) -> None:
    folder = convert(movielens, tmp_path)
    titles, histories = read_titles(folder), read_histories(folder)

    assert titles.of("10") == "Quiet Fox, The (1999)"
    assert titles.of("11") == 'Say "Hello" (2001)'
    assert titles.of("unknown") == "unknown"
    # Newest first; of the two ratings of the same second, the later line is the newer one.
    assert histories.latest("1", 10) == ["10", "12", "11"]
    assert histories.best_known() == "10"
    assert histories.users_to_show(2) == ["1", "2"]


def test_files_are_copied_to_the_bucket_folder(movielens: Path, tmp_path: Path) -> None:
    folder = convert(movielens, tmp_path)
    copy_to_bucket(folder, Settings(data_dir=tmp_path / "data"), "movies")

    copied = {path.name for path in (tmp_path / "data" / "buckets" / "movies").iterdir()}
    assert copied == {"interactions.csv", "items.csv"}
