"""Shapes of requests and answers: pydantic models whose constraints are AWS's, explained in AWS's words.

A constraint is declared once, as the metadata of an annotation. pydantic enforces it in compiled code;
only a request that failed is walked again, by `explain`, to name every violation.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema, SchemaValidator, core_schema

from openpersonalize.errors import ApiError, InvalidInputException, SerializationException

# Member names that are not the camelCase of their snake_case.
IRREGULAR = {
    "perform_hpo": "performHPO",
    "perform_auto_ml": "performAutoML",
    "auto_ml_config": "autoMLConfig",
    "auto_ml_result": "autoMLResult",
    "min_provisioned_tps": "minProvisionedTPS",
    "tuned_hpo_params": "tunedHPOParams",
    "docker_uri": "dockerURI",
    "filters": "Filters",
}


def member_name(field: str) -> str:
    """The wire name of a field: camelCase, but for the eight irregular ones."""
    if field in IRREGULAR:
        return IRREGULAR[field]
    head, *tail = field.split("_")
    return head + "".join(part.capitalize() for part in tail)


LARGEST_INTEGER = 2**31 - 1
"""AWS's Integer has 32 bits."""


class Shape(BaseModel):
    """A structure on the wire; fields are snake_case, members camelCase, unknown members are ignored."""

    sensitive: ClassVar[bool] = False
    """Whether no value in it may be echoed in an error."""

    model_config = ConfigDict(
        alias_generator=member_name,
        populate_by_name=True,
        from_attributes=True,
        frozen=True,
        extra="ignore",
        strict=True,
    )

    def wire(self) -> bytes:
        """The compact JSON of the answer; absent members are absent."""
        return self.__pydantic_serializer__.to_json(self, by_alias=True, exclude_none=True)


@dataclass(frozen=True)
class Text:
    """A string's constraints; `pattern` must match the whole string; `values` is an enumeration."""

    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None
    values: tuple[str, ...] = ()
    sensitive: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if self.values:
            return core_schema.literal_schema(list(self.values))
        return core_schema.str_schema(
            strict=True,
            min_length=self.min_length,
            max_length=self.max_length,
            pattern=whole(self.pattern) if self.pattern else None,
        )

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        described: dict[str, Any] = {
            "type": "string",
            "minLength": self.min_length,
            "maxLength": self.max_length,
            "pattern": self.pattern,
            "enum": list(self.values) or None,
        }
        return {key: value for key, value in described.items() if value is not None}

    def violations(self, value: str) -> Iterator[str]:
        """The constraints that `value` breaks, in AWS's words."""
        if self.max_length is not None and len(value) > self.max_length:
            yield f"Member must have length less than or equal to {self.max_length}"
        if self.min_length is not None and len(value) < self.min_length:
            yield f"Member must have length greater than or equal to {self.min_length}"
        if self.pattern is not None and not _pattern(self.pattern).isinstance_python(value):
            yield f"Member must satisfy regular expression pattern: {self.pattern}"
        if self.values and value not in self.values:
            yield f"Member must satisfy enum value set: [{', '.join(self.values)}]"


def whole(pattern: str) -> str:
    """AWS's pattern as one that matches the whole string; its digits are ASCII's, as in Java."""
    inner, in_class = "", False
    body = pattern.removeprefix("^").removesuffix("$")
    for part in re.findall(r"\\.|.", body):
        in_class = (in_class or part == "[") and part != "]"
        digits = "0-9" if in_class else "[0-9]"
        inner += digits if part == r"\d" else part
    return rf"\A(?:{inner})\z"


@cache
def _pattern(pattern: str) -> SchemaValidator:
    """The same engine that pydantic uses, so that both see the same strings."""
    return SchemaValidator(core_schema.str_schema(pattern=whole(pattern)))


@dataclass(frozen=True)
class Number:
    """A number's range, both ends included."""

    minimum: float | None = None
    maximum: float | None = None
    sensitive: bool = False

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if source is int:
            low, high = (None if bound is None else int(bound) for bound in (self.minimum, self.maximum))
            return core_schema.int_schema(strict=True, ge=low, le=LARGEST_INTEGER if high is None else high)
        return core_schema.float_schema(strict=True, ge=self.minimum, le=self.maximum, allow_inf_nan=False)

    def violations(self, value: float) -> Iterator[str]:
        """The constraints that `value` breaks, in AWS's words."""
        if self.maximum is not None and value > self.maximum:
            yield f"Member must have value less than or equal to {_digits(self.maximum)}"
        if self.minimum is not None and value < self.minimum:
            yield f"Member must have value greater than or equal to {_digits(self.minimum)}"


def _digits(bound: float) -> str:
    """A bound in plain digits: 1000000, not 1e+06."""
    return str(int(bound)) if float(bound).is_integer() else str(bound)


@dataclass(frozen=True)
class Count:
    """How many entries a list or a map may have."""

    minimum: int | None = None
    maximum: int | None = None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = handler(source)  # a list's or a dict's: the only types this annotates
        schema["min_length"], schema["max_length"] = self.minimum or 0, self.maximum
        return cast(CoreSchema, schema)

    def violations(self, value: Sequence[Any] | Mapping[str, Any]) -> Iterator[str]:
        """The constraints that `value` breaks, in AWS's words."""
        if self.maximum is not None and len(value) > self.maximum:
            yield f"Member must have length less than or equal to {self.maximum}"
        if self.minimum is not None and len(value) < self.minimum:
            yield f"Member must have length greater than or equal to {self.minimum}"


CONSTRAINTS = (Text, Number, Count)
MOST_TOLD = 100
"""How many violations an error lists; of more it gives the number."""
MOST_SHOWN = 1000
"""How many characters of a value or a key it repeats."""

Name = Annotated[str, Text(1, 63, r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*")]
Arn = Annotated[str, Text(max_length=256, pattern=r"arn:([a-z\d-]+):personalize:.*:.*:.+")]
RoleArn = Annotated[
    str, Text(max_length=256, pattern=r"arn:([a-z\d-]+):iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+")
]
KmsKeyArn = Annotated[str, Text(max_length=2048, pattern=r"arn:aws.*:kms:.*:[0-9]{12}:key/.*")]
S3Location = Annotated[str, Text(max_length=256, pattern=r"(s3|http|https)://.+")]
NextToken = Annotated[str, Text(max_length=1500, pattern=r"\p{ASCII}{0,1500}")]
MaxResults = Annotated[int, Number(1, 100)]


S = TypeVar("S", bound=Shape)


def read(shape: type[S], document: Any) -> S:
    """Make a `shape` of decoded JSON.

    Raises SerializationException for a wrong JSON type, InvalidInputException that lists all violations.
    """
    document = _plain(document)
    try:
        return shape.model_validate(document, by_alias=True, by_name=False)
    except ValidationError as error:
        raise explain(shape, document, error) from None


def _plain(value: Any) -> Any:
    """The value without null members, which are as good as absent, and with 5 for 5.0.

    JSON has one kind of number, and some languages write their whole ones with a fraction.
    """
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def explain(shape: type[Shape], document: Any, error: ValidationError | None = None) -> ApiError:
    """The error that says everything that is wrong with `document`."""
    try:
        found = list(_walk(shape, document, ""))
    except SerializationException as wrong_type:
        return wrong_type
    if not found:
        texts = (
            "; ".join(str(entry["msg"]) for entry in error.errors()) if error else "The request is invalid."
        )
        return InvalidInputException(texts)
    noun = "error" if len(found) == 1 else "errors"
    told = found if len(found) <= MOST_TOLD else [*found[:MOST_TOLD], "..."]
    return InvalidInputException(f"{len(found)} validation {noun} detected: {'; '.join(told)}")


def _shown(text: str) -> str:
    """What a client sent, so short that the answer does not become larger than the request."""
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def _walk(annotation: Any, value: Any, path: str, *, hidden: bool = False) -> Iterator[str]:
    """Yield the violations of `value` and all that is in it; raise at a wrong JSON type."""
    base, constraints = unwrap(annotation)
    _check_type(base, value, path)
    sensitive = hidden or any(getattr(constraint, "sensitive", False) for constraint in constraints)
    for constraint in constraints:
        shown = "" if sensitive or isinstance(value, dict | list) else f" '{_shown(str(value))}'"
        for text in constraint.violations(value):
            yield f"Value{shown} at '{path}' failed to satisfy constraint: {text}"
    if isinstance(base, type) and issubclass(base, Shape):
        yield from _walk_members(base, value, path, hidden=sensitive or base.sensitive)
    elif get_origin(base) is list:
        for position, entry in enumerate(value, 1):
            yield from _walk(get_args(base)[0], entry, f"{path}.{position}.member", hidden=sensitive)
    elif get_origin(base) is dict:
        key_type, value_type = get_args(base)
        for key, entry in value.items():
            yield from _walk(key_type, key, f"{path}.key", hidden=sensitive)
            yield from _walk(value_type, entry, f"{path}.{_shown(key)}.member", hidden=sensitive)


def _walk_members(shape: type[Shape], value: dict[str, Any], path: str, *, hidden: bool) -> Iterator[str]:
    for name, field in shape.model_fields.items():
        member = field.alias or member_name(name)
        inner = f"{path}.{member}" if path else member
        if value.get(member) is None:
            if field.is_required():
                yield f"Value null at '{inner}' failed to satisfy constraint: Member must not be null"
            continue
        annotation: Any = field.annotation
        if field.metadata:
            annotation = Annotated[annotation, *field.metadata]
        yield from _walk(annotation, value[member], inner, hidden=hidden)


def unwrap(annotation: Any) -> tuple[Any, list[Text | Number | Count]]:
    """The bare type of an annotation (None taken out of a union) and its constraints."""
    constraints: list[Text | Number | Count] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *metadata = get_args(annotation)
            constraints += [entry for entry in metadata if isinstance(entry, CONSTRAINTS)]
        elif get_origin(annotation) in (Union, UnionType):
            annotation = next(entry for entry in get_args(annotation) if entry is not type(None))
        else:
            return annotation, constraints


_JSON_NAMES = {str: "STRING_VALUE", bool: "TRUE_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE"}
_TARGETS = {str: "a String", bool: "a Boolean", int: "an Integer", float: "a Number"}


def _check_type(base: Any, value: Any, path: str) -> None:
    target = get_origin(base) or base
    where = f" (at '{path}')" if path else ""
    if isinstance(target, type) and issubclass(target, Shape | dict):
        if not isinstance(value, dict):
            raise SerializationException(f"Unexpected field type{where}: expected an object.")
    elif target is list:
        if not isinstance(value, list):
            raise SerializationException(f"Unexpected field type{where}: expected a list.")
    elif isinstance(value, dict | list):
        raise SerializationException(f"Start of structure or map found where not expected{where}.")
    elif target is int and type(value) is int and abs(value) > LARGEST_INTEGER:
        raise SerializationException(f"The number is out of an Integer's range{where}.")
    elif target in _TARGETS and not _is_a(target, value):
        kind = _JSON_NAMES.get(type(value), "NULL_VALUE")
        raise SerializationException(f"{kind} can not be converted to {_TARGETS[target]}{where}")


def _is_a(target: type, value: Any) -> bool:
    if target is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return type(value) is target
