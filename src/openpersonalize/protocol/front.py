"""The raw ASGI app in front: AWS's two protocols on one port, and everything else passed on.

It costs little, because each recommendation passes through it: one dict of headers, one look-up of the
path, bytes in and bytes out. No middleware, no request object of a framework.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from urllib.parse import urlsplit

from openpersonalize.errors import (
    AccessDeniedException,
    ApiError,
    InternalFailure,
    InvalidSignatureException,
    UnknownOperationException,
    UnsupportedMediaTypeException,
)
from openpersonalize.logs import request_id as current_request_id
from openpersonalize.protocol.arns import Scope
from openpersonalize.protocol.call import Call, CallHandler, new_request_id
from openpersonalize.protocol.dialect import Dialect
from openpersonalize.protocol.exchange import AsgiApp, ClientGone, Exchange, HttpScope, Receive, Send
from openpersonalize.protocol.json11 import JSON11, TARGET_PREFIX
from openpersonalize.protocol.rest import PATHS, REST
from openpersonalize.protocol.sigv4 import ALGORITHM, Credential, Credentials
from openpersonalize.settings import is_loopback

SERVICE = "personalize"
INVOCATION = b"amz-sdk-invocation-id"
FAULT = "The server failed to answer this request; its log has the reason under this request id."

log = logging.getLogger(__name__)


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
        other: AsgiApp,
        region: str,
        is_remote: bool = False,
        own: Mapping[str, CallHandler] = MappingProxyType({}),
    ) -> None:
        """`control` and `rest` answer operations by name; `region` is that of unsigned requests.

        `own` answers by path what only this server has. `is_remote` says whether this server is meant to be
        reached under any name.
        """
        self._other = other
        self._is_remote = is_remote
        self._credentials = Credentials(region)
        targets = {name: Route(name, JSON11, handler) for name, handler in control.items()}
        routes = {PATHS[name]: Route(name, REST, handler) for name, handler in rest.items()}
        self._targets = {(TARGET_PREFIX + name).encode(): route for name, route in targets.items()}
        self._paths = routes | {
            f"/{route.operation}": Route(route.operation, route.dialect, route.handler, False)
            for route in (*targets.values(), *routes.values())
        }
        self._paths |= {path: Route(path, REST, handler, False) for path, handler in own.items()}
        # By the service of the credential scope; another AWS service on this port is another entry.
        self._services: dict[str, Callable[[Exchange, Scope], Awaitable[None]]] = {
            SERVICE: self._personalize,
            "": self._personalize,
        }

    async def __call__(self, scope: HttpScope, receive: Receive, send: Send) -> None:
        """Answer one request; the lifespan is the other app's."""
        if scope["type"] != "http":
            await self._other(scope, receive, send)
            return
        identifier = new_request_id()
        current_request_id.set(identifier)
        exchange = Exchange(scope, receive, send, identifier)
        try:
            exchange.check_headers()
            credential = self._credential(exchange)
            service = self._services.get(credential.service)
            if service is None:
                raise InvalidSignatureException(
                    f"Credential should be scoped to correct service: '{SERVICE}', "
                    f"not '{credential.service}'."
                )
        except ApiError as error:
            await exchange.refuse(error, _dialect(self._route(exchange)))
            return
        await service(exchange, credential.scope)

    def _credential(self, exchange: Exchange) -> Credential:
        authorization = exchange.headers.get(b"authorization")
        if authorization is None:
            query = exchange.scope["query_string"]
            return self._credentials.of_query(query) if query else self._credentials.unsigned
        if not authorization.startswith(ALGORITHM) and self._route(exchange) is None:
            # A proxy's own credentials on their way to a page.
            return self._credentials.unsigned
        return self._credentials.of_header(authorization)

    def _route(self, exchange: Exchange) -> Route | None:
        """The operation that a path and a target name; None where they name no operation."""
        route = self._paths.get(exchange.path)
        if route is None and exchange.path == "/":
            return self._targets.get(exchange.headers.get(b"x-amz-target", b""))
        return route

    async def _personalize(self, exchange: Exchange, scope: Scope) -> None:
        route = self._route(exchange)
        if exchange.method != "POST" and (route or exchange.path == "/") and not _asks_for_root(exchange):
            wrong = UnknownOperationException(f"{exchange.method} is not allowed here: use POST.")
            await exchange.refuse(wrong, _dialect(route), status=405, headers=[(b"allow", b"POST")])
        elif route is not None:
            await self._call(exchange, route, scope)
        elif exchange.path == "/" and exchange.method == "POST":
            await exchange.refuse(_unknown_target(exchange), JSON11)
        else:
            await exchange.pass_on(self._other)

    async def _call(self, exchange: Exchange, route: Route, scope: Scope) -> None:
        try:
            self._check_headers(route, exchange.headers)
            body = await exchange.body(route.dialect.body_limit)
            invocation_id = exchange.headers.get(INVOCATION, b"")
            answer = route.handler(Call(route.operation, body, scope, invocation_id))
            if not isinstance(answer, bytes):
                answer = await answer
        except ApiError as error:
            await exchange.refuse(error, route.dialect)
        except ClientGone:
            return
        except Exception:
            log.exception("request failed", extra={"operation": route.operation})
            await exchange.refuse(InternalFailure(FAULT), route.dialect)
        else:
            await exchange.answer(answer, route.dialect)

    def _check_headers(self, route: Route, headers: Mapping[bytes, bytes]) -> None:
        content_type = headers.get(b"content-type", b"")
        if route.demands_content_type and not route.dialect.accepts(content_type):
            shown = content_type.decode("ascii", "replace")[:128]
            raise UnsupportedMediaTypeException(
                f"Content-Type '{shown}' is not read here: send {route.dialect.content_type.decode()}."
            )
        origin = headers.get(b"origin")
        if origin is not None and not self._is_own_page(origin, headers.get(b"host", b"")):
            raise AccessDeniedException("Requests from pages of another origin are refused.")

    def _is_own_page(self, origin: bytes, host: bytes) -> bool:
        """Whether the page that a browser sends from is ours.

        A page of another site must not be able to act through a browser that reaches this port; nor one
        whose name has been pointed at this machine, which is why a local server wants a local name.
        """
        if origin.partition(b"://")[2] != host:
            return False
        try:
            name = urlsplit(origin.decode("ascii", "replace")).hostname or ""
        except ValueError:  # brackets around what is no address
            return False
        return self._is_remote or is_loopback(name) or name.endswith(".localhost")


def _asks_for_root(exchange: Exchange) -> bool:
    return exchange.path == "/" and exchange.method in ("GET", "HEAD")


def _dialect(route: Route | None) -> Dialect:
    return route.dialect if route is not None else JSON11


def _unknown_target(exchange: Exchange) -> UnknownOperationException:
    target = exchange.headers.get(b"x-amz-target", b"").decode("ascii", "replace")[:128]
    if not target:
        return UnknownOperationException(
            f"No operation is named: send the header X-Amz-Target: {TARGET_PREFIX}<Operation>, "
            "or POST /<Operation>."
        )
    return UnknownOperationException(f"Unknown operation '{target}'.")
