"""A mock that outlives the gateway in front of it."""

from collections.abc import AsyncIterator

import pytest

from mockserver import World
from tests.rig import lasting


@pytest.fixture
async def lasting_mock() -> AsyncIterator[World]:
    """See `tests.rig.lasting`."""
    async with lasting() as mock:
        yield mock
