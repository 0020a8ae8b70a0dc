"""Servers of a benchmark: each on core 0 with the load generator on core 1, and what they cost."""

import json
import os
import platform
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

ACCOUNT, REGION = "123456789012", "us-east-1"
HERE = Path(__file__).parent
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What one run of the load generator gave, and what it cost the server."""

    per_s: float
    cpu_us: float
    p50_ms: float
    p99_ms: float
    requests: int


@dataclass
class Server:
    process: subprocess.Popen[bytes]
    port: int
    log: str = ""
    """What it wrote to standard error, once it has ended."""

    def cpu_s(self) -> float:
        """Seconds of CPU of all threads so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS_PER_S

    def load(self, requests: Path, *, connections: int, seconds: float, rate: float = 0.0) -> Load:
        """Send prepared requests; raises if one fails."""
        before = self.cpu_s()
        given = [f"--port={self.port}", f"--requests={requests}", f"--connections={connections}"]
        given += [f"--seconds={seconds}", f"--rate={rate}"]
        command = [*pinned(1), sys.executable, str(HERE / "load.py"), *given]
        result = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        if result["failed"]:
            raise RuntimeError(f"{result['failed']} of {result['requests']} requests failed")
        cpu_us = (self.cpu_s() - before) / result["requests"] * 1e6
        return Load(result["per_s"], cpu_us, result["p50_ms"], result["p99_ms"], result["requests"])


def pinned(core: int) -> list[str]:
    """What starts a command on one core, where there is more than one."""
    return ["taskset", "-c", str(core)] if (os.cpu_count() or 1) > 1 else []


@contextmanager
def serving(
    arguments: Sequence[str], *, ready: str, environment: dict[str, str] | None = None
) -> Iterator[Server]:
    """Run `python <arguments> --listener=<fd>` on core 0 until the block ends.

    `ready` is a path that answers 200 once the server may be measured.
    """
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.set_inheritable(True)
    command = [*pinned(0), sys.executable, *arguments, f"--listener={listener.fileno()}"]
    # A file: a pipe that nobody reads would stop a server that writes a line for each request.
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, pass_fds=[listener.fileno()], env=os.environ | (environment or {}), stderr=log
        )
        port = listener.getsockname()[1]
        listener.close()
        try:
            _wait_for(f"http://127.0.0.1:{port}{ready}", process)
            server = Server(process, port)
            yield server
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
            log.seek(0)
            written = log.read().decode()
        server.log = written


def _wait_for(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        try:
            with urlopen(url, timeout=5):
                return
        except (URLError, ConnectionError, TimeoutError):
            if process.poll() is not None:
                raise RuntimeError(f"{process.args!r} ended with {process.returncode}") from None
            time.sleep(0.1)
    raise TimeoutError(url)


def environment(folder: Path) -> dict[str, str]:
    """The settings of our server on the data in `folder`."""
    return {"OPENPERSONALIZE_DATA_DIR": str(folder), "OPENPERSONALIZE_LOG_LEVEL": "info"}


def ours(folder: Path) -> AbstractContextManager[Server]:
    """Our API process as the supervisor starts it."""
    arguments = ["-m", "openpersonalize.roles.api_child", f"--parent={os.getpid()}"]
    return serving(arguments, ready="/readyz", environment=environment(folder))


def signed(path: str, body: bytes, headers: Mapping[str, str] | None = None) -> bytes:
    """A request as an SDK sends it, signed with version 4, in bytes."""
    own = headers or {"Content-Type": "application/json"}
    request = AWSRequest("POST", f"http://127.0.0.1{path}", data=body, headers=own)
    SigV4Auth(Credentials(ACCOUNT, "secret"), "personalize", REGION).add_auth(request)
    headers = dict(request.headers) | {
        "Host": "127.0.0.1",
        "User-Agent": "Boto3/1.44 md/Botocore#1.44 ua/2.1 os/linux lang/python#3.11 cfg/retry-mode#standard",
        "Accept-Encoding": "identity",
        "Content-Length": str(len(body)),
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body


def write_requests(path: Path, requests: list[bytes]) -> Path:
    path.write_bytes(msgspec.msgpack.encode(requests))
    return path


def machine(*packages: str) -> str:
    """One line: processor, cores, Python and versions."""
    names = [
        line.partition(": ")[2]
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if "model name" in line
    ]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    name = names[0] if names else platform.machine()
    return f"{name}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}"
