"""A new beginning while something is under way; worlds that are closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from mockserver import MockServer, Settings, World
from mockserver.engine.journal import Moved, Transition
from mockserver.record.replay import ReplayError, replay
from mockserver.record.worldfile import save
from mockserver.settings import ClockKind
from mockserver.wire.http import ReplyLost
from tests.mockserver.drivers import Client, Receiver

HOOK = "http://127.0.0.1:9/hook"


@asynccontextmanager
async def opened(**more: Any) -> AsyncIterator[tuple[World, Client]]:
    ways = {name: more.pop(name) for name in ("callback_transport",) if name in more}
    async with World(settings=Settings(**more), **ways) as world:
        transport = httpx.ASGITransport(app=world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            yield world, Client(http)


async def turns() -> None:
    for _ in range(30):
        await asyncio.sleep(0)


@pytest.mark.parametrize("clock", ["frozen", "real"])
@pytest.mark.parametrize("how", ["reset", "restore"])
async def test_a_request_that_slept_is_no_part_of_the_new_life(clock: ClockKind, how: str) -> None:
    async with opened(clock=clock, faults=("submit#1:slow=600s",)) as (world, client):
        snapshot = world.fork()
        asking = asyncio.create_task(client.pictory())
        await turns()
        await (world.reset() if how == "reset" else world.restore(snapshot))

        with pytest.raises(ReplyLost):
            await asyncio.wait_for(asking, 10)
        assert (len(world.jobs), world.ledger.total, world.journal.length) == (0, {}, 0)


async def test_a_move_that_was_under_way_leaves_the_new_life_alone() -> None:
    asked, go = asyncio.Event(), asyncio.Event()

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            asked.set()
            await go.wait()
            return httpx.Response(200)

    async with opened(
        clock="frozen", queue_seconds=0, run_seconds=5, callback_transport=Slow()
    ) as (world, client):
        await client.pictory(webhook=HOOK)
        moving = asyncio.create_task(world.advance(60))
        await asked.wait()
        await world.reset()
        await client.pictory("another film")
        await world.advance(7)
        go.set()
        happened = await moving

        assert [line.seconds for line in world.journal.of(Moved)] == [7]
        assert {line.job for line in happened} == {happened[0].job}
        assert world.jobs.find(happened[0].job or "") is None
        await replay(save(world))


async def test_the_end_of_a_move_that_never_began_is_found_out_by_a_replay() -> None:
    file = save(World(settings=Settings(clock="frozen")))
    broken = file.replace(b'"inputs":[\n', b'"inputs":[\n{"what":"ended","at":1,"line":1},\n', 1)

    with pytest.raises(ReplayError, match="no move of time began as line 1"):
        await replay(broken)


@pytest.mark.parametrize("clock", ["real", "auto-skip", "frozen"])
async def test_a_receiver_may_reset_the_world_that_calls_it(clock: ClockKind) -> None:
    done = asyncio.Event()

    class Resetting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            await world.reset()
            done.set()
            return httpx.Response(200)

    async with opened(
        clock=clock, queue_seconds=0, run_seconds=0.02, callback_transport=Resetting()
    ) as (world, client):
        await client.pictory(webhook=HOOK)
        if clock == "frozen":
            await world.run_until_idle()
        await asyncio.wait_for(done.wait(), 10)
        await turns()

        assert len(world.jobs) == 0
        assert await client.pictory_id()


async def test_a_world_that_is_replaced_sends_no_more_callbacks() -> None:
    receiver = Receiver()
    settings = Settings(clock="real", queue_seconds=0, run_seconds=0.05)
    async with MockServer(settings, callback_transport=receiver.transport) as server:
        transport = httpx.ASGITransport(app=server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            await Client(http).pictory(webhook=HOOK)
            server.world("default", Settings(clock="frozen"))
            await asyncio.sleep(0.2)

            assert receiver.urls == []


async def test_in_a_world_that_was_forgotten_nothing_comes_of_a_request_that_slept() -> None:
    receiver = Receiver()
    settings = Settings(
        clock="real", queue_seconds=0, run_seconds=0.02, faults=("submit#1:slow=20s",)
    )
    async with MockServer(settings, callback_transport=receiver.transport) as server:
        transport = httpx.ASGITransport(app=server.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            asking = asyncio.create_task(Client(http).pictory(webhook=HOOK))
            world = server.world()
            await turns()
            await server.forget("default")
            await asyncio.wait_for(asking, 10)
            await asyncio.sleep(0.1)

            assert receiver.urls == []
            assert world.journal.of(Transition) == []


async def test_a_client_that_gives_up_before_an_early_callback_is_answered_leaves_its_request() -> (
    None
):
    go = asyncio.Event()

    class Slow(httpx.AsyncBaseTransport):
        async def handle_async_request(self, _: httpx.Request) -> httpx.Response:
            await go.wait()
            return httpx.Response(200)

    async with opened(
        clock="frozen", faults=("submit#1:callback-first",), callback_transport=Slow()
    ) as (world, client):
        asking = asyncio.create_task(client.text_video(replyUrl=HOOK))
        await turns()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        go.set()
        await world.run_until_idle()

        assert [line.status for line in world.journal.requests] == [200]
        assert world.job("job1").early == ()
        await replay(save(world))
