"""Artifacts come back as they were saved, and anything else is refused."""

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import scipy.sparse
from numpy.typing import NDArray

from openpersonalize.storage import artifacts
from openpersonalize.storage.artifacts import CorruptArtifactError
from openpersonalize.storage.durable_files import move_into_place


@dataclass(frozen=True)
class _Inner:
    numbers: NDArray[np.int64]
    depth: int


@dataclass(frozen=True)
class _Model:
    kind: ClassVar[str] = "test"

    inner: _Inner
    matrix: "scipy.sparse.csr_matrix[np.float32]"
    weights: NDArray[np.float32]
    temperature: float
    label: str
    columns: tuple[str, ...]
    is_on: bool
    limit: int | None


KINDS = {"test": _Model}


def _model() -> _Model:
    return _Model(
        inner=_Inner(np.arange(5), 3),
        matrix=scipy.sparse.csr_matrix(np.array([[0, 2], [3, 0]], np.float32)),
        weights=np.linspace(0, 1, 7, dtype=np.float32),
        temperature=0.1 + 0.2,
        label="ü",
        columns=("a", "b"),
        is_on=True,
        limit=None,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    target = tmp_path / "artifact"
    artifacts.save(_model(), target, extra={"watermark": [1, 2]})
    return target


def test_a_model_comes_back_equal(folder: Path) -> None:
    loaded, saved = artifacts.load(folder, KINDS), _model()

    assert np.array_equal(loaded.inner.numbers, saved.inner.numbers)
    assert loaded.inner.depth == 3
    assert np.array_equal(loaded.matrix.toarray(), saved.matrix.toarray())
    assert np.array_equal(loaded.weights, saved.weights)
    assert loaded.weights.dtype == np.float32
    assert (loaded.temperature, loaded.label, loaded.columns) == (0.1 + 0.2, "ü", ("a", "b"))
    assert (loaded.is_on, loaded.limit) == (True, None)
    assert artifacts.read_manifest(folder)["extra"] == {"watermark": [1, 2]}


def test_loaded_arrays_are_mapped_and_read_only(folder: Path) -> None:
    weights = artifacts.load(folder, KINDS).weights

    assert type(weights) is np.ndarray
    assert isinstance(weights.base, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        weights[0] = 1.0


def test_the_same_model_gives_the_same_bytes(tmp_path: Path) -> None:
    digests = [artifacts.save(_model(), tmp_path / name, extra={"a": 1}) for name in ("one", "two")]

    assert digests[0] == digests[1]
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.parametrize("name", ["weights.npy", "inner.numbers.npy", "matrix.indices.npy"])
def test_a_flipped_byte_is_refused(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[-1] ^= 1
    (folder / name).write_bytes(content)

    with pytest.raises(CorruptArtifactError, match=f"{name} does not have the sha256"):
        artifacts.load(folder, KINDS)


def test_a_truncated_file_is_refused(folder: Path) -> None:
    content = (folder / "weights.npy").read_bytes()
    (folder / "weights.npy").write_bytes(content[:-4])

    with pytest.raises(CorruptArtifactError, match=r"weights.npy has \d+ bytes, the manifest says \d+"):
        artifacts.load(folder, KINDS)


def test_a_missing_file_is_refused(folder: Path) -> None:
    (folder / "weights.npy").unlink()

    with pytest.raises(CorruptArtifactError, match=r"weights.npy is missing"):
        artifacts.load(folder, KINDS)


def test_a_folder_without_manifest_was_not_published_whole(folder: Path) -> None:
    (folder / "manifest.json").unlink()

    with pytest.raises(CorruptArtifactError, match="not published whole"):
        artifacts.load(folder, KINDS)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 99}'])
def test_a_broken_manifest_is_refused(folder: Path, content: str) -> None:
    (folder / "manifest.json").write_text(content)

    with pytest.raises(CorruptArtifactError, match="manifest"):
        artifacts.load(folder, KINDS)


def _rewrite(folder: Path, change: Any) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_manifest_that_lacks_a_field_is_refused(folder: Path) -> None:
    _rewrite(folder, lambda manifest: manifest["scalars"].pop("temperature"))

    with pytest.raises(CorruptArtifactError, match="names no temperature"):
        artifacts.load(folder, KINDS)


@dataclass(frozen=True)
class _LaterModel(_Model):
    """The same model since it has learnt of something more."""

    more: _Inner = field(default_factory=lambda: _Inner(np.empty(0, np.int64), 0))


def test_an_artifact_that_is_older_than_a_field_has_its_default(folder: Path) -> None:
    loaded = artifacts.load(folder, {"test": _LaterModel})

    assert loaded.inner.depth == 3
    assert (len(loaded.more.numbers), loaded.more.depth) == (0, 0)


def test_a_field_with_a_default_that_is_there_in_part_is_refused(folder: Path) -> None:
    _rewrite(folder, lambda manifest: manifest["scalars"].update({"more.depth": 4}))

    with pytest.raises(CorruptArtifactError, match=r"names no more\.numbers"):
        artifacts.load(folder, {"test": _LaterModel})


def test_a_manifest_cannot_name_files_outside_the_folder(folder: Path) -> None:
    shutil.copy(folder / "weights.npy", folder.parent / "weights.npy")
    _rewrite(
        folder, lambda manifest: manifest["arrays"].update({"../weights": manifest["arrays"]["weights"]})
    )

    with pytest.raises(CorruptArtifactError, match="no file of the artifact"):
        artifacts.load(folder, KINDS)


def test_a_model_of_unknown_kind_is_refused(folder: Path) -> None:
    with pytest.raises(CorruptArtifactError, match="unknown kind 'test'"):
        artifacts.load(folder, {})


def test_pickled_arrays_are_refused(folder: Path) -> None:
    np.save(folder / "weights.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    content = (folder / "weights.npy").read_bytes()
    size, digest = len(content), hashlib.sha256(content).hexdigest()
    _rewrite(
        folder, lambda manifest: manifest["arrays"].update({"weights": {"size": size, "sha256": digest}})
    )

    with pytest.raises(ValueError, match="Python objects"):
        artifacts.load(folder, KINDS)


def test_a_field_that_an_artifact_cannot_hold_is_named(tmp_path: Path) -> None:
    @dataclass(frozen=True)
    class Odd:
        kind: ClassVar[str] = "odd"
        when: object

    with pytest.raises(TypeError, match="when is a object"):
        artifacts.save(Odd(object()), tmp_path / "odd", extra={})


def test_saving_does_not_bring_back_a_scratch_folder_that_was_taken_away(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        artifacts.save(_model(), tmp_path / "gone" / "artifact", extra={})

    assert not (tmp_path / "gone").exists()


def test_publishing_moves_the_folder_and_never_over_another(folder: Path, tmp_path: Path) -> None:
    move_into_place(folder, tmp_path / "published")
    assert artifacts.load(tmp_path / "published", KINDS).label == "ü"

    artifacts.save(_model(), folder, extra={})
    with pytest.raises(FileExistsError):
        move_into_place(folder, tmp_path / "published")
