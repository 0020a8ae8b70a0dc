"""What AWS's two JSON protocols share: how a body is read and how an error becomes bytes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from openpersonalize.errors import ApiError, SerializationException

Header = tuple[bytes, bytes]


@dataclass(frozen=True)
class Dialect:
    """One protocol: its content type, its limit and the status of each error code."""

    content_type: bytes
    accepted: frozenset[bytes]
    """Content types that requests may have; b"" stands for none at all."""
    body_limit: int
    statuses: Mapping[str, int]
    otherwise: int = 400

    def encode(self, error: ApiError) -> tuple[int, list[Header], bytes]:
        """Status, headers and body of an error."""
        said = {"__type": error.code, "message": _encodable(error.message), **error.members}
        body = msgspec.json.encode(said)
        headers = [
            (b"content-type", self.content_type),
            (b"content-length", b"%d" % len(body)),
            (b"x-amzn-errortype", error.code.encode()),
        ]
        return self.statuses.get(error.code, self.otherwise), headers, body

    def accepts(self, content_type: bytes) -> bool:
        """Whether a request may have this content type; parameters such as a charset are ignored."""
        return content_type in self.accepted or content_type.split(b";")[0].strip().lower() in self.accepted


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def decode(body: bytes) -> dict[str, Any]:
    """The object in a JSON body; an empty body is an empty object.

    Raises SerializationException for everything that is not strict JSON: NaN, a member twice, lone
    surrogates, invalid UTF-8, numbers out of range, too deep a nesting; and for NUL characters.
    """
    if not body:
        return {}
    try:
        document = msgspec.json.decode(body)
        if _may_hide_something(body, document):
            json.loads(body, object_pairs_hook=_refuse_repeats, parse_int=_int64)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SerializationException(f"The body is not valid JSON: {_reason(error)}.") from None
    except RecursionError:
        raise SerializationException("The body is not valid JSON: nested too deeply.") from None
    if not isinstance(document, dict):
        raise SerializationException("The body must be a JSON object.")
    if b"\\u0000" in body and _has_nul(document):
        raise SerializationException("The body has a NUL character in a string.")
    return document


def _may_hide_something(body: bytes, document: Any) -> bool:
    """Whether a second, slower look is due: the fast decoder keeps the last of two members of one name.

    A document that lost a member writes fewer colons than its source has; an escaped colon hides one.
    """
    try:
        return b"\\u" in body or body.count(b":") != msgspec.json.encode(document).count(b":")
    except OverflowError:
        return True


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8"
    return str(error).removeprefix("JSON is malformed: ").split(" - at ")[0].lower()


def _refuse_repeats(members: list[tuple[str, Any]]) -> None:
    names = {name for name, _ in members}
    if len(names) != len(members):
        raise SerializationException("The body is not valid JSON: an object has the same member twice.")


def _int64(digits: str) -> int:
    number = int(digits)
    if not -(2**63) <= number < 2**63:
        raise SerializationException("The body has an integer out of range.")
    return number


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, dict):
        return any(_has_nul(entry) for pair in value.items() for entry in pair)
    return isinstance(value, list) and any(map(_has_nul, value))
