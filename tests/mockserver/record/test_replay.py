import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, get_args

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mockserver import Settings, World
from mockserver.control.commands import COMMANDS
from mockserver.engine.journal import Command
from mockserver.record.replay import ReplayError, replay
from mockserver.record.worldfile import WorldFileError, journal_bytes, save
from mockserver.settings import ClockKind
from tests.mockserver.record.histories import CHAOS, HISTORIES, HOOK, Liver, Step, world_of

SECRETS = (b"a-real-secret",)


@asynccontextmanager
async def lived(clock: ClockKind, steps: list[Step], **more: Any) -> Any:
    world = world_of(clock, **more)
    transport = httpx.ASGITransport(app=world.app)
    async with (
        world,
        httpx.AsyncClient(transport=transport, base_url="http://mock.test:8090") as http,
    ):
        liver = Liver(world, http)
        try:
            await liver.live(steps)
            yield world
        finally:
            await liver.aclose()


def run(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    asyncio.run(main())


@pytest.mark.parametrize("clock", get_args(ClockKind))
def test_a_replay_has_the_journal_of_the_original(clock: ClockKind) -> None:
    @settings(
        max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None
    )
    @given(steps=HISTORIES)
    def holds(steps: list[Step]) -> None:
        async def work() -> None:
            async with lived(clock, steps, chaos=CHAOS) as world:
                data, before, total = save(world), journal_bytes(world), world.ledger.total
            again = await replay(data)

            assert journal_bytes(again) == before
            assert again.ledger.total == total
            assert save(again).partition(b'"inputs"')[2] == data.partition(b'"inputs"')[2]
            assert not any(secret in data for secret in SECRETS)

        run(work)

    holds()


@settings(max_examples=20, deadline=None, database=None)
@given(steps=HISTORIES, share=st.floats(0, 1))
def test_a_rewound_world_has_the_beginning_of_the_journal(steps: list[Step], share: float) -> None:
    async def work() -> None:
        async with lived("frozen", steps) as world:
            file = save(world)
            lines = journal_bytes(world).splitlines()
        if not lines:
            return
        line = 1 + round(share * (world.journal.length - 1))
        moment = share * (world.clock.now() + 1)
        by_line, by_moment = await replay(file, until=line), await replay(file, until=moment)

        known = set(lines)
        assert set(journal_bytes(by_line).splitlines()) <= known
        assert set(journal_bytes(by_moment).splitlines()) <= known
        if world.journal.get(line) is not None:
            assert by_line.journal.get(line) == world.journal.get(line)
        assert all(one.at <= moment for one in by_moment.journal)
        assert by_moment.clock.now() == pytest.approx(min(moment, world.clock.now()), abs=0.001)

    run(work)


async def test_a_replayed_world_goes_on_like_the_original() -> None:
    steps = [("pictory", PLAIN), ("advance", 15)]
    async with lived("frozen", steps) as world:
        again = await replay(save(world), outside=world.outside)
        for each in (world, again):
            await each.run_until_idle()

        assert journal_bytes(again) == journal_bytes(world)
        assert [job.phase.value for job in again.jobs] == ["completed"]


PLAIN = {
    "prompt": "dawn at sea",
    "directive": "",
    "webhook": HOOK,
    "first": None,
    "key": "pictai_m",
}


async def test_nothing_goes_out_while_a_world_is_replayed() -> None:
    async with lived("frozen", [("pictory", PLAIN), ("idle", None)]) as world:
        file = save(world)
    assert len(world.journal.deliveries) == 1

    def unreachable(request: httpx.Request) -> httpx.Response:
        raise AssertionError(f"a replay sent {request.url}")

    bare = World(callback_transport=httpx.MockTransport(unreachable))
    again = await replay(file, outside=bare.outside)

    assert again.journal.deliveries == world.journal.deliveries


async def test_fetched_inputs_are_in_the_file() -> None:
    first = "http://127.0.0.1:9/there.png"
    async with lived("frozen", [("pictory", PLAIN | {"first": first}), ("idle", None)]) as world:
        again = await replay(save(world))

    (mine,), (other,) = (list(each.jobs) for each in (again, world))
    assert mine.material == other.material
    assert mine.material[0].data


async def test_a_fork_is_replayed_with_the_name_it_has_from_then_on() -> None:
    async with lived("frozen", [("pictory", PLAIN), ("idle", None), ("poll", 0)]) as world:
        fork = world.fork("other")
        transport = httpx.ASGITransport(app=fork.app)
        async with (
            fork,
            httpx.AsyncClient(transport=transport, base_url="http://mock.test") as http,
        ):
            await Liver(fork, http).live([("poll", 0)])
            again = await replay(save(fork))

    links = [b"/~other/media/" in line.reply for line in again.journal.requests]
    assert journal_bytes(again) == journal_bytes(fork)
    assert (again.name, again.prefix, links) == ("other", "/~other", [False, False, True])


async def test_a_snapshot_restored_or_a_world_reset_is_replayed_from_there() -> None:
    async with lived("frozen", [("pictory", PLAIN)]) as world:
        snapshot = world.fork()
        await world.advance(60)
        await world.restore(snapshot)
        await world.advance(5)
        assert journal_bytes(await replay(save(world))) == journal_bytes(world)
        await world.reset()
        await world.advance(5)
        assert journal_bytes(await replay(save(world))) == journal_bytes(world)


async def test_what_was_under_way_stays_behind() -> None:
    steps = [("fault", "submit#1:late=50s"), ("pictory", PLAIN)]
    async with lived("frozen", steps) as world:
        again = await replay(save(world))

    assert [type(line).__name__ for line in again.journal] == ["Command", "Entry"]
    assert not again.journal.requests


async def test_a_file_that_was_changed_is_found_out() -> None:
    async with lived("frozen", [("pictory", PLAIN), ("idle", None)]) as world:
        file = json.loads(save(world))
    asked = next(one for one in file["inputs"] if one["what"] == "asked")
    asked["body"] = {"text": asked["body"]["text"].replace("dawn", "dusk")}

    with pytest.raises(ReplayError, match=r"file|differently"):
        await replay(json.dumps(file).encode())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": "tape"}, "filmgate-world"),
        ({"version": 99}, "99"),
        ({"providers": ["rain"]}, "rain"),
        ({"inputs": [{"what": "rained", "at": 0}]}, "rained"),
        ({"inputs": 7}, "no world file"),
        ({"settings": {"seed": "x"}}, "seed"),
    ],
)
async def test_what_is_no_world_file_is_refused(change: dict[str, object], says: str) -> None:
    file = json.loads(save(World(settings=Settings(clock="frozen"))))
    with pytest.raises(WorldFileError, match=says):
        await replay(json.dumps(file | change).encode())


async def test_bytes_that_are_no_json_are_refused() -> None:
    with pytest.raises(WorldFileError, match="no world file"):
        await replay(b"\x00film")


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ([{"what": "fell", "at": 0, "due": 9}], "due"),
        ([{"what": "resumed", "at": 0, "wait": 9}], "waits"),
        ([{"what": "commanded", "at": 0, "name": "dance"}], "dance"),
    ],
)
async def test_inputs_that_do_not_fit_are_found_out(inputs: object, says: str) -> None:
    file = json.loads(save(World(settings=Settings(clock="frozen"))))
    with pytest.raises(ReplayError, match=says):
        await replay(json.dumps(file | {"inputs": inputs}).encode())


async def test_every_command_that_a_history_can_hold_is_known_to_a_replay() -> None:
    steps: list[Step] = [
        ("pictory", PLAIN),
        ("fault", "submit#9:reset"),
        ("no faults", None),
        ("hold", None),
        ("script", "500, 200"),
        ("finish", (0, None)),
    ]
    async with lived("frozen", steps) as world:
        await replay(save(world))

    assert {line.name for line in world.journal.of(Command)} == COMMANDS.keys()


async def test_a_world_is_closed_though_a_request_would_wait_twice() -> None:
    steps: list[Step] = [("fault", "submit#1:late=20s")] * 2 + [("pictory", PLAIN)]
    async with asyncio.timeout(5), lived("frozen", steps) as world:
        await world.aclose()
        again = await replay(save(world))

        assert len(world.journal.requests) == 1
        assert journal_bytes(again) == journal_bytes(world)
