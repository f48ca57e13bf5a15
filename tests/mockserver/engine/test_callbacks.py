"""What becomes of each callback under each fault, for both providers."""

from typing import Any

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.engine import callbacks
from mockserver.engine.faults import Fault, parse
from mockserver.engine.jobs import Parcel, Phase
from mockserver.engine.journal import Delivery
from mockserver.engine.kinds import KINDS
from mockserver.settings import ClockKind
from tests.mockserver.drivers import Receiver
from tests.mockserver.engine.callbacks_support import (
    END,
    HOOK,
    LIFE,
    PROVIDERS,
    Name,
    opened,
    order,
    seen,
    told,
)

CLOCKS: tuple[ClockKind, ...] = ("frozen", "real", "auto-skip")
LAST: dict[str, list[tuple[str, str, int]]] = {
    "duplicate": [("", "completed", END), ("duplicate", "completed", END)],
    "duplicate=3": [("", "completed", END), *[("duplicate", "completed", END)] * 2],
    "drop": [("lost", "completed", END)],
    "dead": [("dead", "completed", END)],
    "delay=1m": [("late", "completed", END + 60)],
    "reorder": [("reordered", "completed", END + 30)],
    "storm=4": [*[("storm", "running", END)] * 4, ("", "completed", END)],
    "forge": [("forged", "completed", END), ("", "completed", END)],
    "stranger": [("stranger", "completed", END), ("", "completed", END)],
}
"""What becomes of a job's last callback."""


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("name", PROVIDERS)
@pytest.mark.parametrize("fault", LAST)
async def test_each_fault_does_to_a_callback_what_it_says_by_every_clock(
    fault: str, name: Name, clock: ClockKind
) -> None:
    receiver, line = Receiver(), f"callback#{len(LIFE[name])}:{fault}"
    async with opened(receiver, line, clock=clock) as (world, client):
        await order(client, name)
        await world.run_until_idle()

        assert seen(world) == [*LIFE[name][:-1], *LAST[fault]]
        sent = [one for one in world.journal.deliveries if one.status is not None]
        assert [one.sent for one in sent] == receiver.bodies
        for one in world.journal.deliveries[len(LIFE[name]) - 1 :]:
            assert one.faults == (line,)
            unheard = one.how in {"lost", "dead"}
            assert (one.status, bool(one.error)) == ((None, True) if unheard else (200, False))


def test_the_table_above_has_every_fault_of_callbacks() -> None:
    names = {name for name, row in KINDS.items() if row.stage == "callback"}

    assert {fault.partition("=")[0] for fault in LAST} == names


# --- what false ones say


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_forged_callback_names_the_job_and_a_film_that_is_not_there(name: Name) -> None:
    receiver = Receiver()
    async with opened(receiver, "callback#1:forge") as (world, client):
        job = await order(client, name)
        await world.run_until_idle()

        forged = receiver.bodies[0]
        assert told(forged) == (job, told(receiver.bodies[-1])[1])
        url = forged["data"]["url"] if name == "pictory" else forged["url"]
        assert (await client.http.get(url)).status_code == 404


@pytest.mark.parametrize("name", PROVIDERS)
async def test_a_stranger_is_a_job_that_the_provider_does_not_know(name: Name) -> None:
    receiver = Receiver()
    async with opened(receiver, "callback#1:stranger") as (world, client):
        job = await order(client, name)
        await world.run_until_idle()

        stranger, word = told(receiver.bodies[0])
        assert stranger != job
        assert word == told(receiver.bodies[-1])[1]
        assert world.jobs.find(stranger) is None


@pytest.mark.parametrize(("name", "word"), [("pictory", "in-progress"), ("pixverse", "GENERATING")])
async def test_a_storm_tells_of_progress_even_where_the_job_has_ended(
    name: Name, word: str
) -> None:
    receiver = Receiver()
    last = len(LIFE[name])
    async with opened(receiver, f"callback#{last}:storm=20") as (world, client):
        job = await order(client, name, "A drone [[mock fail=failed]]")
        await world.run_until_idle()

        storm = receiver.bodies[last - 1 : -1]
        assert [told(body) for body in storm] == [(job, word)] * 20
        assert told(receiver.bodies[-1])[1] != word


# --- receivers


async def test_a_redirect_is_not_followed() -> None:
    urls = list[str]()

    def elsewhere(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        return httpx.Response(307, headers={"Location": "http://127.0.0.1:9/elsewhere"})

    async with opened(httpx.MockTransport(elsewhere)) as (world, client):
        await order(client, "pictory")
        await world.run_until_idle()

        assert urls == [HOOK]
        assert [one.status for one in world.journal.deliveries] == [307]


@pytest.mark.parametrize("error", [httpx.ConnectError("no route"), RuntimeError("a bug")])
async def test_a_receiver_that_breaks_is_told_of_the_end_all_the_same(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_: httpx.Request) -> httpx.Response:
        raise error

    async with opened(httpx.MockTransport(broken), "callback#1:reorder") as (world, client):
        await order(client, "pixverse")
        await world.run_until_idle()

        assert [one.how for one in world.journal.deliveries] == ["", "reordered", ""]
        said = {one.error for one in world.journal.deliveries}
        assert said == {f"{type(error).__name__}: {error}"}
        assert ("the receiver at" in caplog.text) == isinstance(error, RuntimeError)


async def test_a_dead_host_is_the_same_with_any_transport_for_nobody_is_asked() -> None:
    def never(_: httpx.Request) -> httpx.Response:
        raise AssertionError("it was sent")

    lines = ("callback:dead", "callback#1:duplicate", "callback#3:delay=5s")
    async with opened(httpx.MockTransport(never), *lines) as (world, client):
        await order(client, "pixverse")
        await world.run_until_idle()

        assert [one.how for one in world.journal.deliveries] == ["dead"] * 4
        assert {one.error for one in world.journal.deliveries} == {
            "ConnectError: nobody listens there"
        }


async def test_the_same_seed_and_requests_make_the_same_deliveries_in_the_same_order() -> None:
    chaos = tuple(
        f"callback:{row.example.partition(':')[2]}=30%"
        for row in KINDS.values()
        if row.stage == "callback"
    )

    async def lived() -> list[Any]:
        async with opened(Receiver(), chaos=chaos, seed=3) as (world, client):
            for number in range(3):
                for name in PROVIDERS:
                    await order(client, name, f"Film number {number} [[mock run={9 + number}s]]")
                await world.advance(1)
            await world.run_until_idle()
            return list(world.journal)

    first, second = await lived(), await lived()

    assert first == second
    assert len({one.how for one in first if isinstance(one, Delivery)}) > 6


# --- the plan


PARCEL = Parcel(provider="p", job="j", url=HOOK, body="true", phase="running")
BODIES: callbacks.Bodies = {
    "progress": lambda: "progress",
    "forged": lambda: "forged",
    "stranger": lambda: "stranger",
}
FAULTS = st.sampled_from([parse(row.example) for row in KINDS.values() if row.stage == "callback"])


def everything(plan: callbacks.Plan) -> list[Parcel]:
    return [*plan.now, *(one for _, one in plan.later), *plan.after_next]


@given(st.lists(FAULTS, max_size=6), st.booleans(), st.integers(0, 3))
def test_under_any_faults_nothing_is_lost_unsaid(
    faults: list[Fault],
    last: bool,  # noqa: FBT001
    held: int,
) -> None:
    waiting = [
        msgspec.structs.replace(PARCEL, body=f"held {number}", how="reordered")
        for number in range(held)
    ]
    plan = callbacks.plan(PARCEL, faults, last=last, bodies=BODIES, held=waiting)
    made = everything(plan)

    true = [one for one in made if one.body == "true"]
    assert true
    if any(fault.name == "drop" for fault in faults):
        assert [one.how for one in true] == ["lost"]
    assert [one for one in made if one in waiting] == waiting
    assert not (last and plan.after_next)
    lines = tuple(fault.line for fault in faults)
    assert all(one.faults == lines for one in made if one not in waiting)


@given(st.lists(FAULTS, max_size=6), st.booleans())
def test_whatever_overtakes_comes_first(faults: list[Fault], last: bool) -> None:  # noqa: FBT001
    held = msgspec.structs.replace(PARCEL, body="held", how="reordered")
    made = everything(callbacks.plan(PARCEL, faults, last=last, bodies=BODIES, held=[held]))

    assert made[-1] == held


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.RUNNING])
def test_false_callbacks_are_journaled_with_the_phase_they_tell_of(phase: Phase) -> None:
    told_of = msgspec.structs.replace(PARCEL, phase=phase)
    faults = [parse("callback:forge"), parse("callback:stranger"), parse("callback:storm=1")]
    plan = callbacks.plan(told_of, faults, last=True, bodies=BODIES)

    assert [one.phase for one in plan.now] == ["completed", "completed", "running", phase]
