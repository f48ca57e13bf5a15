"""The five clocks, through the wire."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import Context
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest

from mockserver import NeverError, Settings, World
from mockserver.engine.journal import Delivery, Exchange, Moved, Transition
from mockserver.testing.loop import run
from tests.mockserver.drivers import PICTORY, Client, Receiver

HOOK = "http://127.0.0.1:9/hook"


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[tuple[World, Client]]:
    receiver = Receiver()
    async with World(settings=Settings(**settings), callback_transport=receiver.transport) as world:
        transport = httpx.ASGITransport(app=world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            yield world, Client(http)


async def status(client: Client, job_id: str) -> str:
    return str((await client.pictory_job(job_id))["data"]["status"])


async def test_advance_tells_what_happened_in_order_callbacks_and_answers_included() -> None:
    async with opened(clock="frozen") as (world, client):
        job_id = await client.pictory_id(webhook=HOOK)
        happened = await world.advance(60)

        assert [(type(line), line.at) for line in happened] == [
            (Transition, 5),
            (Transition, 50),
            (Delivery, 50),
        ]
        assert {line.job for line in happened} == {job_id}
        (delivery,) = [line for line in happened if isinstance(line, Delivery)]
        assert (delivery.status, delivery.answer) == (200, "thanks")
        causes = {line.n: line.cause for line in happened}
        assert causes[delivery.n] == happened[1].n
        assert causes[happened[1].n] == happened[0].n
        assert causes[happened[0].n] == 1


async def test_what_a_receiver_asks_because_of_a_callback_is_part_of_the_move() -> None:
    later: list[asyncio.Task[Any]] = []

    async with World(settings=Settings(clock="frozen")) as world:
        transport = httpx.ASGITransport(app=world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            client = Client(http)

            def answer(_: httpx.Request) -> httpx.Response:
                later.append(asyncio.create_task(client.pictory_job(job_id)))
                return httpx.Response(202)

            world.outside.send_callbacks_through(httpx.MockTransport(answer))
            job_id = await client.pictory_id(webhook=HOOK)
            happened = await world.advance(60)
            assert isinstance(happened[-1], Exchange)
            assert happened[-1].told == ((job_id, "completed"),)
            await asyncio.gather(*later)


async def test_time_goes_on_until_a_job_has_come_so_far() -> None:
    async with opened(clock="frozen") as (world, client):
        first = await client.pictory_id("dawn at sea")
        second = await client.pictory_id("dusk at sea [[mock fail=moderated run=90s]]")

        await world.advance_until(first, "running")
        assert world.clock.now() == 5
        await world.advance_until(first, "completed")
        assert world.clock.now() == 50
        await world.advance_until("job2")
        assert world.clock.now() == 95
        with pytest.raises(NeverError, match="moderated and does not get to be completed"):
            await world.advance_until(second, "completed")
        with pytest.raises(KeyError):
            await world.advance_until("nobody")
        moves = [line.seconds for line in world.journal.of(Moved)]
        assert moves == [5, 45, 45]


async def test_time_goes_on_until_nothing_is_due_any_more() -> None:
    async with opened(clock="frozen") as (world, client):
        await client.pictory("dawn at sea [[mock run=10m]]")
        await world.run_until_idle()

        assert world.clock.now() == 605
        assert await world.run_until_idle() == ()
        await client.pictory("dusk at sea [[mock run=10m]]")
        with pytest.raises(NeverError, match="still due"):
            await world.run_until_idle(limit=60)


async def test_each_look_at_a_job_moves_the_per_poll_clock() -> None:
    async with opened(clock="per-poll", poll_seconds=15) as (world, client):
        job_id = await client.pictory_id()
        looks = [await status(client, job_id) for _ in range(5)]

        assert looks == ["in-progress"] * 3 + ["completed"] * 2
        assert world.clock.now() == 75
        await client.http.get("/pictoryapis/v1/quota", headers=PICTORY)
        assert world.clock.now() == 75


async def test_a_skipping_clock_lives_through_a_job_while_its_client_waits() -> None:
    async with opened(clock="auto-skip") as (world, client):
        job_id = await client.pictory_id(webhook=HOOK)
        for _ in range(200):
            await asyncio.sleep(0.02)
            if world.journal.deliveries:
                break

        assert await status(client, job_id) == "completed"
        assert world.clock.now() == 50
        assert [delivery.at for delivery in world.journal.deliveries] == [50]


def test_a_scaled_clock_goes_as_many_times_as_fast() -> None:
    async def main() -> tuple[list[str], list[float | None], float]:
        async with opened(clock="scaled", speed=1000) as (world, client):
            job_id = await client.pictory_id()
            looks: list[str] = []
            while not looks or looks[-1] != "completed":
                await asyncio.sleep(0.02)
                looks.append(await status(client, job_id))
            return looks, [job.ended_at for job in world.jobs], world.clock.now()

    looks, ends, seconds = run(main())

    assert looks == ["in-progress"] * 2 + ["completed"]
    assert ends == [pytest.approx(50)]
    assert seconds == pytest.approx(60)


def test_on_a_loop_of_virtual_time_unchanged_polling_sees_a_real_life() -> None:
    async def main() -> tuple[list[str], float]:
        loop = asyncio.get_running_loop()
        async with opened(clock="real") as (world, client):
            job_id = await client.pictory_id()
            looks: list[str] = []
            while not looks or looks[-1] != "completed":
                await asyncio.sleep(15)
                looks.append(await status(client, job_id))
            assert world.clock.now() == pytest.approx(loop.time(), abs=0.01)
            return looks, world.clock.now()

    looks, seconds = run(main())

    assert looks == ["in-progress"] * 3 + ["completed"]
    assert seconds == pytest.approx(60)


async def test_dates_and_time_stamps_follow_the_clock() -> None:
    epoch = datetime(2030, 5, 1, tzinfo=UTC)
    async with opened(clock="frozen", epoch=epoch) as (world, client):
        await client.text_video()
        await world.advance(90)
        answer = await client.useapi("/videos")

        assert parsedate_to_datetime(answer.headers["date"]) == datetime(
            2030, 5, 1, 0, 1, 30, tzinfo=UTC
        )
        assert answer.json()["data"][0]["created_at"] == "2030-05-01T00:00:00Z"


async def test_links_and_rate_windows_follow_the_clock() -> None:
    async with opened(clock="frozen", link_seconds=600, file_seconds=3, requests_per_minute=4) as (
        world,
        client,
    ):
        job_id = await client.pictory_id()
        await world.advance(50)
        url = (await client.pictory_job(job_id))["data"]["url"]
        statuses = []
        for seconds in (0, 3, 596, 2):
            await world.advance(seconds)
            statuses.append((await client.http.get(url)).status_code)
        assert statuses == [404, 200, 200, 404]

        answers = [await client.pictory(f"dawn {n}") for n in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429]
        assert answers[-1].headers["retry-after"] == "60"
        await world.advance(60)
        assert (await client.pictory("noon at sea")).status_code == 200


@pytest.mark.parametrize(("seconds", "said"), [(-1, "back"), (1e12, "ten years")])
async def test_time_is_moved_neither_backwards_nor_out_of_the_calendar(
    seconds: float, said: str
) -> None:
    async with opened(clock="frozen") as (world, _):
        with pytest.raises(ValueError, match=said):
            await world.advance(seconds)


async def test_a_client_that_polls_fast_does_not_keep_a_skipping_clock_from_skipping() -> None:
    async with opened(clock="auto-skip") as (_, client):
        job_id = await client.pictory_id()
        for _ in range(500):
            if await status(client, job_id) == "completed":
                break
            await asyncio.sleep(0.005)

        assert await status(client, job_id) == "completed"


def test_on_a_loop_of_virtual_time_a_world_is_as_old_as_the_loop() -> None:
    async def main() -> float:
        async with opened(clock="real") as (world, _):
            await asyncio.sleep(600)
            return world.clock.now()

    assert run(main(), start=50) == pytest.approx(600)


async def test_each_look_at_a_list_of_jobs_moves_the_per_poll_clock_too() -> None:
    async with opened(clock="per-poll", poll_seconds=15) as (world, client):
        await client.text_video()
        lists = [(await client.useapi("/videos/")).json()["data"] for _ in range(4)]
        assert lists[-1][0]["video_status_name"] == "COMPLETED"
        assert world.clock.now() == 60
        await client.http.get("/pictoryapis/v1/jobs", headers=PICTORY)
        assert world.clock.now() == 75
        await client.useapi("/scheduler/")
        assert world.clock.now() == 75


@pytest.mark.parametrize("faults", [(), ("submit#1:callback-first",)])
async def test_a_receiver_that_looks_the_job_up_moves_no_per_poll_clock(
    faults: tuple[str, ...],
) -> None:
    looks: list[str] = []
    async with World(settings=Settings(clock="per-poll", poll_seconds=60, faults=faults)) as world:
        transport = httpx.ASGITransport(app=world.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http:
            client = Client(http)

            async def answer(request: httpx.Request) -> httpx.Response:
                # As over a socket: the look is no part of what sent the callback.
                job_id = json.loads(request.content)["job_id"]
                look = asyncio.get_running_loop().create_task(
                    status(client, job_id), context=Context()
                )
                looks.append(await asyncio.wait_for(look, 2))
                return httpx.Response(200)

            world.outside.send_callbacks_through(httpx.MockTransport(answer))
            job_id = await client.pictory_id(webhook=HOOK)
            assert await status(client, job_id) == "completed"

            assert looks == ["completed"]
            assert world.clock.now() == 60


async def test_moves_that_queue_stand_one_after_the_other_in_the_journal() -> None:
    async with opened(clock="frozen") as (world, client):
        await client.pictory(webhook=HOOK)
        await asyncio.gather(*(world.advance(6) for _ in range(10)))

        moves = [(line.at, line.seconds) for line in world.journal.of(Moved)]
        assert moves == [(6 * n, 6) for n in range(10)]
