"""A mocked provider as a client is told of it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from mockserver.world import World

HOSTS = {"pictory": "https://api.pictory.ai", "pixverse": "https://api.useapi.net"}
"""Where the providers really are; in process the mock answers in their place."""
AUTHORIZATION = {"pictory": "{key}", "pixverse": "Bearer {key}"}


class Access:
    """URL, key and clients for one provider, leading to one world.

    Args:
        world: where its requests go.
        name: `pictory` or `pixverse`.
        serve: puts the world on a socket, at most once; its origin.
    """

    def __init__(self, world: "World", name: str, serve: Callable[[], str]) -> None:
        self.world = world
        self.name = name
        self.key = world.key(name)
        """The API key, or token; it leads to this world wherever the mock is served."""
        self._path = type(world.named(name)).base_path
        self._serve = serve

    @property
    def base_url(self) -> str:
        """The provider's own URL, which the clients and `World.transport` answer without a socket.

        Paths of requests follow it: `/v1/aistudio/videos`.
        """
        return HOSTS[self.name] + self._path

    @property
    def url(self) -> str:
        """The same on a socket of this machine, for other processes; served from now on."""
        return self._serve() + self._path

    @property
    def headers(self) -> dict[str, str]:
        """What says who asks."""
        return {"Authorization": AUTHORIZATION[self.name].format(key=self.key)}

    def client(self, **options: Any) -> httpx.Client:
        """A client that does not await; `options` are httpx's own."""
        return httpx.Client(transport=self.world.transport(), **self._with(options))

    def async_client(self, **options: Any) -> httpx.AsyncClient:
        """A client that awaits; `options` are httpx's own."""
        return httpx.AsyncClient(transport=self.world.transport(), **self._with(options))

    def _with(self, options: dict[str, Any]) -> dict[str, Any]:
        headers = {**self.headers, **options.get("headers", {})}
        return {"base_url": self.base_url, **options, "headers": headers}
