"""What botocore's models say of answers, checked on every answer of the suite: shapes and error codes."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import OperationModel, Shape

from openpersonalize.protocol.shapes import Text

# Members in which the recorded service itself breaks its model.
QUIRKS: Mapping[tuple[str, str], str] = {
    ("DatasetImportJob", "roleArn"): "an IAM ARN where the pattern says personalize",
    ("DatasetExportJob", "roleArn"): "an IAM ARN where the pattern says personalize",
    ("Algorithm", "roleArn"): "an IAM ARN where the pattern says personalize",
    ("SolutionVersion", "name"): "<solution>/<8 hex>, where the pattern knows no slash",
}

# Codes that any operation may answer with and no model lists.
ALLOWED_CODES: Mapping[str, str] = {
    "SerializationException": "a body that is not the JSON it should be",
    "IncompleteSignatureException": "authentication",
    "InvalidSignatureException": "authentication",
    "AccessDeniedException": "authentication",
    "RequestEntityTooLargeException": "a body larger than the service reads",
    "UnsupportedMediaTypeException": "a content type that the operation does not read",
    "ThrottlingException": "more requests than the service keeps up with",
}

# Codes of one operation that its model does not list.
ALSO_ALLOWED: Mapping[str, frozenset[str]] = {
    "ListDatasetGroups": frozenset({"InvalidInputException"}),
    "ListSchemas": frozenset({"InvalidInputException"}),
}

_TYPES: Mapping[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float),
}
_texts: dict[str, Text] = {}


def allowed_codes(model: OperationModel) -> frozenset[str]:
    """The codes that an operation's errors may have."""
    modelled = {shape.name for shape in model.error_shapes}
    return frozenset(modelled) | ALLOWED_CODES.keys() | ALSO_ALLOWED.get(model.name, frozenset())


def check_model(operation_model: OperationModel, response_dict: Mapping[str, Any], **_rest: Any) -> None:
    """Fail for an answer that is not as the model says; a hook of botocore."""
    body = json.loads(response_dict["body"]) if response_dict["body"] else {}
    if response_dict["status_code"] >= 300:
        assert body["__type"] in allowed_codes(operation_model), (operation_model.name, body)
        return
    shape = operation_model.output_shape
    wrong = list(faults(shape, body, operation_model.name)) if shape else [*body]
    assert wrong == [], wrong


def faults(shape: Any, value: Any, path: str) -> Iterator[str]:
    """What the model says against a decoded answer."""
    kind: str = shape.type_name
    if not _is_of(kind, value):
        yield f"{path}: {value!r} is no {kind}"
    elif kind == "structure":
        yield from _faults_of_members(shape, value, path)
    elif kind == "list":
        yield from _faults_of_limits(shape, len(value), path)
        for place, entry in enumerate(value):
            yield from faults(shape.member, entry, f"{path}[{place}]")
    elif kind == "map":
        yield from _faults_of_limits(shape, len(value), path)
        for key, entry in value.items():
            yield from faults(shape.key, key, f"{path}.key")
            yield from faults(shape.value, entry, f"{path}.{key}")
    elif kind == "string":
        yield from (f"{path}: {value!r}: {text}" for text in _text(shape).violations(value))
    else:
        yield from _faults_of_limits(shape, value, path)


def _is_of(kind: str, value: object) -> bool:
    return isinstance(value, _TYPES[kind]) and isinstance(value, bool) == (kind == "boolean")


def _faults_of_members(shape: Any, value: dict[str, Any], path: str) -> Iterator[str]:
    members = shape.members
    yield from (f"{path}.{name} is missing" for name in shape.required_members if name not in value)
    for name, entry in value.items():
        if name not in members:
            yield f"{path}.{name} is not in the model"
        elif (shape.name, name) not in QUIRKS:
            yield from faults(members[name], entry, f"{path}.{name}")


def _faults_of_limits(shape: Shape, size: float, path: str) -> Iterator[str]:
    limits = shape.metadata
    if not limits.get("min", size) <= size <= limits.get("max", size):
        yield f"{path}: {size} is not within {limits.get('min')} and {limits.get('max')}"


def _text(shape: Shape) -> Text:
    """The constraints of a string, made once: shapes of one name may differ between the services."""
    limits = shape.metadata
    key = f"{limits}"
    if key not in _texts:
        values = tuple(limits.get("enum", ()))
        _texts[key] = Text(limits.get("min"), limits.get("max"), limits.get("pattern"), values)
    return _texts[key]
