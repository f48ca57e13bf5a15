import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager

import pytest

from mockserver.engine.agenda import Agenda, Due
from mockserver.engine.clock import HandClock, WallClock
from mockserver.engine.scheduler import (
    HandScheduler,
    Scheduler,
    SkippingScheduler,
    WallScheduler,
)

Deed = Callable[[], Awaitable[None]]


async def perform(due: Due) -> None:
    """In these tests the subject of what is due is the deed itself."""
    await due.subject()


def by_hand() -> HandScheduler:
    return HandScheduler(HandClock(), Agenda(), perform)


def by_the_wall() -> WallScheduler:
    return WallScheduler(WallClock(1000, "scaled"), Agenda(), perform)


def noting(notes: list[str], text: str) -> Deed:
    async def note() -> None:
        await asyncio.sleep(0)
        notes.append(text)

    return note


async def test_advance_does_what_is_due_in_order_and_what_that_causes() -> None:
    scheduler, notes = by_hand(), list[str]()
    clock = scheduler.clock

    async def chain() -> None:
        caused = noting(notes, f"caused at {clock.now() + 1:g}")
        scheduler.at(clock.now() + 1, "c", "do", caused)
        await noting(notes, f"chain at {clock.now():g}")()

    scheduler.at(3, "a", "do", noting(notes, "third"))
    scheduler.at(1, "b", "do", chain)
    scheduler.at(9, "b", "do", noting(notes, "later"))
    await scheduler.advance(5)

    assert notes == ["chain at 1", "caused at 2", "third"]
    assert clock.now() == 5


@pytest.mark.parametrize("make", [by_hand, by_the_wall])
async def test_advance_from_inside_advance_is_an_error_and_not_a_deadlock(
    make: Callable[[], Scheduler],
) -> None:
    scheduler, errors = make(), list[BaseException]()

    async def again() -> None:
        try:
            await scheduler.advance(1)
        except RuntimeError as error:
            errors.append(error)

    scheduler.at(1, "a", "do", again)
    await scheduler.advance(2)
    await scheduler.aclose()

    assert ["inside" in str(error) for error in errors] == [True]


@pytest.mark.parametrize("make", [by_hand, by_the_wall])
async def test_a_task_that_a_move_of_time_began_may_move_time_afterwards(
    make: Callable[[], Scheduler],
) -> None:
    scheduler, tasks = make(), list[asyncio.Task[None]]()
    over = asyncio.Event()

    async def later() -> None:
        await over.wait()
        await scheduler.advance(1)

    async def begin() -> None:
        tasks.append(asyncio.create_task(later()))

    scheduler.at(1, "a", "do", begin)
    await scheduler.advance(2)
    over.set()
    await asyncio.wait_for(tasks[0], 10)
    await scheduler.aclose()


async def test_two_advances_at_once_add_up() -> None:
    scheduler = by_hand()

    await asyncio.gather(scheduler.advance(2), scheduler.advance(3))

    assert scheduler.clock.now() == 5


async def test_advance_returns_when_requests_that_are_under_way_have_ended() -> None:
    scheduler, notes = by_hand(), list[str]()

    async def request() -> None:
        scheduler.enter()
        await asyncio.sleep(0.01)
        notes.append("answered")
        scheduler.leave()

    async def call() -> None:
        scheduler.enter()
        scheduler.leave()
        tasks.append(asyncio.create_task(request()))
        await asyncio.sleep(0)

    tasks: list[asyncio.Task[None]] = []
    scheduler.at(1, "a", "do", call)
    await scheduler.advance(2)

    assert notes == ["answered"]


async def test_a_request_that_sleeps_goes_on_when_time_gets_there() -> None:
    scheduler, notes = by_hand(), list[str]()

    async def request() -> None:
        scheduler.enter()
        await scheduler.sleep(5)
        notes.append(f"awake at {scheduler.clock.now():g}")
        scheduler.leave()

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    await scheduler.advance(4)
    assert notes == []
    await scheduler.advance(4)
    await task

    assert notes == ["awake at 5"]


async def test_time_skips_by_itself_when_no_request_is_under_way() -> None:
    scheduler, notes = SkippingScheduler(HandClock("auto-skip"), Agenda(), perform), list[str]()
    done = asyncio.Event()

    async def end() -> None:
        notes.append(f"end at {scheduler.clock.now():g}")
        done.set()

    scheduler.enter()
    scheduler.at(60, "a", "do", noting(notes, "first"))
    scheduler.at(90, "a", "do", end)
    await asyncio.sleep(0.06)
    assert notes == []
    scheduler.leave()
    await asyncio.wait_for(done.wait(), 10)
    await scheduler.aclose()

    assert notes == ["first", "end at 90"]


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


async def test_moves_that_queue_never_go_at_once() -> None:
    scheduler = by_hand()

    async def slow() -> None:
        for _ in range(40):
            await asyncio.sleep(0)

    async def twice() -> None:
        await scheduler.advance(6)
        await scheduler.advance(6)

    seen: list[tuple[float, float]] = []

    class Noted(AbstractContextManager[None]):
        def __enter__(self) -> None:
            self.start = scheduler.clock.now()

        def __exit__(self, *_: object) -> None:
            seen.append((self.start, scheduler.clock.now()))

    for at in range(0, 20, 5):
        scheduler.at(at, "a", "do", slow)
    await asyncio.gather(
        scheduler.advance(6, Noted()),
        twice(),
        scheduler.advance(6, Noted()),
        scheduler.advance(6, Noted()),
    )

    assert scheduler.clock.now() == 30
    assert all(end - start == 6 for start, end in seen)
    assert len({start for start, _ in seen}) == 3


def test_a_scheduler_outlives_the_loop_in_which_time_was_being_moved() -> None:
    scheduler = by_hand()

    async def stuck() -> None:
        await asyncio.Event().wait()

    async def abandoned() -> None:
        scheduler.at(1, "a", "do", stuck)
        moving = asyncio.create_task(scheduler.advance(2))
        waiting = asyncio.create_task(scheduler.advance(2))
        await asyncio.sleep(0.01)
        assert not moving.done()
        assert not waiting.done()

    asyncio.run(abandoned())
    asyncio.run(asyncio.wait_for(scheduler.advance(3), 10))

    assert scheduler.clock.now() >= 3


@pytest.mark.parametrize("make", [by_hand, by_the_wall])
async def test_time_does_not_move_before_what_is_under_way_has_ended(
    make: Callable[[], Scheduler],
) -> None:
    scheduler, seen = make(), list[float]()

    async def request() -> None:
        scheduler.enter()
        await asyncio.sleep(0.05)
        seen.append(scheduler.clock.now())
        scheduler.leave()

    task = asyncio.create_task(request())
    await asyncio.sleep(0)
    await scheduler.advance(10_000)
    await scheduler.aclose()

    assert task.done()
    assert seen[0] < 5_000


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


def skipping() -> SkippingScheduler:
    return SkippingScheduler(HandClock("auto-skip"), Agenda(), perform)


@pytest.mark.parametrize("make", [by_hand, by_the_wall, skipping])
async def test_nothing_falls_due_any_more_once_closed(make: Callable[[], Scheduler]) -> None:
    scheduler, notes = make(), list[str]()

    scheduler.close()
    scheduler.at(0, "a", "do", noting(notes, "never"))
    scheduler.wake()
    await asyncio.sleep(0.06)
    await scheduler.advance(10)
    await asyncio.wait_for(scheduler.sleep(1_000_000), 10)

    assert (notes, len(scheduler.agenda)) == ([], 0)


async def test_skipping_by_itself_does_not_overshoot_a_move_that_was_first() -> None:
    scheduler, moments = skipping(), list[float]()
    done = asyncio.Event()

    async def note() -> None:
        moments.append(scheduler.clock.now())
        if len(moments) == 3:
            done.set()

    async def slow() -> None:
        await asyncio.sleep(0.06)
        await note()

    scheduler.at(60, "a", "do", slow)
    scheduler.at(100, "a", "do", note)
    scheduler.at(170, "a", "do", note)
    await asyncio.gather(scheduler.advance(60), done.wait())
    await scheduler.aclose()

    assert moments == [60, 100, 170]
