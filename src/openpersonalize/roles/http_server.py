"""The HTTP server of an API process: uvicorn, with a guard against clients that never finish a request."""

import asyncio
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from openpersonalize.protocol.call import new_request_id
from openpersonalize.protocol.exchange import AsgiApp

HEADERS_S = 10.0
"""Seconds that a client has for the head of a request (and a new connection before its first byte)."""
BODY_S = 60.0
"""Seconds that a client has for a whole body."""
HEAD_BYTES = 64 * 1024
KEEP_ALIVE_S = 75
NEVER = float("inf")


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol plus deadlines for reading and a limit on the size of a request's head."""

    headers_s, body_s = HEADERS_S, BODY_S

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.deadline = self.loop.time() + self.headers_s
        self.in_head = True
        self.head_bytes = 0

    def data_received(self, data: bytes) -> None:
        """Read; refuse a head without end."""
        super().data_received(data)
        if not self.in_head:
            self.head_bytes = 0
            return
        self.head_bytes += len(data)
        if self.head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response("The head of the request is too large.")

    def on_message_begin(self) -> None:
        """A request has sent its first byte."""
        super().on_message_begin()
        self.in_head = True
        self.deadline = self.loop.time() + self.headers_s

    def on_headers_complete(self) -> None:
        """A request has sent its head."""
        self.in_head = False
        self.deadline = self.loop.time() + self.body_s
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is complete; how long the answer takes is up to us."""
        self.deadline = NEVER
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, with a request id as on every answer."""
        head = (
            "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
            f"x-amzn-requestid: {new_request_id()}\r\ncontent-length: {len(msg)}\r\n\r\n"
        )
        self.transport.write((head + msg).encode("ascii"))
        self.transport.close()

    def close_if_late(self, now: float) -> None:
        """Close the connection of a client that is past its deadline."""
        if now > self.deadline and not self.transport.is_closing():
            self.transport.close()


class ApiServer(uvicorn.Server):
    """uvicorn's server; closes late connections once a second."""

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second."""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                if isinstance(connection, GuardedProtocol):
                    connection.close_if_late(now)
        return await super().on_tick(counter)


def make_server(app: AsgiApp, protocol: type[GuardedProtocol] = GuardedProtocol) -> ApiServer:
    """A server for `app`; `run(sockets=[…])` serves until it is told to stop."""
    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=protocol,
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        backlog=2048,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=10,
    )
    return ApiServer(config)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket on host and port (0 = any free one), to be handed to servers."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    listener.setblocking(False)
    listener.set_inheritable(True)
    return listener
