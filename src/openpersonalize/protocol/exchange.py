"""One HTTP request and its answer, as raw ASGI: the body within its limit, a request id on every answer."""

import asyncio
import zlib
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from typing import Any

from openpersonalize.errors import (
    ApiError,
    RequestEntityTooLargeException,
    SerializationException,
    UnsupportedMediaTypeException,
)
from openpersonalize.protocol.dialect import Dialect, Header

HttpScope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[HttpScope, Receive, Send], Awaitable[None]]

SINGLE = {
    *(b"x-amz-target", b"authorization", b"content-type", b"content-encoding"),
    *(b"host", b"origin", b"amz-sdk-invocation-id"),
}
"""Headers that decide what a request is: nobody before this server may have read another one of two."""
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
        """By name; of one that is there twice the last."""
        self._id_header = (b"x-amzn-requestid", request_id.encode())

    def check_headers(self) -> None:
        """Raise SerializationException where a header that decides is there twice."""
        sent = self.scope["headers"]
        if len(self.headers) == len(sent):
            return
        names = [name for name, _ in sent if name in SINGLE]
        for name in names:
            if names.count(name) > 1:
                raise SerializationException(f"The header {name.decode()} is there twice: send it once.")

    async def body(self, limit: int) -> bytes:
        """The whole body, unpacked where it was sent as gzip; the limit holds before and after.

        Raises RequestEntityTooLargeException before reading, or as soon as it is too long; ClientGone;
        UnsupportedMediaTypeException for another encoding, SerializationException for broken gzip.
        """
        encoding = self.headers.get(b"content-encoding")
        is_packed = encoding is not None and _is_gzip(encoding)
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
        return _unpacked(body, limit) if is_packed else body

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


GZIP_WINDOW = zlib.MAX_WBITS | 16
"""Tells zlib that a gzip header and its checksum are around the stream."""


def _is_gzip(encoding: bytes) -> bool:
    """Whether a body of this Content-Encoding is packed; raises UnsupportedMediaTypeException."""
    name = encoding.strip().lower()
    if name in (b"gzip", b"x-gzip"):
        return True
    if name in (b"", b"identity"):
        return False
    shown = encoding.decode("ascii", "replace")[:64]
    raise UnsupportedMediaTypeException(
        f"Content-Encoding '{shown}' is not read here: send gzip, or the body as it is."
    )


def _unpacked(body: bytes, limit: int) -> bytes:
    """What a gzip body holds. One stream of it: a second costs time that the limit does not bound."""
    stream = zlib.decompressobj(GZIP_WINDOW)
    try:
        found = stream.decompress(body, limit + 1)
    except zlib.error:
        raise SerializationException("The body is not valid gzip.") from None
    if len(found) > limit:
        raise _too_large(limit)
    if not stream.eof or stream.unused_data:
        raise SerializationException("The body is not one whole gzip stream.")
    return found


def _too_large(limit: int) -> RequestEntityTooLargeException:
    return RequestEntityTooLargeException(f"The body must be at most {limit} bytes.")
