"""Every row is provoked through the wire, by what the row itself says provokes it."""

from collections.abc import Awaitable, Callable, Mapping

import pytest

from mockserver.coverage import BEHAVIOURS, Behaviour, seen_in
from mockserver.engine.kinds import KINDS
from mockserver.pictory.rules import REFUSALS as PICTORY_REFUSALS
from mockserver.pixverse.errors import BUSY
from mockserver.pixverse.errors import REFUSALS as PIXVERSE_REFUSALS
from tests.mockserver.verdict.hand import HOOK, Hand, hand

IDS = {row.id: row for row in BEHAVIOURS}

TRICKLE = "download:trickle"


async def see_through(it: Hand, row: Behaviour) -> None:
    """Does what every client does: uploads, orders, looks, lists, fetches; under any fault."""
    provider = "pictory" if row.provider == "any" else row.provider
    directive = row.provoke.directive
    prompt = f"A lighthouse [[mock {directive}]]" if directive else "A lighthouse"
    if provider == "pixverse":
        await it.upload()
    for _ in range(2):
        if provider == "pictory":
            await it.pictory(prompt, webhook=HOOK)
        else:
            await it.pixverse(prompt, replyUrl=HOOK)
        await it.wait(61 if row.provoke.settings else 1)
    for seconds in (0, 10, 60):
        await it.wait(seconds)
        for job in it.world.jobs:
            await it.look(job)
            if job.ended and row.id == TRICKLE:
                await it.left_waiting(it.fetch(job))
            elif job.ended:
                await it.fetch(job)
        await it.list_(provider)
    await it.wait(120)


async def look_at_a_stranger(it: Hand) -> None:
    await it.ask("GET", "/pictoryapis/v1/jobs/nobody")


async def encode(it: Hand) -> None:
    job = await it.made_at_pixverse()
    await it.ask("GET", f"/v2/pixverse/videos/{job.id.replace(':', '%3A')}")


async def upload_nonsense(it: Hand) -> None:
    await it.upload(b"no picture")


async def untrack(it: Hand) -> None:
    job = await it.made_at_pixverse()
    await it.ask("DELETE", f"/v2/pixverse/scheduler/{job.id}")


async def configure_anew(it: Hand) -> None:
    await it.pixverse()
    await it.configure()


async def name_an_unreadable_picture(it: Hand) -> None:
    await it.pictory(firstFrameImageUrl="http://127.0.0.1:9/nothing.png")
    await it.wait(60)


ACTS: Mapping[str, Callable[[Hand], Awaitable[None]]] = {
    "pictory.unknown-job": look_at_a_stranger,
    "pixverse.encoded-id": encode,
    "pixverse.upload-refused": upload_nonsense,
    "pixverse.untracked": untrack,
    "pixverse.released": configure_anew,
    "input-unreadable": name_an_unreadable_picture,
}
"""What the ordinary client above does not do."""


@pytest.mark.parametrize("row", BEHAVIOURS, ids=lambda row: row.id)
async def test_each_behaviour_is_seen_when_it_is_provoked(row: Behaviour) -> None:
    async with hand(*row.provoke.faults, **row.provoke.settings) as it:
        if row.id in ACTS:
            await ACTS[row.id](it)
        else:
            await see_through(it, row)
        assert row.id in seen_in(it.world.journal)


async def test_what_happens_when_all_is_well_is_little() -> None:
    seen: set[str] = set()
    for provider in ("pictory", "pixverse"):
        async with hand() as it:
            await see_through(it, IDS[f"{provider}.completed"])
            seen |= seen_in(it.world.journal)
    told = {
        f"{name}.{phase}" for name in ("pictory", "pixverse") for phase in ("queued", "running")
    }
    assert seen == told | {
        "pictory.completed",
        "pixverse.completed",
        "pixverse.still-processing",
        "callback.end",
        "callback.progress",
    }


def test_an_act_of_the_clients_own_is_asked_for_in_words() -> None:
    assert all(IDS[name].provoke.act for name in ACTS)


def test_each_row_of_the_providers_tables_is_a_behaviour() -> None:
    for status in PICTORY_REFUSALS:
        assert f"pictory.{status}" in IDS
    for status in PIXVERSE_REFUSALS:
        assert f"pixverse.{status}" in IDS
    for who in BUSY:
        assert f"pixverse.429-{who}" in IDS
    for name, kind in KINDS.items():
        for target in kind.targets - {"request"}:
            assert f"{target}:{name}" in IDS


def test_each_behaviour_has_an_id_of_its_own() -> None:
    assert len(IDS) == len(BEHAVIOURS)


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("lose-reply", "submit:accept-then-cut"),
        ("garble-reply", "submit:garble"),
        ("garble-poll", "poll:garble"),
    ],
)
async def test_a_directive_that_does_what_a_fault_does_counts_as_well(
    prompt: str, shown: str
) -> None:
    async with hand() as it:
        job = await it.made(f"A lighthouse [[mock {prompt}]]")
        await it.look(job)
        assert shown in seen_in(it.world.journal)


@pytest.mark.parametrize(
    ("fault", "absent"),
    [
        ("submit#1:accept-then-status=503", "pixverse.503"),
        ("submit#1:status=503", "submit:accept-then-status"),
        ("submit#1:reset", "submit:accept-then-reset"),
        ("submit#1:timeout", "submit:accept-then-timeout"),
    ],
)
async def test_an_order_that_was_taken_is_told_from_one_that_was_not(
    fault: str, absent: str
) -> None:
    async with hand(fault) as it:
        await it.pixverse()
        assert absent not in seen_in(it.world.journal)


async def test_a_fault_that_changed_nothing_was_not_met() -> None:
    async with hand("submit#1:accept-then-reset", "download#1:truncate") as it:
        await it.pixverse("A lighthouse [[mock refuse=422]]")
        await it.ask("GET", "/media/nothing.mp4")
        assert seen_in(it.world.journal) == {"pixverse.422"}


@pytest.mark.parametrize("who", ["account", "all"])
async def test_the_three_texts_of_429_are_told_apart(who: str) -> None:
    async with hand() as it:
        await it.pixverse(f"A lighthouse [[mock busy={who}]]")
        assert seen_in(it.world.journal) == {f"pixverse.429-{who}"}
