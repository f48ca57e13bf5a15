"""The one served mock of a session, and the worlds of tests in it."""

import contextlib
from collections.abc import Iterator

import httpx

from mockserver.app import MockServer
from mockserver.settings import Settings
from mockserver.testing.serving import serve_in_thread
from mockserver.ways.portal import portal
from mockserver.world import World


class ServedMock:
    """A mock on a socket of this process."""

    def __init__(self, mock: MockServer, url: str) -> None:
        self.mock = mock
        self.url = url
        """Where it is, without a path: `http://127.0.0.1:41234`."""

    def client(self) -> httpx.Client:
        """A client over the socket."""
        return httpx.Client(base_url=self.url, trust_env=False)

    @contextlib.contextmanager
    def hosting(self, world: World) -> Iterator[None]:
        """A world reached here by its key, for the time being."""
        self.mock.add(world)
        try:
            yield
        finally:
            self.mock.worlds.pop(world.name, None)
            world.server = world.home = None


@contextlib.contextmanager
def serving() -> Iterator[ServedMock]:
    """The mock of a session."""
    mock = MockServer(Settings(clock="frozen"))
    with serve_in_thread(mock) as url:
        yield ServedMock(mock, url)
        portal().call(mock.aclose)
