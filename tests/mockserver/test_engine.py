import asyncio
from collections.abc import Callable, Coroutine

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.engine.addresses import is_loopback, is_uri, may_reach
from mockserver.engine.clock import ManualClock, WallClock, iso
from mockserver.engine.jobs import LIFE, Job, Order, Phase
from mockserver.engine.scheduler import ManualScheduler, WallScheduler


def a_job(run_seconds: float = 40) -> Job:
    order = Order(
        id="1",
        number=1,
        provider="p",
        account="a",
        prompt="",
        params={},
        cost=1,
        unit="u",
        width=16,
        height=16,
        seconds=5,
        origin="",
        queue_seconds=5,
        run_seconds=run_seconds,
    )
    return Job(order=order, accepted_at=0)


def noting(notes: list[str], text: str) -> Callable[[], Coroutine[None, None, None]]:
    async def note() -> None:
        await asyncio.sleep(0)
        notes.append(text)

    return note


def test_the_table_of_phases_is_total_and_its_ends_are_ends() -> None:
    assert set(LIFE) == set(Phase)
    assert {phase for phase in Phase if not LIFE[phase]} == {
        Phase.COMPLETED,
        Phase.FAILED,
        Phase.MODERATED,
    }


@pytest.mark.parametrize("start", list(Phase))
@pytest.mark.parametrize("target", list(Phase))
def test_only_the_steps_of_the_table_are_possible(start: Phase, target: Phase) -> None:
    job = a_job()
    job.phase = start

    if target in LIFE[start]:
        job.move(target)
        assert job.phase is target
    else:
        with pytest.raises(ValueError, match="cannot go"):
            job.move(target)
        assert job.phase is start


@settings(deadline=None)
@given(st.floats(0, 1000), st.floats(0, 100))
def test_progress_stays_below_100_until_the_end(now: float, run_seconds: float) -> None:
    job = a_job(run_seconds)
    assert job.progress(now) == 0

    job.move(Phase.RUNNING)
    job.started_at = 0
    assert 0 <= job.progress(now) <= 99

    job.move(Phase.FAILED)
    assert job.progress(now) == 100


@pytest.mark.parametrize(
    ("url", "reachable"),
    [
        ("http://127.0.0.1:8000/x", True),
        ("http://127.9.9.9/", True),
        ("http://[::1]:1/", True),
        ("http://LOCALHOST/", True),
        ("http://localhost.example.com/", False),
        ("http://127.0.0.1.example.com/", False),
        ("http://user@example.com:80/127.0.0.1", False),
        ("http://127.0.0.1@example.com/", False),
        ("http://2130706433/", False),
        ("http://[::ffff:10.0.0.1]/", False),
        ("http://10.0.0.1/", False),
        ("ftp://127.0.0.1/", False),
        ("http://[::1/", False),
        ("not a url", False),
    ],
)
def test_only_loopback_may_be_reached(url: str, reachable: bool) -> None:  # noqa: FBT001
    assert may_reach(url, ()) is reachable


def test_settings_may_open_single_hosts_or_all() -> None:
    assert may_reach("http://gateway.test/x", ("gateway.test",))
    assert not may_reach("http://other.test/x", ("gateway.test",))
    assert may_reach("http://other.test/x", ("*",))


@settings(deadline=None)
@given(st.text(), st.text())
def test_no_text_breaks_the_address_rules(host: str, url: str) -> None:
    is_loopback(host)
    is_uri(url)
    assert not is_uri(host + " " + url)


def test_a_wall_clock_needs_a_speed_above_zero() -> None:
    with pytest.raises(ValueError, match="speed"):
        WallClock(0)


def test_moments_are_printed_the_way_providers_do() -> None:
    clock = ManualClock()

    assert iso(clock.utc(61)) == "2026-01-01T00:01:01Z"
    assert iso(clock.utc(0.5), milliseconds=True) == "2026-01-01T00:00:00.500Z"


async def test_advance_runs_what_is_due_in_order_and_what_that_causes() -> None:
    clock, notes = ManualClock(), list[str]()
    scheduler = ManualScheduler(clock)

    async def chain() -> None:
        scheduler.at(clock.now() + 1, "c", noting(notes, f"caused at {clock.now() + 1:g}"))
        await noting(notes, f"chain at {clock.now():g}")()

    scheduler.at(3, "a", noting(notes, "third"))
    scheduler.at(1, "b", chain)
    scheduler.at(9, "b", noting(notes, "later"))
    await scheduler.advance(5)

    assert notes == ["chain at 1", "caused at 2", "third"]
    assert clock.now() == 5


async def test_advance_from_inside_advance_is_an_error_and_not_a_deadlock() -> None:
    scheduler = ManualScheduler(ManualClock())

    async def again() -> None:
        await scheduler.advance(1)

    scheduler.at(1, "a", again)

    with pytest.raises(RuntimeError, match="inside"):
        await scheduler.advance(2)


async def test_two_advances_at_once_add_up() -> None:
    clock = ManualClock()
    scheduler = ManualScheduler(clock)

    await asyncio.gather(scheduler.advance(2), scheduler.advance(3))

    assert clock.now() == 5


async def test_by_the_wall_a_stuck_lane_holds_up_nobody_else() -> None:
    scheduler, notes = WallScheduler(WallClock(1000, "scaled")), list[str]()
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

    scheduler.at(0, "slow", stuck)
    scheduler.at(0, "slow", end)
    scheduler.at(1, "quick", quick)
    await asyncio.wait_for(finished.wait(), 10)
    await scheduler.aclose()

    assert notes == ["quick lane", "first of the slow lane", "second of the slow lane"]


async def test_closing_cancels_what_is_running_and_forgets_the_rest() -> None:
    scheduler, started = WallScheduler(WallClock(1000, "scaled")), asyncio.Event()
    notes = list[str]()

    async def endless() -> None:
        started.set()
        await asyncio.Event().wait()

    scheduler.at(0, "a", endless)
    scheduler.at(1_000_000, "b", noting(notes, "never"))
    await asyncio.wait_for(started.wait(), 10)
    await asyncio.wait_for(scheduler.aclose(), 10)

    assert notes == []


async def test_an_action_that_fails_is_logged_and_its_lane_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    scheduler, done = WallScheduler(WallClock(1000, "scaled")), asyncio.Event()

    async def fail() -> None:
        raise RuntimeError("broken")

    async def end() -> None:
        done.set()

    scheduler.at(0, "a", fail)
    scheduler.at(0, "a", end)
    await asyncio.wait_for(done.wait(), 10)
    await scheduler.aclose()

    assert "an action of a failed" in caplog.text
