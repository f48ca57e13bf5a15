import asyncio
import time

import pytest

from mockserver.engine.clock import HandClock, WallClock, iso
from mockserver.testing.loop import run


def test_a_wall_clock_needs_a_speed_above_zero() -> None:
    with pytest.raises(ValueError, match="speed"):
        WallClock(0)


def test_moments_are_printed_the_way_providers_do() -> None:
    clock = HandClock()

    assert iso(clock.utc(61)) == "2026-01-01T00:01:01Z"
    assert iso(clock.utc(0.5), milliseconds=True) == "2026-01-01T00:00:00.500Z"


def test_a_clock_moved_by_hand_never_goes_back() -> None:
    clock = HandClock()
    clock.put(5)
    clock.put(3)

    assert clock.now() == 5


def test_outside_any_loop_a_wall_clock_shows_what_it_showed() -> None:
    clock = WallClock()

    async def look() -> float:
        clock.now()
        clock.put(100)
        return clock.now()

    shown = asyncio.run(look())

    assert shown == pytest.approx(100, abs=1)
    assert clock.now() == pytest.approx(shown, abs=1)


def test_a_wall_clock_goes_on_where_another_loop_takes_over() -> None:
    clock = WallClock(1000, "scaled")

    async def look() -> float:
        before = clock.now()
        await asyncio.sleep(0.01)
        return clock.now() - before

    assert asyncio.run(look()) >= 10
    between = clock.now()
    assert asyncio.run(look()) >= 10
    assert clock.now() >= between + 10


@pytest.mark.parametrize("clock", [HandClock(), WallClock()])
async def test_a_fork_of_a_clock_shows_the_same_and_goes_on_by_itself(
    clock: HandClock | WallClock,
) -> None:
    clock.put(7)
    fork = clock.fork()
    clock.put(50)

    assert fork.now() == pytest.approx(7, abs=1)
    assert fork.kind == clock.kind


async def test_a_wall_clock_goes_on_though_two_loops_look_at_it_in_turns() -> None:
    clock, began = WallClock(), time.monotonic()
    clock.now()
    started = time.monotonic()
    for _ in range(5):
        await asyncio.sleep(0.02)
        await asyncio.to_thread(lambda: asyncio.run(look(clock)))
        await look(clock)

    inner = time.monotonic() - started
    shown = await look(clock)
    outer = time.monotonic() - began
    assert round(inner, 3) <= shown <= round(outer, 3)


async def look(clock: WallClock) -> float:
    await asyncio.sleep(0)
    return clock.now()


def test_the_fork_of_a_wall_clock_stands_until_it_is_told_to_go() -> None:
    async def main() -> list[float]:
        clock = WallClock(1000)
        clock.put(50)
        fork = clock.fork()
        shown = [fork.now()]
        await asyncio.sleep(20)
        shown.append(await look(fork))
        fork.go()
        shown.append(await look(fork))
        await asyncio.sleep(0.02)
        return [*shown, await look(fork)]

    assert run(main()) == pytest.approx([50, 50, 50, 70])


def test_a_fork_is_not_older_than_its_origin_where_the_loop_has_virtual_time() -> None:
    async def main() -> tuple[float, float]:
        clock = WallClock()
        clock.now()
        await asyncio.sleep(100)
        fork = clock.fork()
        fork.go()
        await asyncio.sleep(1)
        return clock.now(), fork.now()

    origin, fork = run(main())

    assert origin == fork == pytest.approx(101)
