"""The sending side of callbacks: what becomes of each under each fault, for both providers."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver import Settings, World
from mockserver.engine import callbacks
from mockserver.engine.faults import Fault, parse
from mockserver.engine.jobs import Parcel, Phase
from mockserver.engine.journal import Delivery, Exchange
from mockserver.engine.kinds import KINDS
from mockserver.settings import ClockKind
from tests.mockserver.drivers import Client, Receiver

HOOK = "http://127.0.0.1:9/hook"
Name = Literal["pictory", "pixverse"]
PROVIDERS: tuple[Name, ...] = ("pictory", "pixverse")
CLOCKS: tuple[ClockKind, ...] = ("frozen", "real", "auto-skip")
END = 50
"""When a job ends, in virtual seconds."""
LIFE: dict[Name, list[tuple[str, str, int]]] = {
    "pictory": [("", "completed", END)],
    "pixverse": [("", "running", 5), ("", "running", 27), ("", "completed", END)],
}
"""The callbacks of a job, if all is well: what is odd, the phase told of, and when (cut off)."""


@asynccontextmanager
async def opened(
    receiver: Receiver | httpx.MockTransport | None = None,
    *faults: str,
    clock: ClockKind = "frozen",
    **settings: Any,
) -> AsyncIterator[tuple[World, Client]]:
    transport = receiver.transport if isinstance(receiver, Receiver) else receiver
    world = World(
        settings=Settings(clock=clock, faults=faults, **settings),
        callback_transport=transport or Receiver().transport,
    )
    async with (
        world,
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app=world.app), base_url="http://mock.test"
        ) as http,
    ):
        yield world, Client(http)


async def order(client: Client, name: Name, prompt: str = "A drone over a forest") -> str:
    if name == "pictory":
        return await client.pictory_id(prompt, webhook=HOOK)
    return str((await client.text_video(prompt, replyUrl=HOOK)).json()["video_id"])


def told(body: Any) -> tuple[str, str]:
    """The job, and the provider's word for where it stands."""
    if "job_id" in body:
        return body["job_id"], body["data"]["status"]
    return body["video_id"], body["video_status_name"]


def seen(world: World) -> list[tuple[str, str, int]]:
    return [(one.how, one.phase, int(one.at)) for one in world.journal.deliveries]


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
