"""The fixtures of the pytest plugin."""

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mockserver.inbox.inbox import Inbox
    from mockserver.testing.access import Access
    from mockserver.testing.case import AwaitedClock
    from mockserver.testing.hosting import ServedMock
    from mockserver.ways.sync import SyncWorld
    from mockserver.world import World

WORLD = pytest.StashKey["World"]()
"""The world of a test, for as long as the test has one."""
FOLDER = pytest.StashKey[pytest.TempPathFactory]()
"""Where a failing test's world is kept."""
ENVIRONMENT = "_mock_environment"


@pytest.fixture
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> "Iterator[World]":
    """A mock world of the test's own, whose clock is moved by hand; see `mark.world`.

    It has the same name, and with it the same links and keys, in every run and every worker.
    """
    from mockserver.testing.case import opened  # noqa: PLC0415 - not before it is needed

    item = request.node
    item.stash[FOLDER] = tmp_path_factory
    served = "mock_server" in request.fixturenames
    with opened(item) as made:
        item.stash[WORLD] = made
        with served_as(request, made) if served else contextlib.nullcontext():
            yield made
    # The report of what fails later than this has nothing to tell of it.
    del item.stash[WORLD]


def world_of_loop(item: pytest.Item) -> bool:
    """Whether the world of a test has the time of the test's event loop."""
    from mockserver.testing.plugin import awaits  # noqa: PLC0415 - it imports this module

    return item.get_closest_marker("virtual_time") is not None and awaits(item)


@contextlib.contextmanager
def served_as(request: pytest.FixtureRequest, made: "World") -> "Iterator[ServedMock]":
    """A world among those of the served mock.

    Raises:
        pytest.UsageError: the world's time is that of the test's event loop.
    """
    if world_of_loop(request.node):
        raise pytest.UsageError(
            "an async test in virtual time cannot use the served mock: over a socket time is real"
        )
    server: ServedMock = request.getfixturevalue("mock_server")
    with server.hosting(made):
        yield server


@pytest.fixture
def clock(request: pytest.FixtureRequest, world: "World") -> "AwaitedClock | SyncWorld":
    """The world's clock: `advance`, `advance_until`, `run_until_idle`, `now`.

    In an `async def` test its moves are awaited; in a `def` test they return when they are done.
    """
    from mockserver.testing.case import AwaitedClock  # noqa: PLC0415 - the same
    from mockserver.testing.plugin import awaits  # noqa: PLC0415 - it imports this module

    return AwaitedClock(world) if awaits(request.node) else world.sync


@pytest.fixture
def pictory(request: pytest.FixtureRequest, world: "World") -> "Access":
    """Pictory as a client is told of it: URL, key, headers, ready clients."""
    return _access(request, world, "pictory")


@pytest.fixture
def pixverse(request: pytest.FixtureRequest, world: "World") -> "Access":
    """PixVerse at useapi.net as a client is told of it: URL, key, headers, ready clients."""
    return _access(request, world, "pixverse")


def _access(request: pytest.FixtureRequest, world: "World", name: str) -> "Access":
    from mockserver.testing.access import Access  # noqa: PLC0415 - not before it is needed

    def serve() -> str:
        if "mock_server" not in request.fixturenames:
            hosted = served_as(request, world)
            hosted.__enter__()
            request.addfinalizer(lambda: hosted.__exit__(None, None, None))
        server: ServedMock = request.getfixturevalue("mock_server")
        return server.url

    return Access(world, name, serve)


@pytest.fixture
def inbox(world: "World") -> "Inbox":
    """A receiver of the application's own webhooks."""
    return world.inbox()


@pytest.fixture(scope="session")
def mock_server() -> "Iterator[ServedMock]":
    """One mock on a free port of this machine, for clients in other processes or languages.

    The test's world is reached there by its keys. It serves other keys too, each in a world of its
    own, made on first use, with a clock that is moved by hand.
    """
    from mockserver.testing.hosting import serving  # noqa: PLC0415 - not before it is needed

    with serving() as served:
        yield served


class _Named:
    """The fixtures of a test by name, each made when a text asks for it."""

    def __init__(self, request: pytest.FixtureRequest) -> None:
        self._request = request

    def __getitem__(self, name: str) -> Any:
        return self._request.getfixturevalue(name)


@pytest.fixture
def _mock_environment(request: pytest.FixtureRequest) -> Iterator[None]:
    """The environment variables that lead an application to the mock."""
    request.getfixturevalue("world")
    variables = _pairs(request.config.getini("mock_env"))
    for mark in reversed(list(request.node.iter_markers("mock_env"))):
        variables |= _pairs(mark.args) | mark.kwargs
    with pytest.MonkeyPatch.context() as patch:
        for name, text in variables.items():
            patch.setenv(name, text.format_map(_Named(request)))
        yield


def _pairs(lines: Any) -> dict[str, str]:
    pairs = dict[str, str]()
    for line in lines:
        name, equals, text = line.partition("=")
        if not (name and equals):
            raise pytest.UsageError(f"mock_env: {line!r} is not NAME=TEXT")
        pairs[name] = text
    return pairs
