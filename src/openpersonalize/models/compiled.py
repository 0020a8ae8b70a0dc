"""The decorator of our compiled functions: numba, cached on disk, without the GIL."""

import dataclasses
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Flags = NDArray[np.bool_]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Shorts = NDArray[np.int16]
Ints = NDArray[np.int32]
Longs = NDArray[np.int64]

# Sums may be reordered and fused, so that loops vectorise; no score is NaN, but infinities mark padding.
_REORDER = {"reassoc", "contract", "nsz", "arcp", "nnan"}


def compiled(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
    """Compile a function at its first call; machine code is kept between processes (`open_stores`)."""
    options: dict[str, Any] = {"cache": True, "nogil": True, "fastmath": _REORDER, "error_model": "numpy"}
    return cast("Callable[Parameters, Result]", njit(**options)(function))


Array = TypeVar("Array", bound=np.ndarray[Any, Any])


def frozen(array: Array) -> Array:
    """Return a contiguous, read-only view: the one flavour for which the kernels are compiled."""
    if not array.flags.c_contiguous:
        array = cast("Array", np.ascontiguousarray(array))
    if array.flags.writeable:
        array = array.view()
        array.setflags(write=False)
    return array


def freeze(model: object) -> None:
    """Replace every array of a frozen dataclass by its read-only view; meant for `__post_init__`."""
    for field in dataclasses.fields(cast("Any", model)):
        value = getattr(model, field.name)
        if isinstance(value, np.ndarray):
            object.__setattr__(model, field.name, frozen(value))
