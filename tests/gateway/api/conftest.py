"""The application in process, with an engine that stands still."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import httpx
import pytest
from litestar import Litestar

from gateway.api.auth import Keys
from gateway.app import build
from gateway.config.settings import (
    AccountSettings,
    DatabaseSettings,
    MediaSettings,
    RouteSettings,
    ServerSettings,
    Settings,
)
from gateway.engine.loop import Engine
from gateway.engine.tools import Tools
from gateway.model.ids import new_id
from gateway.model.job import Job, Result
from gateway.model.phases import Phase
from gateway.model.request import CreateVideo
from gateway.net import Upstream
from gateway.storage import Database, jobs
from providers.contract import Secret
from tests.rig import picture

KEY = "first-key-of-the-tests"
OTHER = "second-key-of-the-tests"
OPERATOR = "operators-key-of-the-tests"
"""Configured wherever there are keys."""
EMAIL = "ops@example.com"
FILM = bytes(range(256)) * 40
PICTURE = picture()
PROMPT = "A paper boat drifts down a rainy street at dusk."


def owner_of(key: str) -> str:
    """Whose jobs a key makes."""
    return Keys([Secret(key)]).caller(f"Bearer {key}").owner


def raising(error: Exception) -> Callable[..., Any]:
    """What stands for `Database.read` or `write` where the database has trouble."""

    async def run(*_: Any, **__: Any) -> Any:
        raise error

    return run


def bearer(key: str) -> dict[str, str]:
    """The headers that show a key."""
    return {"authorization": f"Bearer {key}"}


class Gate:
    """A running gateway and a client of it."""

    def __init__(self, app: Litestar, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client
        self.engine: Engine = app.state.engine
        self.tools: Tools = self.engine.tools

    async def job(self, *, key: str = KEY, phase: Phase = Phase.COMPLETED, **values: Any) -> Job:
        """A job of this key, put into the database as it stands; finished ones have a film."""
        result = None
        if phase is Phase.COMPLETED:
            result = Result(
                digest=self.tools.media.save(FILM),
                media_type="video/mp4",
                bytes=len(FILM),
                duration_ms=5000,
                width=1280,
                height=720,
            )
        now = self.tools.clock.now()
        facts: dict[str, Any] = {
            "id": new_id("video"),
            "owner": owner_of(key),
            "phase": phase,
            "request": CreateVideo(prompt=PROMPT),
            "choices": (),
            "created_at": now,
            "updated_at": now,
            "due_at": None,
            "result": result,
        }
        job = Job(**(facts | values))
        await self.tools.database.write(lambda connection: jobs.insert_job(connection, job))
        return job

    async def file(
        self, content: bytes = PICTURE, headers: Mapping[str, str] = MappingProxyType({})
    ) -> str:
        """Upload a picture as the client's key; its id."""
        answer = await self.client.post(
            "/v1/files", content=content, headers={"content-type": "image/png", **headers}
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    async def content(self) -> str:
        """The path of a finished video."""
        return f"/v1/videos/{(await self.job()).id}/content"


Opened = Callable[..., AbstractAsyncContextManager[Gate]]


def settings(folder: Path, *keys: str) -> Settings:
    return Settings(
        server=ServerSettings(
            public_url="https://gate.test",
            api_keys=tuple(Secret(key) for key in keys),
            operator_keys=(Secret(OPERATOR),) if keys else (),
        ),
        database=DatabaseSettings(url=f"sqlite:///{folder / 'gate.db'}"),
        media=MediaSettings(directory=folder / "media"),
        accounts=(
            AccountSettings(
                name="pixverse",
                provider="useapi-pixverse",
                api_key=Secret("key-at-the-provider"),
                email=EMAIL,
            ),
            AccountSettings(
                name="pictory", provider="pictory", api_key=Secret("other-key-at-the-provider")
            ),
        ),
        routes={"default": RouteSettings(targets=("useapi-pixverse/v3.5", "pictory/pixverse5.5"))},
    )


def _nobody(request: httpx.Request) -> httpx.Response:
    raise AssertionError(f"nothing may leave the gateway: {request.url}")


def in_process(app: Any) -> httpx.ASGITransport:
    """`Any`, since the frameworks write ASGI's types in ways that do not match each other."""
    return httpx.ASGITransport(app=app)


@asynccontextmanager
async def living(app: Litestar) -> AsyncIterator[None]:
    """The application's lifespan, entered and left by one task as its cancel scopes ask for;
    the two halves of a fixture are not."""
    up, down = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        async with app.lifespan():
            up.set()
            await down.wait()

    life = asyncio.create_task(live())
    rising = asyncio.create_task(up.wait())
    await asyncio.wait({life, rising}, return_when=asyncio.FIRST_COMPLETED)
    rising.cancel()
    try:
        yield
    finally:
        down.set()
        await life


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables, to be copied: making it takes longer than most tests."""
    path = tmp_path_factory.mktemp("database") / "gate.db"
    database = Database(path)
    database.migrate()
    database.close()
    return path


@pytest.fixture
def opened(tmp_path: Path, empty_database: Path) -> Opened:
    """Opens a gateway with these API keys."""

    @asynccontextmanager
    async def open_(*keys: str) -> AsyncIterator[Gate]:
        shutil.copy(empty_database, tmp_path / "gate.db")
        transport = httpx.MockTransport(_nobody)
        upstream = Upstream((), provider_transport=transport, media_transport=transport)
        app = await build(settings(tmp_path, *keys), upstream=upstream)
        engine: Engine = app.state.engine
        # Jobs stay as they are put: what is under test here is the API alone.
        engine.start = engine.prepare  # type: ignore[method-assign]
        async with (
            living(app),
            httpx.AsyncClient(transport=in_process(app), base_url="http://gate.test") as client,
        ):
            yield Gate(app, client)

    return open_


@pytest.fixture
async def gate(opened: Opened) -> AsyncIterator[Gate]:
    """A gateway with two keys; its client shows the first."""
    async with opened(KEY, OTHER) as found:
        found.client.headers["authorization"] = f"Bearer {KEY}"
        yield found


@pytest.fixture
def operator(gate: Gate) -> Gate:
    """The gateway, and a client that shows the operator's key."""
    gate.client.headers.update(bearer(OPERATOR))
    return gate
