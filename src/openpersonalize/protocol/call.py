"""A call: one request to one operation, whatever protocol carried it; and the ids of requests."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from openpersonalize.protocol.arns import Scope
from openpersonalize.protocol.random_digits import RandomDigits


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler gets: bytes in; it returns the bytes of the answer."""

    operation: str
    body: bytes
    scope: Scope
    invocation_id: bytes = b""
    """What an SDK sends with a request and each of its repetitions; empty without one."""


CallHandler = Callable[[Call], bytes | Awaitable[bytes]]
"""Answers a call; raises ApiError. Runs on the event loop: it must not block."""

_VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
_digits = RandomDigits(32)


def new_request_id() -> str:
    """A random UUID (version 4)."""
    raw = _digits.take()
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-{_VARIANTS[raw[16]]}{raw[17:20]}-{raw[20:]}"
