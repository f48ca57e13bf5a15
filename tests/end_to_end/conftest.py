"""What tests with real processes share: one mock server for each process of pytest."""

import itertools
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest

from tests.end_to_end.forks import FORKS
from tests.end_to_end.processes import Mock, World, running
from tests.postgres import migrated_postgres_url, postgres_server, shared_postgres

__all__ = ["migrated_postgres_url", "postgres_server", "shared_postgres"]

MakeWorld = Callable[..., World]

_names: Final = itertools.count(1)


@pytest.fixture(scope="session")
def providers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mock]:
    """Mock providers; tests take worlds of their own."""
    with running(Mock(tmp_path_factory.mktemp("providers"), speed=1)) as mock:
        yield mock


@pytest.fixture(scope="session", autouse=True)
def _forks() -> Iterator[None]:
    """What starts programs ends with the last of their tests."""
    yield
    FORKS.close()


@pytest.fixture
def make_world(providers: Mock) -> Iterator[MakeWorld]:
    """Makes worlds, in which jobs take a moment, and takes them away."""
    made: list[str] = []

    def make(**settings: Any) -> World:
        made.append(f"w{next(_names)}")
        quick = {"clock": "real", "queue_seconds": 0.1, "run_seconds": 0.4}
        return providers.world(made[-1], **quick | settings)

    yield make
    for name in made:
        providers.forget(name)


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str | None:
    """The URL of a database; None for the file that a gateway makes for itself."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("migrated_postgres_url")
    return url
