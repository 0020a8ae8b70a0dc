"""The files of batch jobs: one line of output per line of input, each file whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from openpersonalize.errors import JobError
from openpersonalize.storage.objects import LocalObjects
from openpersonalize.work import batch_files
from openpersonalize.work.batch_files import Answered, BatchFiles, LineError, member


def _upper(line: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"upper": member(line, "word").upper()}


def _files(root: Path, source: str = "s3://shop/in/", **contents: bytes) -> BatchFiles:
    folder = root / "shop" / "in"
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return BatchFiles(LocalObjects(root), source, "s3://shop/out")


def _answers(root: Path, files: BatchFiles) -> dict[str, list[dict[str, Any]]]:
    files.answer(files.inputs(has_limits=True), _upper, progress=lambda n_done: None)
    return {
        path.name: [json.loads(line) for line in path.read_text().splitlines()]
        for path in sorted((root / "shop" / "out").iterdir())
    }


def test_every_file_gets_one_of_its_name_with_its_lines_in_order(tmp_path: Path) -> None:
    files = _files(tmp_path, a=b'{"word":"x"}\n\n  {"word":"\xc3\xa9","more":1}', b=b"", _c=b"no", d=b"\n")
    inputs = files.inputs(has_limits=True)

    assert files.count_lines(inputs) == 2
    assert _answers(tmp_path, files) == {
        "a.out": [
            {"input": {"word": "x"}, "output": {"upper": "X"}, "error": None},
            {"input": {"word": "é", "more": 1}, "output": {"upper": "É"}, "error": None},
        ],
        "b.out": [],
        "d.out": [],
    }


def test_a_line_that_is_wrong_keeps_its_place_and_says_why(tmp_path: Path) -> None:
    lines = [b'\xef\xbb\xbf{"word":"a"}', b"{", b"[1]", b"{}", b'{"word":5}', b'{"word":""}', b"\xff"]
    lines += [b'{"word":NaN}', b'{"word":"a","n":1e999}']
    long = b'{"word":"' + b"x" * batch_files.MOST_LINE_BYTES * 2 + b'"}'
    (found,) = _answers(tmp_path, _files(tmp_path, a=b"\r\n".join([*lines, long, b'{"word":"z"}']))).values()

    assert [line["input"] for line in found] == [
        *({"word": "a"}, "{", "[1]", {}, {"word": 5}, {"word": ""}, "�"),
        *('{"word":NaN}', '{"word":"a","n":1e999}', None, {"word": "z"}),
    ]
    assert [line.get("output") for line in found] == [{"upper": "A"}, *[None] * 9, {"upper": "Z"}]
    assert ["output" in line for line in found] == [True, *[False] * 9, True]
    for line, words in zip(
        found[1:10],
        (
            *("not JSON", "no JSON object", "has no word", "not a string", "has 0 characters", "not JSON"),
            *("not JSON", "not JSON", "more than 1048576 bytes"),
        ),
        strict=True,
    ):
        assert words in line["error"]


def test_a_file_whose_answering_breaks_off_does_not_appear(tmp_path: Path) -> None:
    files = _files(tmp_path, a=b'{"word":"x"}\n', b=b'{"word":"x"}\n{"word":"y"}\n')

    def stop(n_done: int) -> None:
        if n_done == 2:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        files.answer(files.inputs(has_limits=True), _upper, progress=stop)

    assert [path.name for path in (tmp_path / "shop" / "out").iterdir()] == ["a.out"]


def test_answers_are_counted_with_and_without_errors(tmp_path: Path) -> None:
    files = _files(tmp_path, a=b'{"word":"x"}\n{}\n', b=b"7\n")
    seen: list[int] = []

    assert files.answer(files.inputs(has_limits=True), _upper, progress=seen.append) == Answered(3, 2)
    assert seen == [0, 1, 2]


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ("s3://shop/none.json", "'none.json' is not there"),
        ("s3://shop/in", "is a folder. Write s3://shop/in/"),
        ("s3://none/in/", "'none' is not there"),
        ("s3://shop/empty/", "holds no objects on its first level"),
        ("s3://shop/hidden/", "only files whose names begin with '.' or '_'"),
    ],
)
def test_an_input_that_is_not_there_is_named(tmp_path: Path, source: str, what: str) -> None:
    files = _files(tmp_path, source)
    (tmp_path / "shop" / "empty").mkdir()
    (tmp_path / "shop" / "hidden").mkdir()
    (tmp_path / "shop" / "hidden" / "_CHECK").touch()
    with pytest.raises(JobError) as failure:
        files.inputs(has_limits=True)

    assert str(failure.value).startswith("Invalid S3 input path. ")
    assert what in str(failure.value)


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    files = _files(tmp_path, a=b"{}")
    (tmp_path / "shop" / "out").touch()
    with pytest.raises(JobError, match=r"^Invalid S3 output path\. 'out' in s3://shop/out/a.out is not a f"):
        _answers(tmp_path, files)


def test_an_input_that_changes_is_named_as_the_input(tmp_path: Path) -> None:
    files = _files(tmp_path, a=b"{}")
    inputs = files.inputs(has_limits=True)
    (tmp_path / "shop" / "in" / "a").write_bytes(b'{"word":"x"}')
    with pytest.raises(JobError, match=r"^Invalid S3 input path\. s3://shop/in/a changed"):
        files.answer(inputs, _upper, progress=lambda n_done: None)

    assert list((tmp_path / "shop" / "out").glob("*")) == []


def test_files_are_bounded_where_awss_amounts_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_files, "BATCH_BYTES", 3)
    files = _files(tmp_path, a=b"{}", b=b"{}")
    with pytest.raises(JobError, match="holds 2 files of 4 bytes: a batch job reads at most 1000 files of 3"):
        files.inputs(has_limits=True)

    assert len(files.inputs(has_limits=False)) == 2


def test_a_line_error_is_no_error_of_the_job() -> None:
    assert not issubclass(LineError, JobError)
