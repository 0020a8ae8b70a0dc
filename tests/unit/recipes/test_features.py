"""Features of records: words, bins of numbers, and nulls."""

import numpy as np

from openpersonalize.domain.columns import Column
from openpersonalize.models.columns import ColumnTable
from openpersonalize.models.ids import IdIndex
from openpersonalize.recipes.features import Design, design_matrix, texts
from openpersonalize.recipes.training import Records

COLUMNS = (
    Column("GENRES", "string", nullable=True, categorical=True),
    Column("YEAR", "int", nullable=True),
    Column("PRICE", "float", nullable=True),
    Column("PLOT", "string", nullable=True, textual=True),
)
FEATURES = tuple(column.name for column in COLUMNS)


def _records(records: dict[str, dict[str, str | int | float | bool]], *features: str) -> Records:
    return Records(ColumnTable.build(COLUMNS, records), features or FEATURES, ("PLOT",))


def _found(design: Design) -> list[set[str]]:
    """The names of each id's features."""
    return [{design.names[at] for at in np.flatnonzero(row)} for row in design.matrix.toarray()]


def test_every_word_of_a_cell_is_a_feature_unless_only_one_record_has_it() -> None:
    records = _records(
        {"c": {"GENRES": "Drama|Rare"}, "a": {"GENRES": "Crime|Drama"}, "b": {"GENRES": "Crime"}}, "GENRES"
    )
    design = design_matrix(records, IdIndex.build(["a", "b", "unknown", "c"]))

    assert _found(design) == [{"GENRES=Crime", "GENRES=Drama"}, {"GENRES=Crime"}, set(), {"GENRES=Drama"}]
    assert design.is_described.tolist() == [True, True, False, True]
    assert design.matrix.dtype == np.float32


def test_words_are_counted_over_the_ids_that_are_asked_for() -> None:
    records = _records({"a": {"GENRES": "x"}, "b": {"GENRES": "x"}, "c": {"GENRES": "y"}}, "GENRES")

    assert design_matrix(records, IdIndex.build(["a", "c"])).names == ()


def test_numbers_fall_into_bins_of_equally_many_ids_and_null_is_one_of_them() -> None:
    given: dict[str, dict[str, str | int | float | bool]] = {
        f"i{row:02d}": {"YEAR": 1900 + row * row} for row in range(40)
    }
    records = _records(given | {"none": {}}, "YEAR")
    design = design_matrix(records, IdIndex.build([*given, "none", "unknown"]), n_bins=4)

    assert design.matrix.sum(axis=0).tolist() == [[10, 10, 10, 10, 1]]
    assert design.names[-1] == "YEAR is null"
    assert design.names[1] == "YEAR in [2000, 2300)"
    assert _found(design)[-2:] == [{"YEAR is null"}, set()]


def test_few_different_numbers_have_a_bin_each_and_one_number_none() -> None:
    rows: dict[str, dict[str, str | int | float | bool]] = {
        f"i{row}": {"YEAR": 7, "PRICE": 0.5 * (row % 3)} for row in range(9)
    }
    design = design_matrix(_records(rows), IdIndex.build(list(rows)))

    assert design.names == ("PRICE in [-inf, 0.5)", "PRICE in [0.5, 1)", "PRICE in [1, inf)")
    assert design.matrix.sum(axis=0).tolist() == [[3, 3, 3]]


def test_free_text_and_columns_that_are_no_features_are_left_out() -> None:
    rows: dict[str, dict[str, str | int | float | bool]] = {
        "a": {"PLOT": "p", "GENRES": "g", "YEAR": 1},
        "b": {"PLOT": "p", "GENRES": "g", "YEAR": 2},
    }
    names = design_matrix(_records(rows, "PLOT", "YEAR"), IdIndex.build(["a", "b"])).names

    assert names == ("YEAR in [-inf, 2)", "YEAR in [2, inf)")


def test_texts_stand_in_the_order_of_the_ids() -> None:
    records = _records({"a": {"PLOT": "one"}, "b": {}, "c": {"PLOT": "three"}})
    ids = IdIndex.build(["c", "x", "b", "a"])

    assert texts(records, ids, "PLOT") == ["three", None, None, "one"]
    assert texts(records, ids, "TITLE") == [None] * 4


def test_without_usable_columns_there_are_no_features() -> None:
    design = design_matrix(_records({}), IdIndex.build(["a", "b"]))

    assert design.matrix.shape == (2, 0)
    assert not design.is_described.any()
