"""Opaque paging tokens, bound to the operation, the owner and the filters of the list."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from openpersonalize.errors import InvalidNextTokenException
from openpersonalize.protocol.arns import Scope

DEFAULT_PAGE = 100


def _binding(operation: str, scope: Scope, filters: Mapping[str, Any]) -> str:
    bound = json.dumps([operation, scope.account, scope.region, dict(filters)], sort_keys=True)
    return hashlib.sha256(bound.encode()).hexdigest()[:16]


def next_token(last: str | int, operation: str, scope: Scope, filters: Mapping[str, Any]) -> str:
    """The token of the page that begins after the row with key `last`."""
    body = json.dumps([_binding(operation, scope, filters), last])
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def last_key(token: str | None, operation: str, scope: Scope, filters: Mapping[str, Any]) -> Any:
    """The key in a token, None without one. Raises InvalidNextTokenException for any other token."""
    if token is None:
        return None
    try:
        binding, key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise InvalidNextTokenException("The nextToken provided is invalid") from None
    if binding != _binding(operation, scope, filters) or not _is_key(key):
        raise InvalidNextTokenException("The nextToken provided is invalid")
    return key


def _is_key(key: Any) -> bool:
    """Whether a key can be one that was given out: anybody can make up a token."""
    return isinstance(key, str) or (type(key) is int and 0 <= key < 2**63)
