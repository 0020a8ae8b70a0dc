"""Requests made from botocore's models: for each constrained member, one that breaks just that constraint.

`cases` walks botocore's shapes and makes the requests. `enumeration` counts on its own, over the raw JSON
of the same models, what there is to break; a test holds the two side by side.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from string import ascii_letters
from typing import Any

import botocore.session
from botocore.model import OperationModel, Shape

SERVICES = ("personalize", "personalize-runtime", "personalize-events")
Step = str | int
Path = tuple[Step, ...]

KEY, VALUE, ENTRY = "{key}", "{value}", 0
"""Steps into the key of a map, into its value, and into the only entry of a list."""

CANARY = "canary70077"
CANARY_NUMBER = 77_340_501
"""In the wrong values: what an answer about a sensitive member must not show."""

# What is not generated, and why.
EXCLUSIONS = {
    "null for an optional member, or for a value of a map": "null is as good as absent",
    "a string or map whose minimum is 0": "nothing is shorter",
    "a wrong type of a map's key": "a key of a JSON object is always a string",
    "a number out of its type's range, NaN, a member twice": "rules of the wire: tests/api/test_wire*.py",
    "a member that another member forbids": "rules of an operation, in no model: the tests of the operation",
}


@dataclass(frozen=True)
class Sample:
    """For a pattern: a text that fits, a letter that may lengthen it, and a text that does not fit."""

    fits: str
    filler: str
    breaks: str


SAMPLES = {
    "": Sample("text", "x", ""),
    r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*": Sample("name", "x", f"-{CANARY}"),
    r"arn:([a-z\d-]+):iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+": Sample(
        "arn:aws:iam::000000000000:role/reader", "x", f"arn:aws:iam::0:role/{CANARY}"
    ),
    r"arn:aws.*:kms:.*:[0-9]{12}:key/.*": Sample(
        "arn:aws:kms:us-east-1:000000000000:key/k", "x", f"arn:aws:kms:us-east-1:0:key/{CANARY}"
    ),
    r"^([\p{L}\p{Z}\p{N}_.:/=+\-@]*)$": Sample("tag", "x", f"#{CANARY}"),
    r"arn:([a-z\d-]+):personalize:.*:.*:.+": Sample(
        "arn:aws:personalize:us-east-1:000000000000:none/x", "x", f"arn:aws:s3:::{CANARY}"
    ),
    r"\p{ASCII}{0,1500}": Sample("token", "x", f"é{CANARY}"),
    r"^[A-Za-z_]+$": Sample("Interactions", "x", f"1{CANARY}"),
    r"(s3|http|https)://.+": Sample("s3://bucket/file.csv", "x", f"ftp://{CANARY}"),
    r"[A-Za-z_][A-Za-z\d_]*": Sample("COLUMN", "X", f"1{CANARY}"),
    r"rate\(\d+ days?\)": Sample("rate(7 days)", "", "rate(one day)"),
    r"^[\x20-\x7E]*[\x21-\x7E]+[\x20-\x7E]*$": Sample("source", "x", f"é{CANARY}"),
    r"[A-Za-z\d_]+": Sample("COLUMN", "X", f"-{CANARY}"),
    r"[A-Za-z0-9_]+": Sample("COLUMN", "X", f"-{CANARY}"),
    r"^[a-zA-Z0-9_ \-.]+$": Sample("name", "x", f"#{CANARY}"),
}

# Where a text of the wrong length cannot but break the pattern too.
BREAKS_BOTH = {
    (r"\p{ASCII}{0,1500}", "max"),
    (r"^[a-zA-Z0-9][a-zA-Z0-9\-_]*", "min"),
    (r"rate\(\d+ days?\)", "min"),
}


@dataclass(frozen=True)
class Case:
    """A request that breaks one constraint of one member."""

    operation: str
    path: Path
    constraint: str
    body: Any
    is_sensitive: bool
    n_faults: int
    """How many constraints the message must list."""

    @property
    def is_of_type(self) -> bool:
        """Whether the JSON type is wrong: another code, and said before any constraint."""
        return self.constraint.startswith("type") or (self.constraint == "null" and self.path[-1] == ENTRY)


@cache
def operations() -> dict[str, OperationModel]:
    """All operations of the three services."""
    session = botocore.session.get_session()
    services = [session.get_service_model(name) for name in SERVICES]
    return {name: model.operation_model(name) for model in services for name in model.operation_names}


def cases(operation: str) -> Iterator[Case]:
    """All requests of an operation that break one constraint."""
    top = operations()[operation].input_shape
    for path, shape, is_required, is_sensitive in _members(top, (), is_sensitive=False):
        for constraint, wrong in _broken(path, shape, is_required=is_required):
            body = wrong if not path else build(top, path, wrong)
            n_faults = 2 if (shape.metadata.get("pattern"), constraint) in BREAKS_BOTH else 1
            yield Case(operation, path, constraint, body, is_sensitive, n_faults)


def _members(
    shape: Any, path: Path, *, is_sensitive: bool, is_required: bool = False
) -> Iterator[tuple[Path, Any, bool, bool]]:
    """Every place in a request with its shape, whether it is required and whether it is sensitive."""
    is_sensitive = is_sensitive or bool(shape.metadata.get("sensitive"))
    yield path, shape, is_required, is_sensitive
    inner: list[tuple[Step, Any]] = []
    if shape.type_name == "structure":
        inner = list(shape.members.items())
    elif shape.type_name == "list":
        inner = [(ENTRY, shape.member)]
    elif shape.type_name == "map":
        inner = [(KEY, shape.key), (VALUE, shape.value)]
    required = shape.required_members if shape.type_name == "structure" else ()
    for step, member in inner:
        yield from _members(member, (*path, step), is_sensitive=is_sensitive, is_required=step in required)


ABSENT = object()


def _broken(path: Path, shape: Shape, *, is_required: bool) -> Iterator[tuple[str, Any]]:
    if is_required:
        yield "missing", ABSENT
    if is_required or path[-1:] == (ENTRY,):
        yield "null", None
    if path[-1:] != (KEY,):
        yield from _wrong_types(shape.type_name)
    limits = shape.metadata
    low, high = limits.get("min"), limits.get("max")
    if shape.type_name == "string":
        yield from _wrong_texts(shape)
    elif shape.type_name == "list":
        if low:
            yield "min", [valid(shape.member)] * (low - 1)  # type: ignore[attr-defined]
        if high is not None:
            yield "max", [valid(shape.member)] * (high + 1)  # type: ignore[attr-defined]
    elif shape.type_name == "map" and high is not None:
        value = valid(shape.value)  # type: ignore[attr-defined]
        keys = ("".join(pair) for pair in itertools.product(ascii_letters, repeat=2))
        yield "max", dict.fromkeys(itertools.islice(keys, high + 1), value)
    elif shape.type_name in ("integer", "long", "double", "float"):
        if low is not None:
            yield "min", low - 1
        if high is not None:
            yield "max", high + 1


def _wrong_types(type_name: str) -> Iterator[tuple[str, Any]]:
    yield "type: scalar", CANARY_NUMBER if type_name in ("string", "boolean") else CANARY
    yield "type: container", {"wrong": CANARY} if type_name == "list" else [CANARY]


def _wrong_texts(shape: Shape) -> Iterator[tuple[str, Any]]:
    limits, sample = shape.metadata, _sample(shape)
    if limits.get("min"):
        yield "min", ""
    if limits.get("max") is not None:
        yield "max", _long(sample, limits["max"])
    if limits.get("pattern"):
        yield "pattern", sample.breaks
    if limits.get("enum"):
        yield "enum", f"{CANARY}_TYPE"


def _long(sample: Sample, high: int) -> str:
    if sample.fits == "rate(7 days)":
        return f"rate({'7' * high} days)"
    start = sample.fits + (CANARY if sample.filler == "x" and sample.fits in ("text", "name") else "")
    return start.ljust(high + 1, sample.filler)


def _sample(shape: Shape) -> Sample:
    return SAMPLES[shape.metadata.get("pattern", "")]


def valid(shape: Any) -> Any:
    """A value that breaks nothing, with the required members only."""
    if shape.type_name == "structure":
        return {name: valid(shape.members[name]) for name in shape.required_members}
    if shape.type_name == "list":
        return [valid(shape.member)] * (shape.metadata.get("min") or 1)
    if shape.type_name == "map":
        return {valid(shape.key): valid(shape.value)}
    if shape.type_name == "string":
        return (shape.metadata.get("enum") or [_sample(shape).fits])[0]
    if shape.type_name == "boolean":
        return True
    return 1_700_000_000 if shape.type_name == "timestamp" else int(shape.metadata.get("min") or 1)


def build(shape: Any, path: Path, value: Any) -> Any:
    """A valid value of a shape, but for `value` at the end of the path; the way there is made."""
    if not path:
        return value
    step, rest = path[0], path[1:]
    made = valid(shape)
    if shape.type_name == "structure":
        made[step] = build(shape.members[step], rest, value)
        if made[step] is ABSENT:
            del made[step]
    elif shape.type_name == "list":
        made[0] = build(shape.member, rest, value)
    elif step == KEY:
        made = {value: valid(shape.value)}
    else:
        made = {valid(shape.key): build(shape.value, rest, value)}
    return made


def enumeration() -> set[tuple[str, Path, str]]:
    """Every (operation, path, constraint) there is, read from the raw models with a work list."""
    found: set[tuple[str, Path, str]] = set()
    loader = botocore.session.get_session().get_component("data_loader")
    for service in SERVICES:
        raw = loader.load_service_model(service, "service-2")
        waiting: list[tuple[str, Path, str, bool]] = [
            (name, (), entry["input"]["shape"], False) for name, entry in raw["operations"].items()
        ]
        while waiting:
            operation, path, name, is_required = waiting.pop()
            shape = raw["shapes"][name]
            found |= {(operation, path, text) for text in _countable(shape, path, is_required=is_required)}
            if shape["type"] == "structure":
                needed = shape.get("required", [])
                for member, target in shape["members"].items():
                    waiting.append((operation, (*path, member), target["shape"], member in needed))
            elif shape["type"] == "list":
                waiting.append((operation, (*path, ENTRY), shape["member"]["shape"], False))
            elif shape["type"] == "map":
                waiting.append((operation, (*path, KEY), shape["key"]["shape"], False))
                waiting.append((operation, (*path, VALUE), shape["value"]["shape"], False))
    return found


def _countable(shape: dict[str, Any], path: Path, *, is_required: bool) -> set[str]:
    found = {"pattern", "enum", "max"} & shape.keys()
    is_number = shape["type"] in ("integer", "long", "float", "double")
    if "min" in shape and (is_number or shape["min"] > 0):
        found.add("min")
    last = path[-1] if path else ""
    if last != KEY:
        found |= {"type: scalar", "type: container"}
    if is_required:
        found |= {"missing", "null"}
    elif last == ENTRY and isinstance(last, int):
        found.add("null")
    return found
