import asyncio

from tests.mockserver.engine.scheduler_support import by_hand, noting, skipping


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


async def test_time_skips_by_itself_when_no_request_is_under_way() -> None:
    scheduler, notes = skipping(), list[str]()
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
