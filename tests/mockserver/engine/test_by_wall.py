import asyncio

import pytest

from mockserver.engine.agenda import Agenda
from mockserver.engine.by_wall import WallScheduler
from mockserver.engine.clock import WallClock
from tests.mockserver.engine.scheduler_support import by_the_wall, noting, perform


async def test_by_the_wall_a_stuck_lane_holds_up_nobody_else() -> None:
    scheduler, notes = by_the_wall(), list[str]()
    release, finished = asyncio.Event(), asyncio.Event()

    async def stuck() -> None:
        await release.wait()
        notes.append("first of the slow lane")

    async def end() -> None:
        notes.append("second of the slow lane")
        finished.set()

    async def quick() -> None:
        notes.append("quick lane")
        release.set()

    scheduler.at(0, "slow", "do", stuck)
    scheduler.at(0, "slow", "do", end)
    scheduler.at(1, "quick", "do", quick)
    await asyncio.wait_for(finished.wait(), 10)
    await scheduler.aclose()

    assert notes == ["quick lane", "first of the slow lane", "second of the slow lane"]


async def test_a_wall_can_be_moved_ahead_and_settles_too() -> None:
    scheduler, notes = WallScheduler(WallClock(), Agenda(), perform), list[str]()

    scheduler.at(30, "a", "do", noting(notes, "half a minute"))
    scheduler.at(90, "a", "do", noting(notes, "later"))
    await scheduler.advance(60)
    await scheduler.aclose()

    assert notes == ["half a minute"]
    assert scheduler.clock.now() == pytest.approx(60, abs=5)


async def test_closing_cancels_what_is_running_and_forgets_the_rest() -> None:
    scheduler, started = by_the_wall(), asyncio.Event()
    notes = list[str]()

    async def endless() -> None:
        started.set()
        await asyncio.Event().wait()

    scheduler.at(0, "a", "do", endless)
    scheduler.at(1_000_000, "b", "do", noting(notes, "never"))
    await asyncio.wait_for(started.wait(), 10)
    await asyncio.wait_for(scheduler.aclose(), 10)

    assert notes == []


async def test_by_the_wall_what_fails_is_logged_and_its_lane_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scheduler, done = by_the_wall(), asyncio.Event()

    async def fail() -> None:
        raise RuntimeError("broken")

    async def end() -> None:
        done.set()

    scheduler.at(0, "a", "do", fail)
    scheduler.at(0, "a", "do", end)
    await asyncio.wait_for(done.wait(), 10)
    await scheduler.aclose()

    assert "something of a failed" in caplog.text


async def test_by_the_wall_a_move_waits_for_what_fell_due_before() -> None:
    scheduler, notes = WallScheduler(WallClock(), Agenda(), perform), list[str]()
    begun = asyncio.Event()

    async def answered() -> None:
        begun.set()
        await asyncio.sleep(0.05)
        notes.append("answered")

    scheduler.at(0, "a", "do", answered)
    await begun.wait()
    await scheduler.advance_until(lambda: True, 10)
    await scheduler.aclose()

    assert notes == ["answered"]
