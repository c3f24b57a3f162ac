"""Fixtures: the processes, once a session, and what happened in them."""

from collections.abc import Generator

import pytest
import pytest_socket

from .portal import Portal
from .story import Story, tell
from .world import World


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything here: it is slow, and the first test starts the processes."""
    for item in items:
        if item.path.is_relative_to(__file__.rpartition("/")[0]):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(300))


@pytest.fixture(autouse=True)
def sockets() -> None:
    """Allow sockets to this machine; to others they stay forbidden."""
    pytest_socket.enable_socket()


@pytest.fixture(scope="session")
def portal() -> Generator[Portal]:
    """Give the loop that everything runs in."""
    portal = Portal()
    yield portal
    portal.close()


@pytest.fixture(scope="session")
def world(portal: Portal, tmp_path_factory: pytest.TempPathFactory) -> Generator[World]:
    """Run Home Assistant and a virtual home."""
    world = portal(World.create(tmp_path_factory.mktemp("world")))
    try:
        portal(world.start())
        yield world
    finally:
        portal(world.stop())


@pytest.fixture(scope="session")
def story(portal: Portal, world: World) -> Story:
    """Live through the whole chain, once."""
    return portal(tell(world), 480)
