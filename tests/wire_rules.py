"""What every answer of the suite keeps to and SDKs hide: absent members are absent, times are numbers."""

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any


def check_answer(response_dict: Mapping[str, Any], **_rest: Any) -> None:
    """Fail for an answer that breaks a rule of the wire; a hook of botocore."""
    assert uuid.UUID(response_dict["headers"]["x-amzn-requestid"]).version == 4
    body = response_dict["body"]
    if body:
        wrong = list(_wrong(json.loads(body), ""))
        assert wrong == [], body


def _wrong(value: Any, path: str) -> Iterator[str]:
    """The paths of nulls, and of times that are no numbers."""
    if isinstance(value, dict):
        for name, entry in value.items():
            yield from _wrong(entry, f"{path}.{name}")
    elif isinstance(value, list):
        for place, entry in enumerate(value):
            yield from _wrong(entry, f"{path}[{place}]")
    elif value is None or (path.endswith("DateTime") and not isinstance(value, float)):
        yield path
