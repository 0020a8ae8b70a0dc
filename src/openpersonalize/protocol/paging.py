"""Opaque paging tokens, bound to the operation, the owner and the filters of the list."""

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping
from typing import Any, TypeVar, cast

from openpersonalize.errors import InvalidNextTokenException
from openpersonalize.protocol.arns import Scope

DEFAULT_PAGE = 100

Key = TypeVar("Key", int, str)


def _binding(operation: str, scope: Scope, filters: Mapping[str, Any]) -> str:
    bound = json.dumps([operation, scope.account, scope.region, dict(filters)], sort_keys=True)
    return hashlib.sha256(bound.encode()).hexdigest()[:16]


def next_token(last: str | int, operation: str, scope: Scope, filters: Mapping[str, Any]) -> str:
    """The token of the page that begins after the row with key `last`."""
    body = json.dumps([_binding(operation, scope, filters), last])
    return base64.urlsafe_b64encode(body.encode()).decode().rstrip("=")


def last_key(
    token: str | None, operation: str, scope: Scope, filters: Mapping[str, Any], kind: type[Key]
) -> Key | None:
    """The key in a token, None without one. Raises InvalidNextTokenException for any other token."""
    if token is None:
        return None
    try:
        binding, key = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except (ValueError, TypeError, RecursionError, binascii.Error):
        raise InvalidNextTokenException("The nextToken provided is invalid") from None
    # Anybody can make up a token, so its key may be anything.
    is_own = binding == _binding(operation, scope, filters) and type(key) is kind
    if not is_own or (isinstance(key, int) and not 0 <= key < 2**63):
        raise InvalidNextTokenException("The nextToken provided is invalid")
    return cast("Key", key)
