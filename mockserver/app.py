"""The mock server: settings in, one ASGI application out."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import httpx

from mockserver import control
from mockserver.control import Control
from mockserver.directives import Tally
from mockserver.downloads import Downloads
from mockserver.engine.callbacks import Callbacks
from mockserver.engine.clock import Clock, ManualClock, WallClock
from mockserver.engine.core import Engine
from mockserver.engine.inputs import Inputs
from mockserver.engine.jobs import Jobs, Role
from mockserver.engine.journal import Exchange, Journal
from mockserver.engine.ledger import Ledger
from mockserver.engine.scheduler import ManualScheduler, Scheduler, WallScheduler
from mockserver.http import (
    BodyTooLargeError,
    ClientGoneError,
    Receive,
    Request,
    Response,
    Route,
    Router,
    Scope,
    Send,
    read,
    reply,
    write,
)
from mockserver.media.render import input_fault
from mockserver.media.store import MediaStore
from mockserver.pictory import Pictory
from mockserver.pixverse import Pixverse
from mockserver.pixverse_accounts import Accounts
from mockserver.settings import Settings


class World:
    """All that a reset replaces: the clock, the engine, the providers and their routes."""

    def __init__(
        self,
        mock: "MockServer",
        callback_transport: httpx.AsyncBaseTransport | None,
        input_transport: httpx.AsyncBaseTransport | None,
    ) -> None:
        settings = mock.settings
        self.clock: Clock
        self.scheduler: Scheduler
        if settings.clock == "manual":
            self.clock = manual = ManualClock()
            self.scheduler = ManualScheduler(manual)
        else:
            speed = settings.speed if settings.clock == "scaled" else 1.0
            self.clock = WallClock(speed, settings.clock)
            self.scheduler = WallScheduler(self.clock)
        self.journal = Journal()
        callbacks = Callbacks(
            self.clock,
            self.journal,
            transport=callback_transport,
            extra_hosts=settings.extra_hosts,
        )
        inputs = Inputs(
            local=self._local,
            check=self._check,
            transport=input_transport,
            extra_hosts=settings.extra_hosts,
        )
        self.engine = Engine(
            clock=self.clock, scheduler=self.scheduler, callbacks=callbacks, inputs=inputs
        )
        tally = Tally()
        self.pixverse = pixverse = Pixverse(self.engine, settings, tally)
        self._downloads = Downloads(self.engine, pixverse.files, mock.media)
        self.router = Router(
            [
                *Pictory(self.engine, settings, tally).routes(),
                *pixverse.routes(),
                *self._downloads.routes(),
                *Control(mock).routes(),
            ]
        )

    async def _local(self, url: str) -> bytes | None:
        return await self._downloads.local(url)

    async def _check(self, role: Role, data: bytes) -> str | None:
        return await asyncio.to_thread(input_fault, role, data)


class MockServer:
    """Both mock providers, in process or served.

    Args:
        settings: how they behave.
        callback_transport: how callbacks travel, such as `httpx.ASGITransport(app=gateway)`;
            the rule of which hosts they may reach holds all the same (`Settings.extra_hosts`).
        input_transport: how inputs given by URL are fetched, by the same rule.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        callback_transport: httpx.AsyncBaseTransport | None = None,
        input_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.media = MediaStore()
        self._transports = (callback_transport, input_transport)
        self._world = World(self, *self._transports)

    @property
    def clock(self) -> Clock:
        """Virtual time."""
        return self._world.clock

    @property
    def jobs(self) -> Jobs:
        """Every job of every provider, in order of acceptance."""
        return self._world.engine.jobs

    @property
    def ledger(self) -> Ledger:
        """What was charged and refunded."""
        return self._world.engine.ledger

    @property
    def journal(self) -> Journal:
        """Requests received and callbacks delivered."""
        return self._world.journal

    @property
    def routes(self) -> Sequence[Route]:
        """The route table."""
        return self._world.router.routes

    @property
    def accounts(self) -> Accounts:
        """The PixVerse accounts; `accounts.hold(email)` puts one on hold."""
        return self._world.pixverse.accounts

    async def advance(self, seconds: float) -> None:
        """Moves a manual clock; returns when all that fell due, callbacks included, has settled.

        Raises:
            RuntimeError: the clock is not a manual one.
        """
        if not isinstance(self._world.scheduler, ManualScheduler):
            raise RuntimeError("only a manual clock can be advanced")  # noqa: TRY004
        await self._world.scheduler.advance(seconds)

    async def reset(self) -> None:
        """Forgets jobs, uploads, ledger and journal; rendered media stay, being content."""
        await self._world.engine.aclose()
        self._world = World(self, *self._transports)

    async def aclose(self) -> None:
        """Stops what is under way and closes connections."""
        await self._world.engine.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    @property
    def app(self) -> Self:
        """The ASGI application; it needs no lifespan, but closes itself in one."""
        return self

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
            await write(reply({"error": "Payload Too Large"}, 413), send)
            return
        except ClientGoneError:
            return
        operation, response = await self._world.router.answer(request)
        self._note(request, operation, response)
        await write(response, send, head=request.method == "HEAD")

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                await self.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return
            await send({"type": "lifespan.startup.complete"})

    def _note(self, request: Request, operation: str, response: Response) -> None:
        if request.path.startswith(control.BASE_PATH):
            return
        journal = self.journal
        journal.requests.append(
            Exchange(
                n=journal.next_number(),
                at=self.clock.now(),
                method=request.method,
                path=request.path,
                operation=operation,
                status=response.status,
                job=response.job,
                lost=response.lost,
            )
        )


def create_app(settings: Settings | None = None) -> MockServer:
    """An ASGI application, for servers that want a factory."""
    return MockServer(settings)
