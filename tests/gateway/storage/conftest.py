"""A database as migrations leave it, of each kind: a test that takes it runs on both."""

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.storage import Database
from tests.postgres import (
    migrated_postgres_url,
    postgres_server,
    postgres_url,
    shared_postgres,
)

__all__ = ["migrated_postgres_url", "postgres_server", "postgres_url", "shared_postgres"]


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite file with the newest tables, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "filmgate.db"
    database = Database(path)
    database.migrate()
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database is that has the newest tables and nothing in them."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("migrated_postgres_url")
        return url
    shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "filmgate.db")
    return f"sqlite:///{tmp_path / 'filmgate.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a database is that has no tables."""
    if request.param == "postgresql":
        url: str = request.getfixturevalue("postgres_url")
        return url
    return f"sqlite:///{tmp_path / 'empty' / 'filmgate.db'}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The database, open."""
    made = Database(database_url)
    try:
        yield made
    finally:
        made.close()
