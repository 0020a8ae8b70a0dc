"""Real S3 servers for tests: SeaweedFS (who may do what is set per key) and moto's server."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.world import REGION, until

SECRET_KEY = "s3-secret-of-tests"
MAY_ALL, MAY_NOT_READ = "writer", "stranger"
"""Access keys; the second one may list and read nothing but the bucket `open-to-all`."""
OPEN = "open-to-all"
IDENTITIES = {
    "identities": [
        {
            "name": key,
            "credentials": [{"accessKey": key, "secretKey": SECRET_KEY}],
            "actions": actions,
        }
        for key, actions in (
            (MAY_ALL, ["Admin"]),
            (MAY_NOT_READ, [f"{action}:{OPEN}" for action in ("Read", "List", "Write")]),
        )
    ]
}
PARTS = ("filer", "master", "volume", "s3")
START_S = 60.0


@dataclass(frozen=True)
class S3Server:
    """A running server that speaks S3."""

    name: str
    url: str

    def client(self, access_key: str = MAY_ALL) -> Any:
        """The SDK's client of a key, which never retries."""
        return client_of(self.url, access_key)


@cache
def client_of(url: str, access_key: str = MAY_ALL) -> Any:
    """A client of an S3 server or of a proxy before it; made once, as that takes long."""
    return boto3.client(
        "s3",
        endpoint_url=url,
        region_name=REGION,
        aws_access_key_id=access_key,
        aws_secret_access_key=SECRET_KEY,
        config=Config(
            retries={"max_attempts": 0},
            connect_timeout=5,
            read_timeout=30,
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
        ),
    )


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [probe.getsockname()[1] for probe in probes]


@contextmanager
def seaweedfs(folder: Path) -> Iterator[S3Server]:
    """A SeaweedFS of one process with its data in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    identities = folder / "identities.json"
    identities.write_text(json.dumps(IDENTITIES), encoding="utf-8")
    s3, *others = free_ports(8)
    names = ("filer.port", "master.port", "volume.port", *(f"{part}.port.grpc" for part in PARTS))
    ports = [f"-{name}={port}" for name, port in zip(names, others, strict=True)]
    command = [
        *(str(Path(sys.executable).with_name("weed")), "server", f"-dir={folder}", "-ip=127.0.0.1"),
        *("-filer", "-s3", f"-s3.port={s3}", "-s3.port.iceberg=0", f"-s3.config={identities}", *ports),
        *("-s3.port.lance=0", f"-s3.localSocket={folder / 's3.sock'}"),
        *(f"-filer.localSocket={folder / 'filer.sock'}", "-master.telemetry=false"),
        *("-master.volumeSizeLimitMB=256", "-volume.max=2000", "-s3.autoCreateBucket=false"),
    ]
    with _running(command, folder / "log", S3Server("seaweedfs", f"http://127.0.0.1:{s3}")) as server:
        yield server


@contextmanager
def moto_server(folder: Path) -> Iterator[S3Server]:
    """moto's server, which keeps everything in memory and lets everybody do everything."""
    folder.mkdir(parents=True, exist_ok=True)
    (port,) = free_ports(1)
    program = Path(sys.executable).with_name("moto_server")
    command = [str(program), "-H", "127.0.0.1", "-p", str(port)]
    with _running(command, folder / "log", S3Server("moto", f"http://127.0.0.1:{port}")) as server:
        yield server


@contextmanager
def _running(command: Sequence[str], log: Path, server: S3Server) -> Iterator[S3Server]:
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdout=output, stderr=output, cwd=log.parent) as process,
    ):
        try:
            assert until(lambda: process.poll() is not None or _takes_buckets(server), command[0], START_S)
            assert process.poll() is None, log.read_text(errors="replace")
            yield server
        finally:
            process.kill()  # nothing of it is kept, and an orderly end takes ten seconds


def _takes_buckets(server: S3Server) -> bool:
    """Whether the server makes a bucket and stores an object in it."""
    with suppress(BotoCoreError, ClientError):
        client = server.client()
        client.create_bucket(Bucket=OPEN)
        client.put_object(Bucket=OPEN, Key="ready", Body=b"")
        client.delete_object(Bucket=OPEN, Key="ready")
        return True
    return False
