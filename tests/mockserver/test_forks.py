"""What a fork has of what was under way, and when it begins to live."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from mockserver import MockServer, Settings, World
from mockserver.record.replay import replay
from mockserver.record.worldfile import journal_bytes, save
from mockserver.settings import ClockKind
from mockserver.testing.loop import run
from tests.mockserver.drivers import Client

HOOK = "http://127.0.0.1:9/hook"
PICTURE = "http://127.0.0.1:9/a.png"


class Gate(httpx.AsyncBaseTransport):
    """Answers nobody until it is opened."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.asked, self.opened = asyncio.Event(), asyncio.Event()
        self.bodies: list[bytes] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.set()
        self.bodies.append(request.content if request.method == "POST" else b"")
        await self.opened.wait()
        return httpx.Response(self.status)


@asynccontextmanager
async def opened(
    settings: Settings, base: str = "http://mock.test", **ways: Any
) -> AsyncIterator[tuple[MockServer, Client]]:
    server = MockServer(settings, **ways)
    transport = httpx.ASGITransport(app=server.app)
    async with server, httpx.AsyncClient(transport=transport, base_url=base) as http:
        yield server, Client(http)


async def until_ended(world: World) -> None:
    async with asyncio.timeout(10):
        while not all(job.ended for job in world.jobs):  # noqa: ASYNC110 - the wall's time
            await asyncio.sleep(0.01)


async def test_a_link_from_before_the_fork_leads_to_the_same_film_in_it() -> None:
    async with opened(Settings(clock="frozen"), "http://127.0.0.1:9") as (server, client):
        origin = server.world()
        job_id = await client.pictory_id()
        await origin.run_until_idle()
        url = (await client.pictory_job(job_id))["data"]["url"]
        await client.pictory("what comes then", extendVideoUrl=url)
        fork = origin.fork("first").fork("second")
        await fork.run_until_idle()

        assert str(fork.job("job2").phase) == "completed"
        assert [source.data is not None for source in fork.job("job2").material] == [True]


async def test_what_waits_for_a_slow_receiver_is_due_in_the_fork_too() -> None:
    gate = Gate()
    settings = Settings(clock="real", queue_seconds=0, run_seconds=0.05)
    async with opened(settings, callback_transport=gate) as (server, client):
        await client.text_video(replyUrl=HOOK)
        await gate.asked.wait()
        await asyncio.sleep(0.1)
        fork = server.world().fork("fork")
        gate.opened.set()
        await fork.run_until_idle()
        phase = str(fork.job("job1").phase)
        await fork.aclose()

        assert phase == "completed"


@pytest.mark.parametrize("clock", ["frozen", "real"])
async def test_an_input_that_was_being_fetched_is_fetched_in_the_fork_too(clock: ClockKind) -> None:
    gate = Gate(404)
    settings = Settings(clock=clock, queue_seconds=0, run_seconds=60)
    async with World(settings=settings, input_transport=gate) as world:
        transport = httpx.ASGITransport(app=world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            await Client(http).pictory(firstFrameImageUrl=PICTURE, webhook=HOOK)
        moving = asyncio.create_task(world.advance(10))
        await gate.asked.wait()
        fork = world.fork()
        gate.opened.set()
        await moving
        await fork.run_until_idle()
        again = await replay(save(fork))
        await fork.aclose()

        assert [str(job.phase) for job in fork.jobs] == ["failed"]
        assert len(gate.bodies) == 2
        assert journal_bytes(again) == journal_bytes(fork)


@pytest.mark.parametrize("clock", ["real", "auto-skip"])
async def test_a_fork_that_is_added_lives_though_nobody_asks_anything(clock: ClockKind) -> None:
    settings = Settings(clock=clock, queue_seconds=0, run_seconds=0.1)
    async with opened(settings) as (server, client):
        await client.pictory()
        fork = server.world().fork("fork")
        server.add(fork)
        await until_ended(fork)


@pytest.mark.parametrize("clock", ["real", "auto-skip"])
async def test_a_restored_world_lives_though_nobody_asks_anything(clock: ClockKind) -> None:
    settings = Settings(clock=clock, queue_seconds=0, run_seconds=0.1)
    async with opened(settings) as (server, client):
        await client.pictory()
        world = server.world()
        snapshot = world.fork()
        await world.restore(snapshot)
        await until_ended(world)


@pytest.mark.parametrize("clock", ["real", "auto-skip"])
async def test_a_fork_by_itself_lives_as_soon_as_its_control_api_is_asked(clock: ClockKind) -> None:
    settings = Settings(clock=clock, queue_seconds=0, run_seconds=0.1)
    async with opened(settings) as (server, client):
        await client.pictory()
        fork = server.world().fork("fork")
        transport = httpx.ASGITransport(app=fork.app)
        async with fork, httpx.AsyncClient(transport=transport, base_url="http://m.test") as http:
            await http.get("/__mock/jobs")
            await until_ended(fork)


def test_a_snapshot_is_as_old_as_it_was_however_often_it_is_looked_at() -> None:
    async def main() -> list[float]:
        async with opened(Settings(clock="scaled", speed=1000)) as (_, client):
            await client.pictory()
            await asyncio.sleep(0.01)
            kept = (await client.http.post("/__mock/snapshots/a")).json()["now"]
            for _ in range(3):
                await client.http.get("/__mock/snapshots")
                await asyncio.sleep(0.02)
            (listed,) = (await client.http.get("/__mock/snapshots")).json()["snapshots"]
            restored = (await client.http.post("/__mock/snapshots/a/restore")).json()["now"]
            return [kept, listed["now"], restored]

    assert run(main()) == pytest.approx([10, 10, 10])


async def test_a_restored_world_sends_nothing_of_what_was_undone() -> None:
    gate = Gate()
    gate.opened.set()
    settings = Settings(clock="real", queue_seconds=0, run_seconds=0.05)
    async with opened(settings, callback_transport=gate) as (server, client):
        world = server.world()
        snapshot = world.fork()
        await client.pictory("an undone film", webhook=HOOK)
        await world.restore(snapshot)
        await client.pictory("a film that stays", webhook=HOOK)
        await until_ended(world)
        await world.run_until_idle()

        told = {json.loads(body)["job_id"] for body in gate.bodies}
        assert told == {job.id for job in world.jobs}
