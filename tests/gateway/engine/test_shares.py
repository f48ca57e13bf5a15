"""Fair sharing of slots between owners, and priority among an owner's own jobs."""

from collections import Counter
from pathlib import Path

from gateway.config import WatchSettings
from gateway.engine import standing
from gateway.model.phases import Phase
from tests.gateway.engine.lost_support import NEVER_DONE, PROMPT, fault
from tests.rig import Rig, pictory, rig

SHORT = f"{PROMPT} [[mock run=10s]]"


async def begun(stage: Rig, seconds: int) -> list[str]:
    """The owners of the jobs that get a slot meanwhile, in order."""
    seen = {one.id for one in await stage.every_job() if one.phase is not Phase.WAITING_FOR_SLOT}
    order: list[str] = []
    for _ in range(seconds // 5):
        await stage.wait(5, step=5)
        started = [
            one
            for one in await stage.every_job()
            if one.phase is not Phase.WAITING_FOR_SLOT and one.id not in seen
        ]
        seen |= {one.id for one in started}
        order += [one.owner for one in started]
    return order


async def test_owners_get_slots_in_turn_however_many_jobs_each_has(
    tmp_path: Path, database_url: str
) -> None:
    accounts = [pictory(max_jobs=1)]
    async with rig(tmp_path, accounts=accounts, database_url=database_url) as stage:
        for n in range(8):
            await stage.create_of("busy", prompt=f"{SHORT} {n}")
        for n in range(2):
            await stage.create_of("rare", prompt=f"{SHORT} {n}")
        order = await begun(stage, 120)

        assert Counter(order[:4]) == {"busy": 2, "rare": 2}
        assert Counter(order)["busy"] >= 4


async def test_who_was_away_has_no_claim_on_what_others_had_meanwhile(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        for n in range(20):
            await stage.create_of("busy", prompt=f"{SHORT} {n}")
        await stage.wait(150, step=5)
        for n in range(6):
            await stage.create_of("late", prompt=f"{SHORT} {n}")
        order = await begun(stage, 100)

        first = Counter(order[:4])
        assert first["late"] in {1, 2, 3}
        assert first["busy"] in {1, 2, 3}


async def test_nor_does_a_job_that_comes_back_into_the_line_bring_one(tmp_path: Path) -> None:
    watch = WatchSettings(settle_seconds=60)
    accounts = [pictory(max_jobs=5)]
    async with rig(tmp_path, accounts=accounts, public_url=None, watch=watch) as stage:
        fault(stage, NEVER_DONE)
        await stage.create_of("lost", prompt=SHORT)
        await stage.settle()
        for n in range(40):
            await stage.create_of("busy", prompt=f"{SHORT} {n}")
        # Its owner has nothing else to do for a minute; the others have the other slots.
        await stage.wait(50, step=5)
        await standing.pause(stage.tools, "pictory-main")
        await stage.wait(30, step=5)
        for n in range(12):
            await stage.create_of("lost", prompt=f"{SHORT} {n}")
        await standing.resume(stage.tools, "pictory-main")
        order = await begun(stage, 60)
        assert order[:8].count("busy") >= 3


async def test_a_job_made_from_another_video_joins_the_line_when_it_gets_there(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=2)]) as stage:
        source = await stage.create_of("chained", prompt=f"{PROMPT} [[mock run=60s]]")
        await stage.settle()
        for n in range(20):
            await stage.create_of("busy", prompt=f"{SHORT} {n}")
        for n in range(8):
            await stage.create_of(
                "chained",
                model="pictory/veo3.1",
                prompt=f"{SHORT} {n}",
                first_frame={"video": source, "frame": "last"},
            )
        await stage.wait(75, step=5)
        order = await begun(stage, 60)
        assert order[:6].count("busy") >= 2


async def test_priority_orders_an_owners_own_jobs_and_nobody_elses(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        await stage.create_of("mine", prompt=SHORT)
        usual = await stage.create_of("mine", prompt=SHORT)
        urgent = await stage.create_of("mine", prompt=SHORT, routing={"priority": "high"})
        await stage.create_of("theirs", prompt=SHORT)
        order = await begun(stage, 90)

        assert order[:2].count("theirs") == 1
        done = [(await stage.job(one)).completed_at for one in (urgent, usual)]
        assert None not in done
        assert done == sorted(done, key=lambda at: at or 0)
