"""Fixtures: database servers that run for the whole session, and databases in them."""

from collections.abc import Iterator
import secrets

import pytest

from . import servers
from .servers import Running


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Running]:
    """Run PostgreSQL."""
    with servers.postgresql() as running:
        yield running


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Running]:
    """Run MariaDB."""
    with servers.mariadb() as running:
        yield running


@pytest.fixture(params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest, socket_enabled: None) -> Running:
    """Give each of them."""
    running: Running = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def database(server: Running) -> Iterator[str]:
    """Give the name of an empty database on it."""
    name = f"log_{secrets.token_hex(4)}"
    server.run(f"CREATE DATABASE {name}")
    yield name
    force = " WITH (FORCE)" if server.kind == "postgresql" else ""
    server.run(f"DROP DATABASE {name}{force}")
