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
            server = socket.create_connection(target)
            threading.Thread(target=_send_on, args=(client, server), daemon=True).start()
            threading.Thread(target=_send_back, args=(proxy, server, client), daemon=True).start()


def _send_on(client: socket.socket, server: socket.socket) -> None:
    with suppress(OSError):
        while block := client.recv(BLOCK):
            server.sendall(block)
    with suppress(OSError):
        server.shutdown(socket.SHUT_WR)


def _send_back(proxy: CuttingProxy, server: socket.socket, client: socket.socket) -> None:
    n_sent = 0
    with server, client, suppress(OSError):
        while block := server.recv(BLOCK):
            if proxy.cuts and n_sent + len(block) > proxy.after:
                proxy.cuts, proxy.n_cut = proxy.cuts - 1, proxy.n_cut + 1
                client.sendall(block[: proxy.after - n_sent])
                proxy.when_cut()
                client.shutdown(socket.SHUT_RDWR)
                return
            client.sendall(block)
            n_sent += len(block)
