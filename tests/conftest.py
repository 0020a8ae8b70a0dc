"""Fixtures: a live server for the session, and a world (an account of its own) for each test."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url

from tests.world import Server, World, running_server

DATABASE_VARIABLE = "OPENPERSONALIZE_TEST_DATABASE_URL"


@pytest.fixture(scope="session")
def database_url() -> Iterator[str]:
    """URL of a new database: PostgreSQL where the environment names one, else empty (SQLite)."""
    configured = os.environ.get(DATABASE_VARIABLE, "")
    if not configured:
        yield ""
        return
    name = f"test_{uuid.uuid4().hex[:16]}"
    url = make_url(configured).set(drivername="postgresql+psycopg")
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    try:
        yield url.set(database=name, drivername="postgresql").render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f'DROP DATABASE "{name}" WITH (FORCE)'))
        engine.dispose()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, database_url: str) -> Iterator[Server]:
    """A live server; tests keep out of each other's way by their accounts."""
    with running_server(tmp_path_factory.mktemp("data"), database_url) as running:
        yield running


@pytest.fixture
def world(server: Server) -> World:
    """A fresh account on the live server."""
    return World(server)


@pytest.fixture
def data_folder(server: Server) -> Path:
    """The data folder of the live server."""
    return server.settings.data_dir
