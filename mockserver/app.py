"""The mock server: settings in, one ASGI application out; worlds by key."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from email.utils import format_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import httpx

from mockserver import naming
from mockserver.engine.outside import Outside
from mockserver.media.store import MediaStore
from mockserver.provider import Provider
from mockserver.registry import PROVIDERS
from mockserver.settings import Settings
from mockserver.wire.http import (
    BodyTooLargeError,
    ClientGoneError,
    Receive,
    Request,
    Response,
    Scope,
    Send,
    read,
    reply,
    write,
)
from mockserver.world import World

if TYPE_CHECKING:
    import asyncio

    import respx

    from mockserver.ways.transport import Transport

Choose = Callable[[Request], Awaitable[World]]
"""Finds the world of a request, and takes out of its path what names the world."""

WORLD = "filmgate.world"
"""The ASGI extension by which whoever calls is told which world it was that he asked."""
SWEEP_SECONDS = 60.0
"""How often, in real time, worlds are looked through for those nobody uses any more."""


@lru_cache(maxsize=8)
def _date(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


class Application:
    """ASGI, HTTP and lifespan; it needs no lifespan, but closes what is behind it in one."""

    def __init__(self, choose: Choose, aclose: Callable[[], Awaitable[None]]) -> None:
        self._choose = choose
        self._aclose = aclose

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one connection's request, or lives through a lifespan."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
            return
        if scope["type"] != "http":
            raise ValueError(f"the mock speaks HTTP only, not {scope['type']}")
        try:
            request = await read(scope, receive)
        except BodyTooLargeError:
            response = reply({"error": "Payload Too Large"}, 413)
            await write(response, receive, send, _no_sleep)
            return
        except ClientGoneError:
            return
        try:
            world = await self._choose(request)
        except ValueError as fault:
            await write(reply({"error": str(fault)}, 400), receive, send, _no_sleep)
            return
        if (tell := scope.get("extensions", {}).get(WORLD)) is not None:
            tell(world)
        pause = world.pausing()
        response = await self._answered(world, request)
        await write(response, receive, send, pause, head=request.method == "HEAD")

    async def _answered(self, world: World, request: Request) -> Response:
        response = await world.answer(request)
        clock = world.clock
        date = _date(clock.utc(clock.now()).replace(microsecond=0))
        response.headers = {"date": date, **response.headers}
        return response

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self._aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})


async def _no_sleep(_: float) -> None:
    return


class MockServer:
    """Mock providers for many worlds: each API key `mock_<name>` has its own, made on first use.

    Args:
        settings: how every world behaves.
        providers: who is mocked.
        callback_transport: how callbacks travel, such as `httpx.ASGITransport(app=gateway)`;
            the rule of which hosts they may reach holds all the same (`Settings.extra_hosts`).
        input_transport: how inputs given by URL are fetched, by the same rule.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        providers: tuple[type[Provider], ...] = PROVIDERS,
        callback_transport: httpx.AsyncBaseTransport | None = None,
        input_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.providers = providers
        self.media = MediaStore()
        self.outside = Outside(callback_transport, input_transport, self.settings.extra_hosts)
        self.home: asyncio.AbstractEventLoop | None = None
        """The loop its worlds live on while it is served in a thread; see `ways.home`."""
        self.worlds: dict[str, World] = {}
        """The worlds that are there, by name."""
        self._swept = time.monotonic()

    def world(self, name: str = naming.DEFAULT, settings: Settings | None = None) -> World:
        """A world by its name, made if it is not there yet, or made anew with settings of its own.

        Raises:
            ValueError: nothing can be called that.
        """
        world = self.worlds.get(name)
        if world is None or settings is not None:
            world = World(
                name,
                settings or self.settings,
                providers=self.providers,
                outside=self.outside,
                media=self.media,
                prefix=naming.prefix_of(name),
            )
            self.add(world)
        return world

    def add(self, world: World) -> None:
        """Puts a world among the others, in place of one of the same name, which is closed."""
        replaced = self.worlds.get(world.name)
        if replaced is not None and replaced is not world:
            replaced.close()
        world.server, world.home = self, self.home
        self.worlds[world.name] = world
        world.wake()

    async def forget(self, name: str) -> None:
        """Drops a world; a later request with its key begins a new one."""
        world = self.worlds.pop(name, None)
        if world is not None:
            await world.aclose()

    async def _choose(self, request: Request) -> World:
        await self._sweep()
        name, path = naming.split(request.path)
        if name is None:
            return self.world(self._by_key(request))
        request.path = path
        return self.world(name)

    def _by_key(self, request: Request) -> str:
        for provider in self.providers:
            if request.path.startswith(f"{provider.base_path}/"):
                secret = provider.secret_of(request)
                return naming.DEFAULT if secret is None else naming.world_of(secret)
        return naming.DEFAULT

    async def _sweep(self) -> None:
        now = time.monotonic()
        if now - self._swept < SWEEP_SECONDS:
            return
        self._swept = now
        oldest = now - self.settings.world_seconds
        idle = [name for name, world in self.worlds.items() if world.used < oldest]
        for name in idle:
            if name != naming.DEFAULT:
                await self.forget(name)

    @property
    def app(self) -> Application:
        """The ASGI application."""
        return Application(self._choose, self.aclose)

    def transport(self) -> "Transport":
        """A transport for an `httpx.AsyncClient` or an `httpx.Client`; no socket, any host."""
        from mockserver.ways.transport import Transport  # noqa: PLC0415 - not always needed

        return Transport(self.app)

    def respx(self, router: "respx.Router") -> "respx.Route":
        """Adds a route to a router of respx that answers in the world of each key; the route.

        Raises:
            RuntimeError: respx is not installed.
        """
        from mockserver.ways.respx_routes import add_to  # noqa: PLC0415 - the same

        return add_to(router, self.app, [provider.base_path for provider in self.providers])

    def hang_up(self) -> None:
        """Ends the replies that go on for as long as somebody listens."""
        for world in self.worlds.values():
            world.journal.close()

    async def aclose(self) -> None:
        """Stops what is under way and closes connections."""
        for world in tuple(self.worlds.values()):
            await world.aclose()
        await self.outside.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


def create_app(settings: Settings | None = None) -> Application:
    """An ASGI application, for servers that want a factory."""
    return MockServer(settings).app
