"""A mock that outlives the gateway in front of it, and a database of either kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mockserver import World
from tests.postgres import migrated_postgres_url, shared_postgres
from tests.rig import lasting

__all__ = ["migrated_postgres_url", "shared_postgres"]


@pytest.fixture
async def lasting_mock() -> AsyncIterator[World]:
    """See `tests.rig.lasting`."""
    async with lasting() as mock:
        yield mock


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a gateway keeps its jobs: a test that takes it runs on both kinds of database."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("migrated_postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'filmgate.db'}"
