"""A proxy that passes bytes on, and breaks off answers in their middle, as a bad network does."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

BLOCK = 1 << 16


@dataclass
class CuttingProxy:
    """Where it listens, and how many of the answers that come next it breaks off after so many bytes."""

    port: int = 0
    cuts: int = 0
    after: int = 0
    when_cut: Callable[[], object] = field(default=lambda: None)
    n_cut: int = 0

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def cutting_proxy(target: str) -> Iterator[CuttingProxy]:
    """Forward to `target`, an address such as http://127.0.0.1:9000, until the block ends."""
    host, port = target.removeprefix("http://").split(":")
    proxy = CuttingProxy()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy.port = listening.getsockname()[1]
        thread = threading.Thread(
            target=_accept, args=(proxy, listening, (host, int(port))), name="cutting proxy", daemon=True
        )
        thread.start()
        try:
            yield proxy
        finally:
            with suppress(OSError):
                listening.shutdown(socket.SHUT_RDWR)
            thread.join()


def _accept(proxy: CuttingProxy, listening: socket.socket, target: tuple[str, int]) -> None:
    with suppress(OSError):
        while True:
            client, _ = listening.accept()
            passing = _Passing(proxy, client, socket.create_connection(target))
            for way in (passing.send_on, passing.send_back):
                threading.Thread(target=way, daemon=True).start()


@dataclass
class _Passing:
    """One connection of a client, with its own to the server."""

    proxy: CuttingProxy
    client: socket.socket
    server: socket.socket
    n_answered: int = 0
    """Bytes of the answer to the newest request."""

    def send_on(self) -> None:
        with suppress(OSError):
            while block := self.client.recv(BLOCK):
                self.n_answered = 0
                self.server.sendall(block)
        with suppress(OSError):
            self.server.shutdown(socket.SHUT_WR)

    def send_back(self) -> None:
        with self.server, self.client, suppress(OSError):
            while block := self.server.recv(BLOCK):
                left = max(0, self.proxy.after - self.n_answered)
                if self.proxy.cuts and len(block) > left:
                    self._cut(block[:left])
                    return
                self.client.sendall(block)
                self.n_answered += len(block)

    def _cut(self, last: bytes) -> None:
        self.proxy.cuts, self.proxy.n_cut = self.proxy.cuts - 1, self.proxy.n_cut + 1
        self.proxy.when_cut()  # first, as the client may have gone by itself
        self.client.sendall(last)
        self.client.shutdown(socket.SHUT_RDWR)
