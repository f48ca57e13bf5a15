"""Gateway and mock providers in one process, on one clock that only tests move."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import copy
from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from random import Random
from typing import Any, Final

import httpx
from litestar import Litestar
from PIL import Image
from sqlalchemy import Connection, select

from gateway.app import build_app, build_tools
from gateway.config import (
    AccountSettings,
    DatabaseSettings,
    MediaSettings,
    RouteSettings,
    ServerSettings,
    Settings,
)
from gateway.engine.loop import Engine
from gateway.engine.sharing import Locks, Turns
from gateway.engine.tools import Tools
from gateway.model.clock import SECOND
from gateway.model.ids import new_id
from gateway.model.inputs import StoredInput
from gateway.model.job import Job, Moment, Result
from gateway.model.parse import Parsed, parse_create
from gateway.model.phases import HOLDS_SLOT, Phase
from gateway.model.request import CreateVideo
from gateway.net import Upstream
from gateway.storage import holdings, jobs, ledger, orphans, standings, tables
from gateway.storage.orphans import Orphan
from gateway.storage.rows import COLUMNS, job_of
from gateway.storage.standings import Standing
from mockserver import Account as MockAccount
from mockserver import Settings as MockSettings
from mockserver import World
from mockserver.pictory import EXAMPLE_KEY
from mockserver.pixverse import EXAMPLE_TOKEN
from providers.contract import Secret

EPOCH: Final = 1_800_000_000
GATE: Final = "http://127.0.0.1:8080"
MOCK: Final = "http://mock.test"


def every_job(connection: Connection) -> list[Job]:
    """All jobs there are, the oldest first."""
    rows = connection.execute(select(*COLUMNS).order_by(tables.jobs.c.id))
    return [job_of(tuple(row)) for row in rows]


def picture(color: str = "orange", size: tuple[int, int] = (64, 36)) -> bytes:
    """A small real PNG."""
    out = BytesIO()
    Image.new("RGB", size, color).save(out, "PNG")
    return out.getvalue()


def pixverse(name: str = "pixverse-a", **values: Any) -> AccountSettings:
    """An account at the mock PixVerse."""
    facts: dict[str, Any] = {
        "provider": "useapi-pixverse",
        "api_key": Secret(EXAMPLE_TOKEN),
        "email": "ops@example.com",
        "base_url": f"{MOCK}/v2/pixverse",
        "max_jobs": 3,
    }
    return AccountSettings(name=name, **(facts | values))


def pictory(name: str = "pictory-main", **values: Any) -> AccountSettings:
    """An account at the mock Pictory."""
    facts: dict[str, Any] = {
        "provider": "pictory",
        "api_key": Secret(EXAMPLE_KEY),
        "base_url": f"{MOCK}/pictoryapis",
        "max_jobs": 3,
    }
    return AccountSettings(name=name, **(facts | values))


def asked(body: dict[str, Any]) -> CreateVideo:
    """A request as the API would read it."""
    parsed = parse_create(body, plain_http=lambda _: True)
    assert isinstance(parsed, Parsed), parsed
    return parsed.request


def is_submit(request: httpx.Request) -> bool:
    """Whether a request to a provider asks for a video."""
    return request.method == "POST" and "files" not in request.url.path


class Wire(httpx.AsyncBaseTransport):
    """A way to an application in this process, with a place to meddle.

    `meddle` sees each request first: it may raise, answer, or return None to let it pass.
    `spoil` sees each request once the application has answered it: it may raise, or wait.
    """

    def __init__(self, app: Any = None) -> None:
        self.app = app
        self.requests: list[httpx.Request] = []
        self.meddle: Callable[[httpx.Request], httpx.Response | None] = lambda _: None
        self.spoil: Callable[[httpx.Request], Awaitable[None]] | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.meddle(request)
        if answer is not None:
            return answer
        response = await httpx.ASGITransport(app=self.app).handle_async_request(request)
        if self.spoil is not None:
            await self.spoil(request)
        return response


class Application:
    """The gateway's application, built when somebody first calls: many tests need none."""

    def __init__(self, settings: Settings, tools: Tools) -> None:
        self._settings, self._tools = settings, tools
        self.engine = Engine(tools)
        self._app: Litestar | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if self._app is None:
            self._app = build_app(self._settings, self._tools)
            self._app.state.engine = self.engine
        await self._app(scope, receive, send)


class Rig:
    """What a test holds: the mock, the engine, the application, and time."""

    def __init__(self, mock: World, tools: Tools, app: Any, wires: dict[str, Wire]) -> None:
        self.mock, self.tools, self.app = mock, tools, app
        self.engine: Engine = app.engine
        self.provider_wire = wires["provider"]
        self.media_wire = wires["media"]

    def now(self) -> int:
        """The gateway's time, which is the mock's."""
        return self.tools.clock.now()

    async def create(self, **body: Any) -> str:
        """Accept a job as the API would; its id."""
        return await self.create_of("tester", **body)

    async def create_of(self, owner: str, **body: Any) -> str:
        """Accept a job of some owner; its id."""
        return (await self.engine.accept(asked(body), owner)).job.id

    async def job(self, job_id: str) -> Job:
        """The job as it is stored."""
        found = await self.tools.database.read(lambda connection: jobs.get(connection, job_id))
        assert found is not None
        return found

    async def every_job(self) -> list[Job]:
        """All jobs there are, the oldest first."""
        return await self.tools.database.read(every_job)

    async def history(self, job_id: str) -> list[Moment]:
        """Everything that happened to a job."""
        return await self.tools.database.read(lambda connection: jobs.history(connection, job_id))

    async def events(self, job_id: str) -> list[str]:
        """The names of everything that happened to a job."""
        return [moment.event for moment in await self.history(job_id)]

    async def attempts(self, job_id: str) -> list[ledger.Attempt]:
        """The attempts of a job, first to last."""
        return await self.tools.database.read(lambda connection: ledger.of_job(connection, job_id))

    async def settle(self) -> None:
        """Let the engine do all that is due at this moment."""
        for turn in range(200):
            if not await self.engine.turn():
                # Nothing done, nothing broken: looking costs more than such a turn.
                if turn:
                    await self.check_slots()
                    await self.check_bytes()
                return
        raise AssertionError("the engine does not come to rest")

    async def wait(self, seconds: float, step: float = 1.0) -> None:
        """Let time go by, the engine and the providers working as it does."""
        left = seconds
        while left > 0:
            await self.mock.advance(min(step, left))
            await self.settle()
            left -= step

    async def until_ended(self, seconds: float, step: float) -> None:
        """Let time go by until every job has ended, but no more than that."""
        await self.settle()
        while seconds > 0 and any(one.completed_at is None for one in await self.every_job()):
            await self.wait(step, step=step)
            seconds -= step

    async def check_slots(self) -> None:
        """Slots taken, attempts in flight and jobs at a provider are the same set."""

        def read(connection: Any) -> tuple[set[str], set[str], set[str]]:
            held = {
                row.attempt_id
                for row in connection.execute(tables.slots.select())
                if row.attempt_id is not None
            }
            attempts = {row.id: row.state for row in connection.execute(tables.attempts.select())}
            flying = {name for name, state in attempts.items() if state in ledger.IN_FLIGHT}
            there = {
                row.attempt_id
                for row in connection.execute(tables.jobs.select())
                # One that was rendered, or overdue, and is looked at again has no slot any more.
                if row.phase in HOLDS_SLOT
                and row.remote_url is None
                and attempts[row.attempt_id] != ledger.State.OVERDUE
            }
            return held, flying, there

        held, flying, there = await self.tools.database.read(read)
        assert held == flying == there

    async def check_bytes(self) -> None:
        """Whatever a job or a file needs is held for it, and is on the disk."""

        def read(connection: Any) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
            needed = {row.id: {row.digest} for row in connection.execute(tables.files.select())}
            for job in every_job(connection):
                inputs = [one.value for one in job.request.given]
                needed[job.id] = {
                    one.digest
                    for one in (*inputs, *job.kept.values(), job.result)
                    if isinstance(one, StoredInput | Result)
                }
            held = {
                holder: set(holdings.of(connection, holder))
                for holder in {row.holder for row in connection.execute(tables.holdings.select())}
                if holder != holdings.DOOMED
            }
            return {name: digests for name, digests in needed.items() if digests}, held

        needed, held = await self.tools.database.read(read)
        assert held == needed
        for digest in set().union(*needed.values()):
            assert self.tools.media.path(digest).exists()

    async def phase(self, job_id: str) -> Phase:
        """Where a job stands."""
        return (await self.job(job_id)).phase

    async def orphans(self) -> list[Orphan]:
        """What was paid for and belongs to nobody."""
        page = await self.tools.database.read(lambda one: orphans.page(one, limit=100))
        return list(page.items)

    async def standing(self, account: str) -> Standing:
        """How an account stands."""
        found = await self.tools.database.read(
            lambda connection: standings.standings(connection, self.now())
        )
        return next(one for one in found if one.name == account)

    def submits(self) -> int:
        """Requests that asked the mock for a video."""
        return sum(
            1
            for one in self.mock.journal.requests
            if one.method == "POST" and "files" not in one.path
        )


@asynccontextmanager
async def twin(stage: Rig) -> AsyncIterator[tuple[Rig, set[str]]]:
    """Another replica on the same database, and the names of those that are alive.

    A test takes a name out of these where that replica is dead to the others.
    """
    database = stage.tools.database
    alive = {stage.tools.replica}
    database.__dict__ |= {
        "live": alive.add,
        "lives": lambda _, replica: replica in alive,
    }
    tools = replace(
        stage.tools,
        replica=new_id("rep"),
        uploads=Locks(),
        searches=Turns(),
        lanes={},
        paid={},
    )
    made = copy(stage)
    made.tools, made.engine = tools, Engine(tools)
    try:
        await made.engine.prepare()
        yield made, alive
    finally:
        await made.engine.stop(1)
        for name in ("live", "lives"):
            del database.__dict__[name]


@asynccontextmanager
async def lasting(accounts: tuple[MockAccount, ...] = ()) -> AsyncIterator[World]:
    """Mock providers on a clock of the test's own, for one or more gateways in turn."""
    callbacks, inputs = Wire(), Wire()
    mock = World(
        # One world has one time: what a provider dates is compared with when it was asked for.
        settings=MockSettings(
            clock="frozen", epoch=datetime.fromtimestamp(EPOCH, UTC), accounts=accounts
        ),
        callback_transport=callbacks,
        input_transport=inputs,
    )
    mock.__dict__["wires"] = (callbacks, inputs)
    try:
        yield mock
    finally:
        await mock.aclose()


class RigClock:
    """The gateway's clock, read off the mock's."""

    def __init__(self, mock: World) -> None:
        self._mock = mock

    def now(self) -> int:
        return EPOCH * SECOND + round(self._mock.clock.now() * SECOND)


@asynccontextmanager
async def rig(
    folder: Path,
    *,
    accounts: Sequence[AccountSettings] | None = None,
    routes: Mapping[str, tuple[str, ...]] | None = None,
    public_url: str | None = GATE,
    mock: World | None = None,
    mock_accounts: tuple[MockAccount, ...] = (),
    seed: int = 0,
    database_url: str | None = None,
    **tables_of: Any,
) -> AsyncIterator[Rig]:
    """Gateway and mock, ready; a `mock` handed in outlives this gateway.

    The database is a file in `folder` where no `database_url` names another. `tables_of` are
    further tables of the settings, such as `money`.
    """
    if mock is None:
        async with (
            lasting(mock_accounts) as own,
            rig(
                folder,
                accounts=accounts,
                routes=routes,
                public_url=public_url,
                mock=own,
                seed=seed,
                database_url=database_url,
                **tables_of,
            ) as made,
        ):
            yield made
        return
    callbacks, inputs = mock.__dict__["wires"]
    wires = {"provider": Wire(mock.app), "media": Wire(mock.app)}
    settings = Settings(
        server=ServerSettings(public_url=public_url),
        database=DatabaseSettings(url=database_url or f"sqlite:///{folder / 'filmgate.db'}"),
        media=MediaSettings(directory=folder / "media"),
        accounts=tuple(accounts if accounts is not None else (pixverse(), pictory())),
        routes={name: RouteSettings(targets=targets) for name, targets in (routes or {}).items()},
        **tables_of,
    )
    tools = await build_tools(
        settings,
        clock=RigClock(mock),
        rng=Random(seed),
        upstream=Upstream((), provider_transport=wires["provider"], media_transport=wires["media"]),
    )
    # A server's own clock is not the mock's.
    tools.database.__dict__["time"] = lambda _: RigClock(mock).now()
    app = Application(settings, tools)
    callbacks.app = inputs.app = app
    made = Rig(mock, tools, app, wires)
    try:
        await made.engine.prepare()
        yield made
    finally:
        await made.engine.stop(1)
        await tools.upstream.aclose()
        await asyncio.to_thread(tools.database.close)
