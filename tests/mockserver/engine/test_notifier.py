"""When callbacks are sent and in which order, and what the journal says of them."""

import asyncio
import json

import httpx
import pytest

from mockserver.engine.journal import Delivery, Exchange
from mockserver.settings import ClockKind
from tests.mockserver.drivers import Receiver
from tests.mockserver.engine.callbacks_support import (
    LIFE,
    PROVIDERS,
    Name,
    opened,
    order,
    seen,
    told,
)


@pytest.mark.parametrize("name", PROVIDERS)
async def test_without_faults_each_callback_is_sent_once_and_caused_by_its_transition(
    name: Name,
) -> None:
    async with opened() as (world, client):
        await order(client, name)
        happened = await world.run_until_idle()

        assert seen(world) == LIFE[name]
        sent = [one for one in happened if isinstance(one, Delivery)]
        for one in sent:
            assert one.cause is not None
            cause = world.journal.get(one.cause)
            assert cause is not None
            assert cause.n < one.n
            assert cause.job == one.job
            assert one.faults == ()


# --- order


@pytest.mark.parametrize(
    ("faults", "expected"),
    [
        (["callback#1:reorder"], ["", "reordered", ""]),
        (["callback#2:reorder"], ["", "", "reordered"]),
        (["callback#1-2:reorder"], ["", "reordered", "reordered"]),
        (["callback#1:reorder", "callback#1:duplicate"], ["", "reordered", "duplicate", ""]),
        # What it was to overtake never comes, or comes late.
        (["callback#1:reorder", "callback#2:drop"], ["lost", "reordered", ""]),
        (["callback#2:reorder", "callback#3:drop"], ["", "lost", "reordered"]),
        (["callback#2:reorder", "callback#3:delay=9s"], ["", "late", "reordered"]),
        (["callback#2-3:reorder"], ["", "reordered", "reordered"]),
        (["callback#1:reorder", "callback#1:delay=9s"], ["late", "", ""]),
    ],
)
async def test_a_callback_that_was_overtaken_comes_after_the_next_and_is_never_lost(
    faults: list[str], expected: list[str]
) -> None:
    receiver = Receiver()
    async with opened(receiver, *faults) as (world, client):
        await order(client, "pixverse")
        await world.run_until_idle()

        assert [one.how for one in world.journal.deliveries] == expected
        assert [job.held for job in world.jobs] == [()]


async def test_two_that_were_overtaken_come_in_backward_order() -> None:
    receiver = Receiver()
    async with opened(receiver, "callback#1-2:reorder") as (world, client):
        await order(client, "pixverse")
        await world.run_until_idle()

        moments = [one.cause for one in world.journal.deliveries]
        assert moments == sorted(moments, key=lambda cause: cause or 0, reverse=True)
        assert [told(body)[1] for body in receiver.bodies] == ["COMPLETED", *["GENERATING"] * 2]


async def test_the_last_callback_of_a_job_is_overtaken_by_those_of_other_jobs() -> None:
    receiver = Receiver()
    async with opened(receiver, "callback@job1:reorder") as (world, client):
        first = await order(client, "pictory")
        second = await order(client, "pictory", "A boat on a lake")
        await world.run_until_idle()

        assert [told(body)[0] for body in receiver.bodies] == [second, first]


@pytest.mark.parametrize("how", ["untrack", "finish"])
async def test_one_held_back_goes_out_even_if_the_job_ends_otherwise(how: str) -> None:
    receiver = Receiver()
    async with opened(receiver, "callback#1:reorder") as (world, client):
        video = await order(client, "pixverse")
        await world.advance(10)
        assert receiver.bodies == []
        if how == "untrack":
            path = f"/v2/pixverse/scheduler/{video}"
            headers = {"Authorization": "Bearer user:1234-test"}
            assert (await client.http.delete(path, headers=headers)).status_code == 200
        else:
            await world.finish(video, "moderation")
        await world.run_until_idle()

        names = [told(body)[1] for body in receiver.bodies]
        assert names == (["GENERATING"] if how == "untrack" else ["MODERATED", "GENERATING"])


async def test_a_fork_sends_what_was_held_back_and_so_does_the_world_it_was_made_of() -> None:
    async with opened(Receiver(), "callback#1:reorder", "callback#3:delay=1m") as (world, client):
        await order(client, "pixverse")
        await world.advance(10)
        fork = world.fork("other")
        await world.run_until_idle()
        await fork.run_until_idle()

        assert [one.how for one in fork.journal.deliveries] == ["", "reordered", "late"]
        assert seen(fork) == seen(world)


# --- early


@pytest.mark.parametrize("name", PROVIDERS)
async def test_callbacks_may_be_answered_before_the_submit_that_they_are_about(name: Name) -> None:
    replied = False
    heard = list[bool]()

    def hear(_: httpx.Request) -> httpx.Response:
        heard.append(replied)
        return httpx.Response(200)

    line = "submit#1:callback-first"
    async with opened(httpx.MockTransport(hear), line) as (world, client):
        await order(client, name)
        replied = True

        assert heard == [False] * len(LIFE[name])
        assert seen(world) == [("early", phase, 0) for _, phase, _ in LIFE[name]]
        assert {one.faults for one in world.journal.deliveries} == {(line,)}
        submit = world.journal.of(Exchange)[0]
        assert submit.faults == (line,)
        assert submit.n < world.journal.deliveries[0].n
        # The life that had been planned for it does not happen once more.
        assert await world.run_until_idle() == ()


async def test_an_early_callback_can_be_odd_in_other_ways_too() -> None:
    lines = ("submit#1:callback-first", "callback#1:reorder", "callback#3:delay=9s")
    async with opened(Receiver(), *lines) as (world, client):
        await order(client, "pixverse")
        assert [one.how for one in world.journal.deliveries] == ["early", "reordered"]
        await world.run_until_idle()

        assert [one.how for one in world.journal.deliveries] == ["early", "reordered", "late"]
        assert world.journal.deliveries[1].faults == lines[:2]


# --- clocks that go by themselves


@pytest.mark.parametrize("clock", ["scaled", "auto-skip"])
async def test_late_and_overtaken_callbacks_need_nobody_who_moves_the_time(
    clock: ClockKind,
) -> None:
    words, all_there = list[str](), asyncio.Event()

    def hear(request: httpx.Request) -> httpx.Response:
        words.append(told(json.loads(request.content))[1])
        if len(words) == 3:
            all_there.set()
        return httpx.Response(200)

    lines = ("callback#2:reorder", "callback#3:delay=9s")
    async with opened(httpx.MockTransport(hear), *lines, clock=clock, speed=1000) as (_, client):
        await order(client, "pixverse")
        await asyncio.wait_for(all_there.wait(), 5)

    assert words == ["GENERATING", "COMPLETED", "GENERATING"]
