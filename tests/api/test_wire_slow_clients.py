"""Clients that never finish a request, or begin one without end, are hung up on."""

import socket
from collections.abc import Iterator

import pytest

from openpersonalize.roles.http_server import HEAD_BYTES, GuardedProtocol
from tests.api.wire import connect, head, receive
from tests.world import Server, running_server


class Impatient(GuardedProtocol):
    headers_s = 0.2
    body_s = 0.2


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("impatient"), protocol=Impatient) as server:
        yield server


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"POST /recommendations HTTP/1.1\r\nHost: a\r\n",
        head("POST", "/recommendations", content_length="10", content_type="application/json") + b"{",
        head("POST", "/ListSchemas", transfer_encoding="chunked") + b"5\r\n{",
    ],
    ids=["nothing", "half a head", "half a body", "half a chunk"],
)
def test_a_client_that_stalls_is_hung_up_on(impatient: Server, beginning: bytes) -> None:
    with connect(impatient) as wire:
        wire.sendall(beginning)

        assert is_closed(wire)


def test_a_second_request_that_stalls_is_hung_up_on(impatient: Server) -> None:
    with connect(impatient) as wire:
        wire.sendall(head("GET", "/healthz"))
        assert receive(wire).status == 200
        wire.sendall(b"GET /healthz HTTP/1.1\r\n")

        assert is_closed(wire)


def test_a_connection_that_waits_between_requests_is_kept(impatient: Server) -> None:
    with connect(impatient) as wire, connect(impatient) as stalled:
        wire.sendall(head("GET", "/healthz"))
        assert receive(wire).status == 200
        assert is_closed(stalled)
        wire.sendall(head("GET", "/healthz"))

        assert receive(wire).status == 200


def test_a_head_without_end_is_refused(server: Server) -> None:
    with connect(server) as wire:
        wire.sendall(b"GET /healthz HTTP/1.1\r\n")
        line = b"X-Filler: " + b"a" * 4000 + b"\r\n"
        for _ in range(HEAD_BYTES // len(line) + 2):
            wire.sendall(line)
        answer = receive(wire)

    assert answer.status == 400
    assert "x-amzn-requestid" in answer.headers


def is_closed(wire: socket.socket) -> bool:
    """Whether the server hangs up before the socket's timeout."""
    try:
        return wire.recv(1024) == b""
    except ConnectionResetError:
        return True
