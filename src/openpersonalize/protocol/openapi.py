"""The OpenAPI document of a table of operations: shapes, constraints and an example of each."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, get_args, get_origin

from pydantic.json_schema import models_json_schema

from openpersonalize.protocol.json11 import TARGET_PREFIX
from openpersonalize.protocol.operation import Operation
from openpersonalize.protocol.rest import PATHS
from openpersonalize.protocol.shapes import CONSTRAINTS, Number, Shape, Text, member_name, unwrap


class Samples(Protocol):
    """Gives a good value for a member of an operation, or None where the constraints say enough."""

    def __call__(self, operation: str, member: str, *, required: bool) -> Any: ...


ERROR = {
    "type": "object",
    "properties": {"__type": {"type": "string"}, "message": {"type": "string"}},
}


def describe_api(
    operations: Sequence[Operation], info: Mapping[str, str], samples: Samples, remarks: Mapping[str, str]
) -> dict[str, Any]:
    """The document; each operation is at `POST /<OperationName>`; `remarks` are of operations by name."""
    shapes = [(operation.request, "validation") for operation in operations]
    shapes += [(operation.response, "serialization") for operation in operations if operation.response]
    references, definitions = models_json_schema(
        list(dict.fromkeys(shapes)),  # type: ignore[arg-type]  # the literals are JsonSchemaMode's
        by_alias=True,
        ref_template="#/components/schemas/{model}",
    )
    paths = {
        f"/{operation.name}": {
            "post": _entry(operation, references, samples, remarks.get(operation.name, ""))
        }
        for operation in operations
    }
    return {
        "openapi": "3.1.0",
        "info": dict(info),
        "paths": paths,
        "components": {"schemas": definitions.get("$defs", {}) | {"Error": ERROR}},
    }


def _entry(
    operation: Operation, references: Mapping[Any, Any], samples: Samples, remark: str
) -> dict[str, Any]:
    body = {
        "schema": references[(operation.request, "validation")],
        "example": example(operation.request, operation.name, samples),
    }
    success: dict[str, Any] = {"description": "Done; the answer has no body."}
    if operation.response:
        schema = references[(operation.response, "serialization")]
        success = {"description": "The answer.", "content": {"application/json": {"schema": schema}}}
    failure = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"SDKs call it at POST {_sdk_path(operation.name)}. {remark}".strip(),
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": {
            "200": success,
            "default": {"description": "An error; its code is in `__type`.", "content": failure},
        },
    }


def _sdk_path(operation: str) -> str:
    return PATHS.get(operation, f"/ with the header X-Amz-Target: {TARGET_PREFIX}{operation}")


def example(shape: type[Shape], operation: str, samples: Samples) -> dict[str, Any]:
    """A valid request: all required members, and the optional ones that have a sample."""
    found: dict[str, Any] = {}
    for name, field in shape.model_fields.items():
        member = field.alias or member_name(name)
        value = samples(operation, member, required=field.is_required())
        if value is None and field.is_required():
            value = _value(field.annotation, field.metadata, operation, samples)
        if value is not None:
            found[member] = value
    return found


def _value(annotation: Any, metadata: Sequence[Any], operation: str, samples: Samples) -> Any:
    base, constraints = unwrap(annotation)
    constraints = [*constraints, *(entry for entry in metadata if isinstance(entry, CONSTRAINTS))]
    if isinstance(base, type) and issubclass(base, Shape):
        return example(base, operation, samples)
    if get_origin(base) is list:
        return [_value(get_args(base)[0], (), operation, samples)]
    if get_origin(base) is dict:
        return {}
    return _scalar(base, constraints)


def _scalar(base: Any, constraints: Sequence[Any]) -> Any:
    for constraint in constraints:
        if isinstance(constraint, Text) and constraint.values:
            return constraint.values[0]
        if isinstance(constraint, Number):
            return base(constraint.minimum if constraint.minimum is not None else (constraint.maximum or 0))
    if base is bool:
        return False
    return base(1) if base in (int, float) else "example"
