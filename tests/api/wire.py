"""Requests as bytes, for what no client library would send."""

import json
import socket
from dataclasses import dataclass
from typing import Any

from tests.world import Server

DAY = "20260101"


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        return dict(json.loads(self.body))

    @property
    def code(self) -> str:
        return str(self.error["__type"])


def authorization(key: str = "AKIDEXAMPLE", region: str = "us-east-1", service: str = "personalize") -> str:
    """A header of signature version 4; the signature is of nothing."""
    scope = f"{key}/{DAY}/{region}/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"


def connect(server: Server) -> socket.socket:
    return socket.create_connection((server.settings.host, server.settings.port), timeout=20)


def head(method: str, path: str, **headers: str) -> bytes:
    """The head of a request; header names are written with underscores."""
    headers = {"host": "127.0.0.1"} | headers
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def request(server: Server, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """Send one request and read the answer."""
    with connect(server) as wire:
        wire.sendall(head(method, path, content_length=str(len(body)), connection="close", **headers) + body)
        return receive(wire)


def target(server: Server, operation: str, body: bytes = b"{}", **headers: str) -> Answer:
    """Send one AWS JSON 1.1 request."""
    headers = {
        "x_amz_target": f"AmazonPersonalize.{operation}",
        "content_type": "application/x-amz-json-1.1",
    } | headers
    return request(server, "POST", "/", body, **headers)


def receive(wire: socket.socket) -> Answer:
    """Read one answer with a content length."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = wire.recv(65536)
        if not chunk:
            raise ConnectionError(f"closed after {received!r}")
        received += chunk
    start, _, body = received.partition(b"\r\n\r\n")
    status, *lines = start.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    while len(body) < int(headers["content-length"]):
        body += wire.recv(65536)
    return Answer(int(status.split()[1]), headers, body)
