"""A database as migrations leave it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.storage import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database(tmp_path / "filmgate.db")
    try:
        made.migrate()
        yield made
    finally:
        made.close()
