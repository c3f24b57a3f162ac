"""Fixtures: a virtual home that runs fast, and a paired client."""

from collections.abc import AsyncIterator

import pytest

from tests.virtual_home.raw import RawClient
from virtual_home.home import HomeOptions, VirtualHome
from virtual_home.nuki import LockOptions, NukiLock

FAST = LockOptions(
    motor_s=0.05, unlatch_s=0.1, advertising_ms=20, pin_block_s=0.2, pairing=True
)


@pytest.fixture
def options() -> LockOptions:
    """Give the options of the lock; tests override this."""
    return FAST


@pytest.fixture
async def home(options: LockOptions) -> AsyncIterator[VirtualHome]:
    """Run a virtual home with one lock."""
    async with VirtualHome(HomeOptions(locks=(options,))) as home:
        yield home


@pytest.fixture
def lock(home: VirtualHome) -> NukiLock:
    """Give the lock."""
    return home.locks[0]


@pytest.fixture
async def client(home: VirtualHome, lock: NukiLock) -> RawClient:
    """Give a client that is paired and connected."""
    client = await RawClient.connect(home.central, lock.address)
    await client.pair()
    return client
