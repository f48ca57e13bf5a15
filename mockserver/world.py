"""A world: one engine, the providers in it, and the way a request goes through both."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

import httpx

from mockserver import naming
from mockserver.downloads import Downloads
from mockserver.engine.clock import Clock
from mockserver.engine.core import FAILURES, Engine
from mockserver.engine.inputs import Inputs
from mockserver.engine.jobs import FailureKind, Job, Jobs, Role
from mockserver.engine.journal import Event, Journal
from mockserver.engine.ledger import Ledger
from mockserver.engine.outside import Outside
from mockserver.exchanges import Exchanges, router_of
from mockserver.inbox.inbox import MAIN, Inbox, Inboxes
from mockserver.judged import Judged
from mockserver.media.render import input_fault
from mockserver.media.store import MediaStore
from mockserver.moving import Moving
from mockserver.provider import Provider
from mockserver.registry import PROVIDERS
from mockserver.settings import Settings
from mockserver.waiting import NeverError
from mockserver.ways.home import at_home, there
from mockserver.wire.http import Request, Response, Route, Router

if TYPE_CHECKING:
    import respx

    from mockserver.app import Application, MockServer
    from mockserver.ways.sync import SyncWorld
    from mockserver.ways.transport import Transport

P = TypeVar("P", bound=Provider)

FARTHEST_SECONDS = 10 * 366 * 24 * 3600.0
"""How far time is moved at once at most: what lies farther ahead, no calendar can show."""
UNTIL_SECONDS = 24 * 3600.0
"""How far time is moved at most while something is waited for, in virtual seconds."""


class World(Judged):
    """An isolated universe: jobs, clock, seed, accounts, limits, uploads, journal, faults.

    Args:
        name: as keys and links name it; letters, digits, dots and underscores.
        settings: how the providers behave in it.
        providers: who is mocked.
        callback_transport: how callbacks travel, such as `httpx.ASGITransport(app=gateway)`;
            the rule of which hosts they may reach holds all the same (`Settings.extra_hosts`).
        input_transport: how inputs given by URL are fetched, by the same rule.
        outside: both ways out, shared with other worlds.
        media: where rendered media are kept.
        prefix: what stands in front of the paths of its links.
    """

    def __init__(
        self,
        name: str = naming.DEFAULT,
        settings: Settings | None = None,
        *,
        providers: tuple[type[Provider], ...] = PROVIDERS,
        callback_transport: httpx.AsyncBaseTransport | None = None,
        input_transport: httpx.AsyncBaseTransport | None = None,
        outside: Outside | None = None,
        media: MediaStore | None = None,
        prefix: str = "",
    ) -> None:
        if not naming.is_name(name):
            raise ValueError(naming.NO_NAME.format(name=name))
        self.name = name
        self.settings = settings or Settings()
        self.providers = providers
        self.outside = (
            Outside(callback_transport, input_transport, self.settings.extra_hosts)
            if outside is None
            else outside.to(self.settings.extra_hosts)
        )
        self.media = media or MediaStore()
        self.prefix = prefix
        self.server: MockServer | None = None
        """Where its siblings live; None for a world of its own."""
        self.home: asyncio.AbstractEventLoop | None = None
        """The loop it lives on once it is served in a thread, or not awaited; see `ways.home`."""
        self.used = time.monotonic()
        """When it was last spoken to, in real time."""
        self.prefixes: frozenset[str] = frozenset()
        """That, and what stood there before it was forked or restored."""
        self._exchanges = Exchanges(self)
        self.snapshots: dict[str, Self] = {}
        """What was kept of it by name, to be restored."""
        self._begin(Engine(self.settings, self.outside, self))

    def _begin(self, engine: Engine) -> None:
        self.engine = engine
        engine.tape.named(self.name, self.prefix)
        self.prefixes |= {self.prefix}
        self.life = secrets.token_hex(4)
        """Another one after each fresh start, for those who look on."""
        self.made: dict[type[Provider], Provider] = {}
        """The providers that were needed so far."""
        self.downloads = Downloads(self)
        self.inboxes = Inboxes()
        """How webhooks are answered."""
        self.inputs = Inputs(local=self.downloads.local, check=_check_input, outside=self.outside)

    # --- what is in it

    @property
    def clock(self) -> Clock:
        """Virtual time."""
        return self.engine.clock

    @property
    def jobs(self) -> Jobs:
        """Every job of every provider, in order of acceptance."""
        return self.engine.jobs

    def job(self, name: str | Job) -> Job:
        """A job of this world by its id, its key, or `job2`; or the same job of a fork.

        Raises:
            KeyError: there is no such job.
        """
        found = self.jobs.find(name if isinstance(name, str) else name.id)
        if found is None:
            raise KeyError(f"there is no job {name!r}; this world has {len(self.jobs)}")
        return found

    @property
    def ledger(self) -> Ledger:
        """What was charged and refunded."""
        return self.engine.ledger

    @property
    def journal(self) -> Journal:
        """Everything that happened."""
        return self.engine.journal

    @property
    def router(self) -> Router:
        """The route table."""
        return router_of(self.providers)

    @property
    def routes(self) -> Sequence[Route]:
        """Its rows."""
        return self.router.routes

    def provider(self, kind: type[P]) -> P:
        """A provider's wire and state in this world, made when first needed."""
        made = self.made.get(kind)
        if made is None:
            made = self.made[kind] = kind(self.engine)
        return made  # type: ignore[return-value]

    def named(self, name: str) -> Provider:
        """The same by the provider's name.

        Raises:
            KeyError: no such provider is mocked here.
        """
        for kind in self.providers:
            if kind.name == name:
                return self.provider(kind)
        known = ", ".join(kind.name for kind in self.providers)
        raise KeyError(f"no provider {name!r} is mocked here; there are: {known}")

    def key(self, provider: str, magic: str = "") -> str:
        """An API key for a provider that leads to this world.

        Args:
            provider: its name.
            magic: a magic value to end the key with, such as `402`.
        """
        return type(self.named(provider)).key(naming.secret_of(self.name, magic))

    def inbox(self, name: str = MAIN) -> Inbox:
        """A receiver of webhooks; it is there as soon as something is posted to it.

        Raises:
            ValueError: nothing can be called that.
        """
        return Inbox(self, name)

    # --- what the engine asks of its host

    def describe(self, job: Job) -> object:
        """The body of a callback about a job as it stands."""
        return self.named(job.order.provider).describe(job)

    def forge(self, job: Job, *, stranger: bool = False) -> object:
        """The body of a false callback."""
        return self.named(job.order.provider).forge(job, stranger=stranger)

    # --- requests

    @at_home
    async def answer(self, request: Request) -> Response:
        """Answers a request to this world, faults included, and writes it down."""
        self.used = time.monotonic()
        return await self._exchanges.answer(request)

    def pausing(self) -> Callable[[float], Awaitable[None]]:
        """Waits for moments of virtual time, for a reply that is on its way already."""
        scheduler = self.engine.scheduler

        async def pause(seconds: float) -> None:
            await there(self, lambda: scheduler.pause(seconds))

        return pause

    # --- time

    @at_home
    async def advance(self, seconds: float) -> tuple[Event, ...]:
        """Moves time; returns what happened, when all that fell due has settled.

        Callbacks are answered by then, and so are the requests that came in because of them.

        Raises:
            ValueError: `seconds` is negative.
            RuntimeError: called from inside a move that is under way.
        """
        if not 0 <= seconds <= FARTHEST_SECONDS:
            raise ValueError(
                "time cannot go back" if seconds < 0 else "that is more than ten years ahead"
            )
        moving = Moving(self.engine)
        await self.engine.scheduler.advance(seconds, moving)
        return moving.happened

    @at_home
    async def advance_until(
        self, job: str | Job, phase: str = "ended", *, limit: float = UNTIL_SECONDS
    ) -> tuple[Event, ...]:
        """Moves time until a job has reached a phase; returns what happened.

        Args:
            job: the job, its id, its key, or `job2`.
            phase: one of `queued`, `running`, `completed`, `failed`, `moderated`; or `ended`.
            limit: virtual seconds to go at most.

        Raises:
            KeyError: there is no such job.
            NeverError: it does not come to that.
        """
        target = self.job(job)

        def reached() -> bool:
            return target.ended if phase == "ended" else target.phase == phase

        moving = Moving(self.engine)
        there = await self.engine.scheduler.advance_until(reached, limit, moving)
        if not there:
            raise NeverError(f"{target.id} is {target.phase} and does not get to be {phase}")
        return moving.happened

    @at_home
    async def run_until_idle(self, *, limit: float = UNTIL_SECONDS) -> tuple[Event, ...]:
        """Moves time until nothing is due any more; returns what happened.

        Raises:
            NeverError: something is still due after `limit` virtual seconds.
        """
        agenda = self.engine.scheduler.agenda
        moving = Moving(self.engine)
        idle = await self.engine.scheduler.advance_until(lambda: not len(agenda), limit, moving)
        if not idle:
            raise NeverError(f"{len(agenda)} things are still due after {limit:g} s")
        return moving.happened

    # --- a hand on things

    @at_home
    async def finish(self, job: str, failure: FailureKind | None = None) -> None:
        """Ends a job now, well or with a failure.

        Raises:
            KeyError: there is no such job.
            ValueError: it has ended already.
        """
        found = self.job(job)
        if found.ended:
            raise ValueError(f"{found.id} has ended already")
        self.engine.note("finish", job=found.id, failure=failure)
        await self.engine.end(found, None if failure is None else FAILURES[failure])

    def fail_next(self, *lines: str) -> None:
        """Adds faults, written as lines.

        Raises:
            FaultError: a line is none; then none is added.
        """
        self.engine.faults.add(*lines)
        self.engine.note("faults", lines=lines)

    def clear_faults(self) -> None:
        """Lets everything go well from here on."""
        self.engine.faults.clear()
        self.engine.note("no faults")

    # --- copies

    def fork(self, name: str | None = None) -> Self:
        """A world with the same past, to go on separately under another name.

        Raises:
            ValueError: nothing can be called that.
        """
        name = name or self.name
        if not naming.is_name(name):
            raise ValueError(naming.NO_NAME.format(name=name))
        other = object.__new__(type(self))
        other.name, other.settings, other.providers = name, self.settings, self.providers
        other.outside, other.media, other.server = self.outside, self.media, self.server
        other.home = self.home
        other.prefixes = self.prefixes
        other.prefix = naming.prefix_of(name) if name != self.name else self.prefix
        other.used = time.monotonic()
        other.snapshots = {}
        other._exchanges = Exchanges(other)
        other._begin(self.engine.fork(other))
        other._take(self)
        return other

    def _take(self, other: "World") -> None:
        self.made = {kind: made.fork(self.engine) for kind, made in other.made.items()}
        self.inboxes = other.inboxes.fork()

    @at_home
    async def restore(self, snapshot: "World") -> None:
        """Goes back to what a fork made earlier has kept; the fork can be used again."""
        await self._end()
        self.prefixes |= snapshot.prefixes
        self._begin(snapshot.engine.fork(self))
        self._take(snapshot)
        self.wake()

    @at_home
    async def reset(self) -> None:
        """Forgets everything; rendered media stay, being content."""
        await self._end()
        self._begin(Engine(self.settings, self.outside, self))

    async def _end(self) -> None:
        self.engine.scheduler.over = True
        await self.aclose()

    def wake(self) -> None:
        """Has its time go on by itself, if it does that, on the loop where it lives."""
        self._there(self.engine.scheduler.wake)

    def close(self) -> None:
        """Stops what is under way, without waiting for the end of it."""
        self._there(self.engine.close)

    def _there(self, deed: Callable[[], None]) -> None:
        if self.home is None:
            deed()
        elif not self.home.is_closed():
            self.home.call_soon_threadsafe(deed)

    @at_home
    async def aclose(self) -> None:
        """Stops what is under way."""
        await self.engine.aclose()
        await self._exchanges.ended()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
        await self.outside.aclose()

    @property
    def app(self) -> "Application":
        """An ASGI application that answers every request in this world, whatever its key."""
        from mockserver.app import Application  # noqa: PLC0415 - it imports this module

        async def this(request: Request) -> World:
            request.path = naming.split(request.path)[1]
            return self

        return Application(this, self.aclose)

    # --- other ways in

    def transport(self) -> "Transport":
        """A transport for an `httpx.AsyncClient` or an `httpx.Client`; no socket, any host."""
        from mockserver.ways.transport import Transport  # noqa: PLC0415 - not always needed

        return Transport(self.app)

    def respx(self, router: "respx.Router") -> "respx.Route":
        """Adds a route to a router of respx that answers in this world; the route.

        Raises:
            RuntimeError: respx is not installed.
        """
        from mockserver.ways.respx_routes import add_to  # noqa: PLC0415 - the same

        return add_to(router, self.app, [provider.base_path for provider in self.providers])

    @property
    def sync(self) -> "SyncWorld":
        """Its clock for code that does not await."""
        from mockserver.ways.sync import SyncWorld  # noqa: PLC0415 - the same

        return SyncWorld(self)


async def _check_input(role: Role, data: bytes) -> str | None:
    return await asyncio.to_thread(input_fault, role, data)
