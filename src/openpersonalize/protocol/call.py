"""A call: one request to one operation, whatever protocol carried it; and the ids of requests."""

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from openpersonalize.protocol.arns import Scope


@dataclass(frozen=True, slots=True)
class Call:
    """What a handler gets: bytes in; it returns the bytes of the answer."""

    operation: str
    body: bytes
    scope: Scope


CallHandler = Callable[[Call], bytes | Awaitable[bytes]]
"""Answers a call; raises ApiError. Runs on the event loop: it must not block."""

_VARIANTS = {digit: "89ab"[int(digit, 16) % 4] for digit in "0123456789abcdef"}
_POOLED = 256
_pool: list[str] = []


def new_request_id() -> str:
    """A random UUID (version 4); randomness is fetched for many ids at once: it is a system call."""
    if not _pool:
        digits = os.urandom(16 * _POOLED).hex()
        _pool.extend(digits[start : start + 32] for start in range(0, len(digits), 32))
    raw = _pool.pop()
    return f"{raw[:8]}-{raw[8:12]}-4{raw[13:16]}-{_VARIANTS[raw[16]]}{raw[17:20]}-{raw[20:]}"


# Two processes must not give out the same ids after a fork.
os.register_at_fork(after_in_child=_pool.clear)
