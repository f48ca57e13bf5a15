"""A mock that outlives the gateway in front of it."""

from collections.abc import AsyncIterator

import pytest

from mockserver import MockServer
from tests.rig import lasting


@pytest.fixture
async def lasting_mock() -> AsyncIterator[MockServer]:
    """See `tests.rig.lasting`."""
    async with lasting() as mock:
        yield mock
