"""Our operations beside botocore's service models: names, members, types, constraints, errors, paginators."""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

import botocore.session
import pytest
from botocore.model import OperationModel, ServiceModel
from botocore.model import Shape as Model

from openpersonalize import errors
from openpersonalize.control import service
from openpersonalize.protocol.json11 import JSON11
from openpersonalize.protocol.operation import Operation
from openpersonalize.protocol.rest import PATHS, REST
from openpersonalize.protocol.shapes import Count, Number, Shape, Text, member_name, unwrap
from openpersonalize.roles.api import build_services
from openpersonalize.storage.stores import open_stores
from openpersonalize.storage.tail import Tail

SERVICES = ("personalize", "personalize-runtime", "personalize-events")
TYPES = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": float,
    "double": float,
    "timestamp": float,
}

# Where we differ, and why. A key is the path of a member in its operation: "CreateX.request.member".
DIFFERENCES: dict[str, str] = {}


@cache
def built() -> list[Operation]:
    """All operations that this version answers."""
    with tempfile.TemporaryDirectory() as folder:
        stores = open_stores(Path(folder), f"sqlite:///{folder}/unused.sqlite3")
        services = build_services(stores, Tail(stores.database))
        stores.database.dispose()
    return [*service.operations, *(entry for part in services for entry in part.operations)]


@cache
def models() -> dict[str, ServiceModel]:
    session = botocore.session.get_session()
    return {name: session.get_service_model(name) for name in SERVICES}


@cache
def operation_models() -> dict[str, OperationModel]:
    return {
        name: model.operation_model(name) for model in models().values() for name in model.operation_names
    }


def test_the_names_of_all_operations_are_known() -> None:
    control, *others = models().values()

    assert set(control.operation_names) == {operation.name for operation in service.operations}
    assert {name for model in others for name in model.operation_names} == set(PATHS)


def test_every_operation_of_the_models_is_built() -> None:
    assert {operation.name for operation in built()} == operation_models().keys()


def test_rest_paths_are_those_of_the_models() -> None:
    for name, path in PATHS.items():
        http = operation_models()[name].http
        assert (http["method"], http["requestUri"]) == ("POST", path)


@pytest.mark.parametrize("operation", built(), ids=lambda operation: str(operation.name))
def test_an_operation_has_the_shapes_of_the_model(operation: Operation) -> None:
    model = operation_models()[operation.name]
    found = list(compare(operation.request, model.input_shape, f"{operation.name}.request", constrained=True))
    if model.output_shape is None:
        assert operation.response is None
    else:
        assert operation.response is not None
        where = f"{operation.name}.response"
        found += list(compare(operation.response, model.output_shape, where, constrained=False))

    assert [text for path, text in found if path not in DIFFERENCES] == []


def test_every_written_difference_exists() -> None:
    found = set()
    for operation in built():
        model = operation_models()[operation.name]
        for ours, theirs, side in (
            (operation.request, model.input_shape, "request"),
            (operation.response, model.output_shape, "response"),
        ):
            if ours and theirs:
                paths = compare(ours, theirs, f"{operation.name}.{side}", constrained=side == "request")
                found |= {path for path, _ in paths}

    assert set(DIFFERENCES) - found == set()


def test_every_modelled_error_is_a_class_with_the_modelled_status() -> None:
    for name, model in models().items():
        dialect = JSON11 if name == "personalize" else REST
        for shape in model.error_shapes:
            error = getattr(errors, shape.name)
            status, headers, _ = dialect.encode(error("text"))
            expected = shape.metadata.get("error", {}).get("httpStatusCode", 400)

            assert status == expected, shape.name
            assert (b"x-amzn-errortype", shape.name.encode()) in headers


@pytest.mark.parametrize(
    "operation",
    [operation for operation in built() if operation.name.startswith("List")],
    ids=lambda operation: str(operation.name),
)
def test_a_list_has_the_members_that_its_paginator_uses(operation: Operation) -> None:
    pages = botocore.session.get_session().get_paginator_model("personalize")._paginator_config
    config = pages.get(operation.name)
    if config is None:
        assert operation.name in ("ListDataDeletionJobs", "ListTagsForResource")
        return
    request, response = members(operation.request), members(operation.response)

    assert {config["input_token"], config["limit_key"]} <= set(request)
    assert {config["output_token"], config["result_key"]} <= set(response)


def members(shape: type[Shape] | None) -> dict[str, Any]:
    assert shape is not None
    return {field.alias or member_name(name): field for name, field in shape.model_fields.items()}


def compare(annotation: Any, model: Model, path: str, *, constrained: bool) -> Iterator[tuple[str, str]]:
    """The differences between our annotation and botocore's shape, each with the path of its member."""
    base, constraints = unwrap(annotation)
    if constrained:
        yield from ((path, text) for text in compare_constraints(base, constraints, model, path))
    if model.type_name == "structure":
        if not (isinstance(base, type) and issubclass(base, Shape)):
            yield path, f"{path}: a structure is {base}"
            return
        yield from compare_members(base, model, path, constrained=constrained)
    elif model.type_name == "list":
        if get_origin(base) is not list:
            yield path, f"{path}: a list is {base}"
            return
        yield from compare(get_args(base)[0], model.member, f"{path}[]", constrained=constrained)
    elif model.type_name == "map":
        if get_origin(base) is not dict:
            yield path, f"{path}: a map is {base}"
            return
        key, value = get_args(base)
        yield from compare(key, model.key, f"{path}.key", constrained=constrained)
        yield from compare(value, model.value, f"{path}.value", constrained=constrained)
    elif base is not TYPES[model.type_name]:
        yield path, f"{path}: {model.type_name} is {base}"


def compare_members(
    base: type[Shape], model: Any, path: str, *, constrained: bool
) -> Iterator[tuple[str, str]]:
    ours, theirs = members(base), model.members
    for name in ours.keys() ^ theirs.keys():
        yield f"{path}.{name}", f"{path}.{name} is {'missing' if name in theirs else 'not in the model'}"
    for name in ours.keys() & theirs.keys():
        field, inner = ours[name], f"{path}.{name}"
        if constrained and field.is_required() != (name in model.required_members):
            yield inner, f"{inner}: required is {field.is_required()}"
        annotation = field.annotation
        if field.metadata:
            annotation = Annotated[(annotation, *field.metadata)]
        yield from compare(annotation, theirs[name], inner, constrained=constrained)


def compare_constraints(base: Any, constraints: list[Any], model: Model, path: str) -> Iterator[str]:
    ours: dict[str, Any] = {}
    for entry in constraints:
        if isinstance(entry, Text):
            ours |= {"min": entry.min_length, "max": entry.max_length, "pattern": entry.pattern}
            ours |= {"enum": list(entry.values) or None}
        elif isinstance(entry, Number | Count):
            ours |= {"min": entry.minimum, "max": entry.maximum}
        if getattr(entry, "sensitive", False):
            ours["sensitive"] = True
    if isinstance(base, type) and issubclass(base, Shape) and base.sensitive:
        ours["sensitive"] = True
    for name in ("min", "max", "pattern", "enum", "sensitive"):
        expected = model.metadata.get(name)
        got = ours.get(name)
        if (got or None) != (expected or None):
            yield f"{path}: {name} is {got!r}, the model says {expected!r}"
