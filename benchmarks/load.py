"""A load generator: raw sockets, keep-alive, requests prepared beforehand; prints one line of JSON.

Closed loop: every connection sends its next request when it has its answer. Open loop (`--rate`): requests
are due at even times whatever the answers do, and a latency counts from when its request was due.
"""

import argparse
import json
import selectors
import socket
import time
from collections import deque
from pathlib import Path

import msgspec

CONTENT_LENGTH = b"content-length: "


class Connection:
    """One connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.due = 0.0
        self.received = b""

    def send(self, request: bytes, due: float) -> None:
        self.due = due
        self.socket.sendall(request)

    def receive(self) -> bool | None:
        """None while the answer is incomplete, else whether it is a 200."""
        chunk = self.socket.recv(1 << 18)
        if not chunk:
            raise ConnectionError("the server closed a connection")
        received = self.received = self.received + chunk if self.received else chunk
        end = received.find(b"\r\n\r\n")
        if end < 0:
            return None
        at = received.find(CONTENT_LENGTH, 0, end) + len(CONTENT_LENGTH)
        if len(received) < end + 4 + int(received[at : received.find(b"\r", at)]):
            return None
        self.received = b""
        return received.startswith(b"HTTP/1.1 200")


def run(port: int, requests: list[bytes], connections: int, seconds: float, rate: float) -> dict[str, float]:
    selector = selectors.DefaultSelector()
    idle = deque(Connection(port) for _ in range(connections))
    for connection in idle:
        selector.register(connection.socket, selectors.EVENT_READ, connection)
    latencies: list[float] = []
    n_sent = n_failed = 0
    start = time.perf_counter()
    end = start + seconds
    while True:
        now = time.perf_counter()
        if now >= end and len(idle) == connections:
            break
        while idle and now < end:
            due = start + n_sent / rate if rate else now
            if due > now:
                break
            connection = idle.popleft()
            connection.send(requests[n_sent % len(requests)], due)
            n_sent += 1
        if rate and idle and now < end:
            timeout = max(0.0, start + n_sent / rate - time.perf_counter())
            if timeout < 0.0015:
                timeout = 0.0
        else:
            timeout = 5.0
        for key, _ in selector.select(timeout):
            succeeded = key.data.receive()
            if succeeded is not None:
                latencies.append(time.perf_counter() - key.data.due)
                n_failed += not succeeded
                idle.append(key.data)
    rates = {"requests": n_sent, "failed": n_failed, "per_s": n_sent / (time.perf_counter() - start)}
    return rates | percentiles(latencies)


def percentiles(latencies: list[float]) -> dict[str, float]:
    """The median and the 99th percentile, of seconds in milliseconds."""
    latencies = sorted(latencies)
    return {
        "p50_ms": 1000 * latencies[len(latencies) // 2],
        "p99_ms": 1000 * latencies[int(len(latencies) * 0.99)],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--requests", type=Path, required=True)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rate", type=float, default=0.0)
    given = parser.parse_args()
    requests = msgspec.msgpack.decode(given.requests.read_bytes(), type=list[bytes])
    print(json.dumps(run(given.port, requests, given.connections, given.seconds, given.rate)))


if __name__ == "__main__":
    main()
