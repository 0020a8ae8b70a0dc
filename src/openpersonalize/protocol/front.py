"""The raw ASGI app in front: AWS's two protocols on one port, and everything else passed on.

It costs little, because each recommendation passes through it: one dict of headers, one look-up of the
path, bytes in and bytes out. No middleware, no request object.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from openpersonalize.errors import (
    AccessDeniedException,
    ApiError,
    InternalFailure,
    InvalidSignatureException,
    NotBuiltYet,
    RequestEntityTooLargeException,
    UnknownOperationException,
    UnsupportedMediaTypeException,
)
from openpersonalize.logs import request_id as current_request_id
from openpersonalize.protocol.call import Call, CallHandler, new_request_id
from openpersonalize.protocol.dialect import Dialect, Header
from openpersonalize.protocol.json11 import JSON11, TARGET_PREFIX
from openpersonalize.protocol.rest import PATHS, REST
from openpersonalize.protocol.sigv4 import ALGORITHM, Credential, Credentials

HttpScope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[HttpScope, Receive, Send], Awaitable[None]]

SERVICE = "personalize"
LINGER_S = 2.0
LINGER_BYTES = 64 * 1024 * 1024

log = logging.getLogger(__name__)


class _ClientGone(Exception):  # noqa: N818  (no error: nobody is left to tell)
    """The client closed the connection before its body was complete."""


@dataclass(frozen=True, slots=True)
class Route:
    """What answers one operation, and in which protocol."""

    operation: str
    dialect: Dialect
    handler: CallHandler
    demands_content_type: bool = True


class Front:
    """Dispatches calls to their handlers, and requests that are no calls to `other`."""

    def __init__(
        self,
        *,
        control: Mapping[str, CallHandler],
        rest: Mapping[str, CallHandler],
        known: Iterable[str],
        other: AsgiApp,
        region: str,
    ) -> None:
        """`known` are the control plane's operations, built or not; `region` is that of unsigned requests."""
        self._other = other
        self._credentials = Credentials(region)
        targets = {name: Route(name, JSON11, control.get(name, _not_built)) for name in known}
        routes = {path: Route(name, REST, rest.get(name, _not_built)) for name, path in PATHS.items()}
        self._targets = {(TARGET_PREFIX + name).encode(): route for name, route in targets.items()}
        self._paths = routes | {
            f"/{route.operation}": Route(route.operation, route.dialect, route.handler, False)
            for route in (*targets.values(), *routes.values())
        }
        # By the service of the credential scope; another AWS service on this port is another entry.
        self._services: dict[str, AsgiApp] = {SERVICE: self._personalize, "": self._personalize}

    async def __call__(self, scope: HttpScope, receive: Receive, send: Send) -> None:
        """Answer one request; the lifespan is the other app's."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        headers = scope["op.headers"] = dict(scope["headers"])
        scope["op.request_id"] = identifier = new_request_id()
        current_request_id.set(identifier)
        try:
            credential = scope["op.credential"] = self._credential(scope, headers)
            service = self._services.get(credential.service)
            if service is None:
                raise InvalidSignatureException(
                    f"Credential should be scoped to correct service: '{SERVICE}', "
                    f"not '{credential.service}'."
                )
        except ApiError as error:
            route = self._paths.get(scope["path"])
            await _refuse(error, route.dialect if route else JSON11, identifier, receive, send)
            return
        await service(scope, receive, send)

    def _credential(self, scope: HttpScope, headers: Mapping[bytes, bytes]) -> Credential:
        authorization = headers.get(b"authorization")
        if authorization is None:
            query = scope["query_string"]
            return self._credentials.of_query(query) if query else self._credentials.unsigned
        if not authorization.startswith(ALGORITHM) and self._route(scope, headers) is None:
            return self._credentials.unsigned
        return self._credentials.of_header(authorization)

    def _route(self, scope: HttpScope, headers: Mapping[bytes, bytes]) -> Route | None:
        """The operation that a path and a target name; None where they name no operation."""
        path = scope["path"]
        route = self._paths.get(path)
        if route is None and path == "/":
            return self._targets.get(headers.get(b"x-amz-target", b""))
        return route

    async def _personalize(self, scope: HttpScope, receive: Receive, send: Send) -> None:
        path, headers, identifier = scope["path"], scope["op.headers"], scope["op.request_id"]
        route = self._route(scope, headers)
        if route is None and (path != "/" or scope["method"] in ("GET", "HEAD")):
            await self._pass_on(scope, receive, send, identifier)
            return
        try:
            if scope["method"] != "POST":
                await _refuse_method(scope["method"], path, route, identifier, send)
                return
            if route is None:
                raise _unknown_target(headers.get(b"x-amz-target", b""))
            _check_headers(route, headers)
            body = await _body(receive, route.dialect.body_limit, headers.get(b"content-length"))
            answer = route.handler(Call(route.operation, body, scope["op.credential"].scope, identifier))
            if not isinstance(answer, bytes):
                answer = await answer
        except ApiError as error:
            await _refuse(error, route.dialect if route else JSON11, identifier, receive, send)
            return
        except _ClientGone:
            return
        except Exception:
            log.exception("request failed", extra={"operation": route.operation if route else ""})
            await _refuse(
                InternalFailure(_FAULT), route.dialect if route else JSON11, identifier, receive, send
            )
            return
        start: list[Header] = [
            (b"content-type", route.dialect.content_type),
            (b"content-length", b"%d" % len(answer)),
            (b"x-amzn-requestid", identifier.encode()),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": start})
        await send({"type": "http.response.body", "body": answer})

    async def _pass_on(self, scope: HttpScope, receive: Receive, send: Send, identifier: str) -> None:
        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"x-amzn-requestid", identifier.encode())]
            await send(message)

        await self._other(scope, receive, send_with_id)


_FAULT = "The server failed to answer this request; its log has the reason under this request id."


def _not_built(call: Call) -> bytes:
    raise NotBuiltYet(call.operation)


def _unknown_target(target: bytes) -> UnknownOperationException:
    shown = target.decode("ascii", "replace")[:128]
    if not target:
        return UnknownOperationException(
            f"No operation is named: send the header X-Amz-Target: {TARGET_PREFIX}<Operation>, "
            "or POST /<Operation>."
        )
    return UnknownOperationException(f"Unknown operation '{shown}'.")


def _check_headers(route: Route, headers: Mapping[bytes, bytes]) -> None:
    content_type = headers.get(b"content-type", b"")
    if route.demands_content_type and not route.dialect.accepts(content_type):
        shown = content_type.decode("ascii", "replace")[:128]
        raise UnsupportedMediaTypeException(
            f"Content-Type '{shown}' is not read here: send {route.dialect.content_type.decode()}."
        )
    origin = headers.get(b"origin")
    # A page of another site, in a browser that reaches this port, must not be able to act.
    if origin is not None and origin.partition(b"://")[2] != headers.get(b"host"):
        raise AccessDeniedException("Requests from pages of another origin are refused.")


async def _body(receive: Receive, limit: int, declared: bytes | None) -> bytes:
    """The whole body; raises RequestEntityTooLargeException before reading, or as soon as it is too long."""
    if declared is not None and int(declared) > limit:
        raise _too_large(limit)
    message = await receive()
    body: bytes = message.get("body", b"")
    if message.get("more_body"):
        parts, size = [body], len(body)
        while message.get("more_body") and size <= limit:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
        body = b"".join(parts)
    if message["type"] == "http.disconnect":
        raise _ClientGone
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> RequestEntityTooLargeException:
    return RequestEntityTooLargeException(f"The body must be at most {limit} bytes.")


async def _refuse_method(method: str, path: str, route: Route | None, identifier: str, send: Send) -> None:
    dialect = route.dialect if route else JSON11
    error = UnknownOperationException(f"{method} is not allowed at {path}: use POST.")
    _, headers, body = dialect.encode(error)
    headers += [(b"allow", b"POST"), (b"x-amzn-requestid", identifier.encode())]
    await send({"type": "http.response.start", "status": 405, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _refuse(error: ApiError, dialect: Dialect, identifier: str, receive: Receive, send: Send) -> None:
    status, headers, body = dialect.encode(error)
    headers.append((b"x-amzn-requestid", identifier.encode()))
    too_large = isinstance(error, RequestEntityTooLargeException)
    if too_large:
        headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    if too_large:
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await _linger(receive)
        await send({"type": "http.response.body", "body": b""})
    else:
        await send({"type": "http.response.body", "body": body})


async def _linger(receive: Receive) -> None:
    """Throw away what is still on its way.

    Closing a socket that has unread input resets the connection, and the client never sees the answer.
    """
    size = 0
    try:
        async with asyncio.timeout(LINGER_S):
            while size < LINGER_BYTES:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return
