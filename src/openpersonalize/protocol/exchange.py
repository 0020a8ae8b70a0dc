"""One HTTP request and its answer, as raw ASGI: the body within its limit, a request id on every answer."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from openpersonalize.errors import ApiError, RequestEntityTooLargeException
from openpersonalize.protocol.dialect import Dialect, Header

HttpScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[HttpScope, Receive, Send], Awaitable[None]]

LINGER_S = 2.0
LINGER_BYTES = 64 * 1024 * 1024


class ClientGone(Exception):  # noqa: N818  (no error: nobody is left to tell)
    """The client closed the connection before its body was complete."""


class Exchange:
    """One request, and the ways to answer it."""

    __slots__ = ("_id_header", "headers", "method", "path", "receive", "scope", "send")

    def __init__(self, scope: HttpScope, receive: Receive, send: Send, request_id: str) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers: Mapping[bytes, bytes] = dict(scope["headers"])
        self._id_header = (b"x-amzn-requestid", request_id.encode())

    async def body(self, limit: int) -> bytes:
        """The whole body.

        Raises RequestEntityTooLargeException before reading, or as soon as it is too long; ClientGone.
        """
        declared = self.headers.get(b"content-length")
        if declared is not None and int(declared) > limit:
            raise _too_large(limit)
        message = await self.receive()
        body: bytes = message.get("body", b"")
        if message.get("more_body"):
            parts, size = [body], len(body)
            while message.get("more_body") and size <= limit:
                message = await self.receive()
                parts.append(message.get("body", b""))
                size += len(parts[-1])
            body = b"".join(parts)
        if message["type"] == "http.disconnect":
            raise ClientGone
        if len(body) > limit:
            raise _too_large(limit)
        return body

    async def answer(self, body: bytes, dialect: Dialect) -> None:
        """Send a 200; a body of no bytes is an operation without output."""
        headers = [
            (b"content-type", dialect.content_type),
            (b"content-length", b"%d" % len(body)),
            self._id_header,
        ]
        await self.send({"type": "http.response.start", "status": 200, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})

    async def refuse(
        self, error: ApiError, dialect: Dialect, *, status: int | None = None, headers: Iterable[Header] = ()
    ) -> None:
        """Send an error, with the dialect's status for it or with the one given."""
        usual, own, body = dialect.encode(error)
        head = {"type": "http.response.start", "status": status or usual}
        head["headers"] = sent = [*own, *headers, self._id_header]
        if not isinstance(error, RequestEntityTooLargeException):
            await self.send(head)
            await self.send({"type": "http.response.body", "body": body})
            return
        sent.append((b"connection", b"close"))
        await self.send(head)
        await self.send({"type": "http.response.body", "body": body, "more_body": True})
        await self._linger()
        await self.send({"type": "http.response.body", "body": b""})

    async def _linger(self) -> None:
        """Throw away what is still on its way.

        Closing a socket that has unread input resets the connection, and the client never sees the answer.
        """
        size = 0
        try:
            async with asyncio.timeout(LINGER_S):
                while size < LINGER_BYTES:
                    message = await self.receive()
                    size += len(message.get("body", b""))
                    if not message.get("more_body"):
                        return
        except TimeoutError:
            return

    async def pass_on(self, app: AsgiApp) -> None:
        """Let another app answer."""

        async def send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), self._id_header]
            await self.send(message)

        await app(self.scope, self.receive, send)


def _too_large(limit: int) -> RequestEntityTooLargeException:
    return RequestEntityTooLargeException(f"The body must be at most {limit} bytes.")
