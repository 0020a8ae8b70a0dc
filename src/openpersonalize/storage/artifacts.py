"""Models on disk: a folder of `.npy` files and a manifest, checked by hash and mapped into memory.

Any frozen dataclass can be kept whose fields are arrays, CSR matrices, numbers, texts, or such dataclasses.
A nested field is named with its path, `histories.items`; one with a default may be absent, as in artifacts
that are older than the field. Nothing is pickled, so loading runs no foreign code.
"""

import dataclasses
import hashlib
import json
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import scipy.sparse

from openpersonalize.storage.durable_files import sync_folder, written_through

FORMAT = 1
MANIFEST = "manifest.json"
_CSR_PARTS = ("data", "indices", "indptr")


class CorruptArtifactError(Exception):
    """A file of an artifact is missing, truncated or altered; the text names it."""


def save(model: Any, folder: Path, *, extra: Mapping[str, Any]) -> str:
    """Write a model into an empty folder, the manifest last; return the manifest's sha256.

    The same model and extra give the same bytes. `move_into_place` then makes the folder visible to
    others. Its parent has to exist: it is a job's scratch folder, which a job that lost its lease must not
    bring back.
    """
    folder.mkdir(exist_ok=True)
    arrays, scalars = _take_apart(model, "")
    manifest = {
        "format": FORMAT,
        "kind": type(model).kind,
        "scalars": scalars,
        "arrays": {name: _write_array(folder, name, array) for name, array in sorted(arrays.items())},
        "extra": dict(extra),
    }
    encoded = json.dumps(manifest, indent=1, sort_keys=True).encode()
    with written_through(folder / MANIFEST) as file:
        file.write(encoded)
    sync_folder(folder)
    return hashlib.sha256(encoded).hexdigest()


def load(folder: Path, kinds: Mapping[str, type]) -> Any:
    """Map a model into memory; arrays are read-only.

    Raises CorruptArtifactError if a file is not exactly what was saved.
    """
    manifest = read_manifest(folder)
    kind = kinds.get(manifest["kind"])
    if kind is None:
        raise CorruptArtifactError(f"{folder / MANIFEST} holds a model of unknown kind {manifest['kind']!r}.")
    arrays = {name: _map_array(folder, name, entry) for name, entry in manifest["arrays"].items()}
    return _put_together(kind, "", arrays, manifest["scalars"])


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return an artifact's manifest; `extra` holds what its maker noted.

    Raises CorruptArtifactError if it is missing or not a manifest of this format.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise CorruptArtifactError(f"{path} is missing; the artifact was not published whole.") from None
    except ValueError as error:
        raise CorruptArtifactError(f"{path} is not JSON: {error}.") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise CorruptArtifactError(f"{path} is not a manifest of format {FORMAT}.")
    return manifest


def _take_apart(part: Any, prefix: str) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """Return the arrays and the scalars of a dataclass by their path."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    scalars: dict[str, Any] = {}
    for field in dataclasses.fields(part):
        name, value = prefix + field.name, getattr(part, field.name)
        if dataclasses.is_dataclass(value):
            inner_arrays, inner_scalars = _take_apart(value, name + ".")
            arrays |= inner_arrays
            scalars |= inner_scalars
        elif scipy.sparse.issparse(value):
            csr = cast("Any", value).tocsr()
            arrays |= {f"{name}.{part_name}": getattr(csr, part_name) for part_name in _CSR_PARTS}
            scalars[name + ".shape"] = [int(extent) for extent in csr.shape]
        elif isinstance(value, np.ndarray):
            arrays[name] = value
        elif value is None or isinstance(value, str | int | float | bool):
            scalars[name] = value
        elif isinstance(value, tuple) and all(isinstance(one, str) for one in value):
            scalars[name] = list(value)
        elif isinstance(value, tuple) and all(dataclasses.is_dataclass(one) for one in value):
            scalars[name + ".length"] = len(value)
            for place, one in enumerate(value):
                inner_arrays, inner_scalars = _take_apart(one, f"{name}.{place}.")
                arrays |= inner_arrays
                scalars |= inner_scalars
        else:
            raise TypeError(f"{name} is a {type(value).__name__}, which an artifact cannot hold.")
    return arrays, scalars


def _put_together(
    kind: type, prefix: str, arrays: Mapping[str, np.ndarray[Any, Any]], scalars: Mapping[str, Any]
) -> Any:
    """Build a dataclass from arrays and scalars by path."""
    hints = typing.get_type_hints(kind)
    values: dict[str, Any] = {}
    for field in dataclasses.fields(kind):
        name, hint = prefix + field.name, hints[field.name]
        if field.default_factory is not dataclasses.MISSING and not _has_part(name, arrays, scalars):
            continue
        if dataclasses.is_dataclass(hint):
            values[field.name] = _put_together(cast("type", hint), name + ".", arrays, scalars)
        elif name + ".length" in scalars:
            inner = cast("type", typing.get_args(hint)[0])
            places = range(scalars[name + ".length"])
            values[field.name] = tuple(
                _put_together(inner, f"{name}.{place}.", arrays, scalars) for place in places
            )
        elif name + ".shape" in scalars:
            parts = tuple(arrays[f"{name}.{part_name}"] for part_name in _CSR_PARTS)
            values[field.name] = scipy.sparse.csr_matrix(parts, shape=scalars[name + ".shape"])
        elif name in arrays:
            values[field.name] = arrays[name]
        elif name in scalars:
            value = scalars[name]
            values[field.name] = tuple(value) if isinstance(value, list) else value
        else:
            raise CorruptArtifactError(f"the manifest names no {name}, which a {kind.__name__} needs.")
    return kind(**values)


def _has_part(name: str, *parts: Mapping[str, Any]) -> bool:
    return any(key == name or key.startswith(name + ".") for part in parts for key in part)


def _write_array(folder: Path, name: str, array: np.ndarray[Any, Any]) -> dict[str, Any]:
    path = folder / f"{name}.npy"
    with written_through(path) as file:
        np.save(file, np.ascontiguousarray(array), allow_pickle=False)
    return {"size": path.stat().st_size, "sha256": _hash_file(path)}


def _map_array(folder: Path, name: str, entry: Mapping[str, Any]) -> np.ndarray[Any, Any]:
    path = folder / f"{name}.npy"
    if path.parent != folder:
        raise CorruptArtifactError(f"{folder / MANIFEST} names {name!r}, which is no file of the artifact.")
    if not path.is_file():
        raise CorruptArtifactError(f"{path} is missing.")
    size = path.stat().st_size
    if size != entry["size"]:
        raise CorruptArtifactError(f"{path} has {size} bytes, the manifest says {entry['size']}.")
    if _hash_file(path) != entry["sha256"]:
        raise CorruptArtifactError(f"{path} does not have the sha256 that the manifest names.")
    array = np.load(path, mmap_mode="r", allow_pickle=False)
    # A plain view of the mapping: numba and numpy treat subclasses of ndarray slowly.
    return array.view(np.ndarray) if isinstance(array, np.memmap) else array


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
