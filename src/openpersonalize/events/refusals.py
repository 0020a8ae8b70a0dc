"""How a call with several records is refused: each bad one is named by its place in the list, with why."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from openpersonalize.domain.limits import EVENT_BYTES
from openpersonalize.errors import InvalidInputException

Given = TypeVar("Given")
Made = TypeVar("Made")

_encode = msgspec.json.encode


def make_each(member: str, given: Sequence[Given], make: Callable[[Given], Made]) -> list[Made]:
    """What `make` makes of each entry of a request's list.

    Raises InvalidInputException with the place of every entry that `make` refuses, counted from 1, and why.
    """
    try:
        return [make(entry) for entry in given]
    except InvalidInputException:
        pass
    reasons = []
    for place, entry in enumerate(given, 1):
        try:
            make(entry)
        except InvalidInputException as error:
            reasons.append((place, error.message))
    raise _refusal(member, reasons)


def check_sizes(member: str, given: Sequence[Any]) -> None:
    """Refuse entries larger than 10 KB; to be called with those of a large request, decoded."""
    large = [place for place, entry in enumerate(given, 1) if len(_encode(entry)) > EVENT_BYTES]
    if large:
        raise _refusal(
            member, [(place, f"It is larger than {EVENT_BYTES} bytes of JSON.") for place in large]
        )


def _refusal(member: str, reasons: Iterable[tuple[int, str]]) -> InvalidInputException:
    return InvalidInputException(" ".join(f"{member}.{place}: {reason}" for place, reason in reasons))
