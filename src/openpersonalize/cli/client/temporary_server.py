"""A server for one demo, in a folder that goes away with it."""

import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from openpersonalize.cli.client.connection import wait_until_ready

HOST = "127.0.0.1"


@contextmanager
def temporary_server() -> Iterator[tuple[str, Path]]:
    """Run a server until the block ends; gives its address and its data directory."""
    with tempfile.TemporaryDirectory(prefix="openpersonalize-", ignore_cleanup_errors=True) as folder:
        data_dir = Path(folder)
        port = _free_port()
        process = subprocess.Popen(  # noqa: S603  (this program itself)
            [
                *(sys.executable, "-m", "openpersonalize.cli", "serve"),
                *("--host", HOST, "--port", str(port), "--data-dir", folder, "--log-level", "warning"),
            ],
            stdout=subprocess.DEVNULL,
            process_group=0,  # so that Ctrl-C reaches the demo alone, which ends its server in order
        )
        try:
            url = f"http://{HOST}:{port}"
            wait_until_ready(url, lambda: process.poll() is None)
            yield url, data_dir
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
