"""Fixtures: a live server for the session, and a world (an account of its own) for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import new_database
from tests.log_watch import WATCH
from tests.queue_bench import Bench, new_bench
from tests.s3_servers import S3Server, moto_server, seaweedfs
from tests.world import Server, World, running_server


@pytest.fixture(scope="session", autouse=True)
def no_log_shows_what_customers_send() -> Iterator[None]:
    """Fail the session when a customer's value is in a log of it."""
    WATCH.attach()
    yield
    findings = WATCH.findings()
    assert not findings, "\n".join(findings[:20])


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """URL of a new database: PostgreSQL where the environment names one, else empty (SQLite)."""
    with new_database() as url:
        yield url


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Server]:
    """A live server; tests keep out of each other's way by their accounts."""
    with running_server(tmp_path_factory.mktemp("data"), database_url) as running:
        yield running


@pytest.fixture(scope="session")
def seaweed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 server; tests that use it are of the xdist group "s3", so that one starts."""
    with seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as running:
        yield running


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """Another one, as a second opinion; likewise."""
    with moto_server(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture
def world(server: Server) -> World:
    """A fresh account on the live server."""
    return World(server)


@pytest.fixture
def data_folder(server: Server) -> Path:
    """The data folder of the live server."""
    return server.settings.data_dir


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A queue on a database of its own, with workers in this process."""
    with new_bench(tmp_path) as made:
        yield made
