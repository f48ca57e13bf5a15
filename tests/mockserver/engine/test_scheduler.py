import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from mockserver.engine.scheduler import Scheduler
from tests.mockserver.engine.scheduler_support import by_hand, by_the_wall, noting, skipping


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

    # So late that the wall, at a thousand times its speed, is not there before the move is.
    scheduler.at(1_000_000, "a", "do", again)
    await scheduler.advance(1_000_000)
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
