"""Fixtures: a real server, and each foreign client as a user with an account of its own."""

from collections.abc import Iterator

import pytest

from tests.clients.foreign import Client, aws_cli, javascript
from tests.world import Server, World, process_server


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The command `serve`, with its worker."""
    with process_server(tmp_path_factory.mktemp("live") / "data") as server:
        yield server


CLIENTS = [
    # One process of the test run for each client: its tests share what the first of them makes.
    pytest.param(aws_cli, id="aws-cli", marks=pytest.mark.xdist_group("aws-cli")),
    pytest.param(javascript, id="javascript", marks=pytest.mark.xdist_group("javascript")),
]


@pytest.fixture(scope="session")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that keeps AWS's quotas; without a worker, so that what is pending stays so."""
    folder = tmp_path_factory.mktemp("narrow") / "data"
    with process_server(folder, limits="aws", workers=0) as server:
        yield server


@pytest.fixture(scope="module", params=CLIENTS)
def narrow_pair(request: pytest.FixtureRequest, narrow: Server) -> Iterator[tuple[Client, World]]:
    """A foreign client of that server, and its account as boto3 sees it."""
    owner = World(narrow)
    with request.param(owner) as client:
        yield client, owner


@pytest.fixture(scope="module", params=CLIENTS)
def pair(request: pytest.FixtureRequest, live: Server) -> Iterator[tuple[Client, World]]:
    """A foreign client, and its account as boto3 sees it."""
    owner = World(live)
    with request.param(owner) as client:
        yield client, owner


@pytest.fixture(scope="module")
def client(pair: tuple[Client, World]) -> Client:
    """A foreign client."""
    return pair[0]


@pytest.fixture(scope="module")
def owner(pair: tuple[Client, World]) -> World:
    """The account that the client acts for, as boto3 sees it."""
    return pair[1]
