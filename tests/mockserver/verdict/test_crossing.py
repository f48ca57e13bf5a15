"""Clocks that go by themselves: answers and requests pass each other on the way."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from mockserver import Settings
from mockserver.testing.loop import run
from tests.mockserver.verdict.hand import HOOK, Hand, hand

WALLS: list[dict[str, Any]] = [{"clock": "real"}, {"clock": "scaled", "speed": 5}]
GOOD: list[str] = []


def broken_by(
    play: Callable[[Hand], Awaitable[object]], *faults: str, **settings: Any
) -> list[str]:
    """The rules that a client broke, on a loop whose time costs nothing."""

    async def main() -> list[str]:
        async with hand(*faults, **settings) as it:
            await play(it)
            return it.broken

    return run(main())


@pytest.mark.parametrize("wall", WALLS, ids=str)
def test_orders_of_one_burst_come_one_after_the_other(wall: dict[str, Any]) -> None:
    async def play(it: Hand) -> None:
        for number in range(6):
            await it.pictory(f"Film {number}")
            await asyncio.sleep(0.002)

    assert broken_by(play, "submit#2-6:status=429", **wall) == GOOD


@pytest.mark.parametrize("wall", WALLS, ids=str)
def test_an_order_that_comes_long_after_a_429_has_not_waited(wall: dict[str, Any]) -> None:
    async def play(it: Hand) -> None:
        await it.pictory("Film 1")
        await asyncio.sleep(0.6)
        await it.pictory("Film 2")

    assert broken_by(play, "submit:status=429", **wall) == ["ignored-wait"]


def test_the_same_order_at_once_after_a_429_has_not_waited() -> None:
    async def play(it: Hand) -> None:
        await it.pictory()
        await asyncio.sleep(0.002)
        await it.pictory()

    assert broken_by(play, "submit:status=429", clock="real") == ["ignored-wait"]


def test_a_burst_cannot_know_that_the_account_is_on_hold() -> None:
    async def burst(it: Hand) -> None:
        for number in range(4):
            await it.pixverse(f"Film {number}")
            await asyncio.sleep(0.002)

    async def play(it: Hand) -> None:
        await burst(it)
        await asyncio.sleep(1)
        await it.pixverse("One more")

    assert broken_by(burst, "submit:status=596", clock="real") == GOOD
    assert broken_by(play, "submit:status=596", clock="real") == ["used-a-held-account"]


def test_repeats_in_a_tight_loop_are_no_crossing() -> None:
    async def play(it: Hand) -> None:
        for _ in range(3):
            await it.pixverse()
            await asyncio.sleep(0.002)

    assert broken_by(play, "submit:status=422", clock="real") == ["retried-the-unretryable"]


def test_a_receiver_that_the_mock_itself_holds_is_not_to_blame() -> None:
    async def play(it: Hand) -> None:
        async def look() -> None:
            await it.look(next(iter(it.world.jobs)))

        it.work = look
        job = await it.made(webhook=HOOK)
        await it.wait(60)
        await it.fetch(job)

    assert broken_by(play, "poll#1:late=1s") == GOOD


def test_a_receiver_that_waits_by_itself_is_to_blame() -> None:
    async def play(it: Hand) -> None:
        async def sleep() -> None:
            await asyncio.sleep(60)

        it.work = sleep
        job = await it.made(webhook=HOOK)
        await it.wait(50)
        await it.wait(10)
        await it.end_well(job)

    assert broken_by(play) == ["answered-a-callback-badly"]


def test_a_slow_receiver_is_to_blame_only_where_its_time_is_its_own() -> None:
    async def play(it: Hand) -> list[str]:
        async def sleep() -> None:
            await asyncio.sleep(3)

        it.work = sleep
        job = await it.made(webhook=HOOK)
        await asyncio.sleep(60)
        await it.fetch(job)
        judged = it.broken
        it.world.settings = Settings(clock="per-poll")
        assert it.broken == GOOD
        return judged

    async def main() -> list[str]:
        async with hand(clock="real") as it:
            return await play(it)

    assert run(main()) == ["answered-a-callback-badly"]
