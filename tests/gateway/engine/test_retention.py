"""Old videos go by age, in small batches, with all that is kept for them."""

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection

from gateway.config import RetentionSettings
from gateway.engine import retention, search
from gateway.engine.cancel import cancel
from gateway.engine.intake import Once
from gateway.engine.line import bind_line
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage import holdings, tables
from mockserver import World
from tests.gateway.engine.lost_support import PROMPT, Shifted
from tests.rig import GATE, Rig, asked, pictory, picture, pixverse, rig

DAYS = RetentionSettings(days=2)
DAY, HOUR = 86_400, 3600
FRAME = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"


async def rows(stage: Rig) -> dict[str, int]:
    """How many rows there are about jobs, by table."""

    def count(connection: Connection) -> dict[str, int]:
        names = ("jobs", "attempts", "events", "waits", "holdings", "idempotency", "deliveries")
        return {
            name: len(connection.execute(tables.metadata.tables[name].select()).all())
            for name in names
        }

    return await stage.tools.database.read(count)


async def test_what_ended_too_long_ago_goes_with_all_that_belongs_to_it(
    tmp_path: Path, database_url: str
) -> None:
    async with rig(
        tmp_path, accounts=[pictory()], retention=DAYS, database_url=database_url
    ) as stage:
        answer = httpx.Response(204)
        stage.media_wire.meddle = lambda request: answer if "client" in request.url.host else None
        once = Once(fingerprint="f" * 64, key="mine")
        request = asked({"prompt": PROMPT, "first_frame": FRAME})
        source = (await stage.engine.accept(request, "tester", once)).job.id
        job_id = await stage.create(
            model="pictory/veo3.1",
            prompt=PROMPT,
            first_frame={"video": source, "frame": "last"},
            callback_url="https://client.test/hook",
        )
        await stage.wait(200, step=20)
        assert await stage.phase(job_id) is Phase.COMPLETED
        await stage.wait(2 * DAY - 600, step=HOUR)
        assert min((await rows(stage)).values()) > 0

        # Where replicas share a folder, bytes are kept for an hour longer.
        await stage.wait(3 * 3600, step=600)
        assert set((await rows(stage)).values()) == {0}
        assert [one for one in stage.tools.media.folder.rglob("*") if one.is_file()] == []
        # The key may be used for another request from now on.
        other = Once(fingerprint="e" * 64, key="mine")
        accepted = await stage.engine.accept(asked({"prompt": PROMPT}), "tester", other)
        assert not accepted.replayed


async def test_whoever_is_told_of_a_video_is_told_when_it_goes(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], retention=DAYS) as stage:
        told: list[dict[str, Any]] = []

        def receive(request: httpx.Request) -> httpx.Response | None:
            if request.url.host != "client.test":
                return None
            told.append(json.loads(request.content)["data"])
            return httpx.Response(204)

        stage.media_wire.meddle = receive
        job_id = await stage.create(prompt=PROMPT, callback_url="https://client.test/hook")
        await stage.wait(120, step=5)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=stage.app), base_url=GATE
        ) as client:
            look = (await client.get(f"/v1/videos/{job_id}")).json()
            (listed,) = (await client.get("/v1/videos")).json()["data"]

        expiry = look["completed_at"] + 2 * DAY
        assert [one["expires_at"] for one in (*told, look, listed)] == [expiry] * 3
        await stage.wait(expiry - stage.now() / SECOND - 60, step=HOUR)
        assert await stage.phase(job_id) is Phase.COMPLETED
        await stage.wait(180, step=60)
        assert await stage.every_job() == []


async def test_what_was_paid_for_and_belongs_to_nobody_outlives_its_job(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], retention=DAYS) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        await cancel(stage.tools, None, job_id)
        await stage.wait(90, step=30)
        await stage.wait(3 * DAY, step=HOUR)

        assert await stage.every_job() == []
        assert [one.job_id for one in await stage.orphans()] == [job_id]


async def test_a_video_whose_caller_is_still_to_be_told_stays(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], retention=RetentionSettings(days=0.01)) as stage:
        away = True
        stage.media_wire.meddle = lambda request: (
            httpx.Response(503 if away else 204) if "client" in request.url.host else None
        )
        await stage.create(prompt=PROMPT, callback_url="https://client.test/hook")
        await stage.wait(7200, step=100)
        (job,) = await stage.every_job()
        assert job.phase is Phase.COMPLETED
        away = False
        await stage.wait(9000, step=500)
        assert await stage.every_job() == []


async def test_what_has_not_ended_stays_whatever_its_age(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], retention=DAYS) as stage:
        running = await stage.create(prompt=f"{PROMPT} [[mock run=200h]]")
        await stage.settle()
        await stage.wait(4 * DAY, step=HOUR)
        assert await stage.phase(running) is Phase.NEEDS_ATTENTION


async def test_a_video_that_another_one_still_waits_for_stays(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()], retention=DAYS, public_url=None) as stage:
        source = await stage.create(prompt=PROMPT)
        await stage.wait(90, step=30)
        late = await stage.create(prompt=f"{PROMPT} [[mock run=80h]]")
        waiting = await stage.create(
            model="useapi-pixverse/v3.5",
            prompt=PROMPT,
            first_frame={"video": source, "frame": "last"},
            last_frame={"video": late, "frame": "first"},
        )
        await stage.settle()
        await stage.wait(3 * DAY, step=HOUR)
        assert await stage.phase(source) is Phase.COMPLETED
        assert await stage.phase(waiting) is Phase.WAITING_FOR_INPUT

        await stage.wait(12 * 3600, step=3600)
        assert await stage.phase(waiting) is Phase.COMPLETED
        assert source not in {one.id for one in await stage.every_job()}


@pytest.mark.parametrize("batch", [2, 100])
async def test_a_batch_at_a_time_is_removed_until_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(retention, "BATCH", batch)
    async with rig(tmp_path, accounts=[pictory()], retention=DAYS) as stage:
        for n in range(5):
            await cancel(stage.tools, None, await stage.create(prompt=f"{PROMPT} {n}"))
        removed: list[int] = []
        prune = retention.prune

        async def counted(tools: Any) -> int:
            count = await prune(tools)
            removed.append(count)
            return count

        monkeypatch.setattr(retention, "prune", counted)
        await stage.wait(2 * DAY + 60, step=HOUR)
        assert await stage.every_job() == []
        assert [one for one in removed if one] == ([2, 2, 1] if batch == 2 else [5])


def set_clock(stage: Rig, clock: Any) -> None:
    object.__setattr__(stage.tools, "clock", clock)


@pytest.mark.parametrize("hours", [0.25, 24])
async def test_a_clock_that_was_ahead_for_a_while_removes_nothing_early_and_nothing_late(
    tmp_path: Path, database_url: str, hours: float
) -> None:
    async with rig(
        tmp_path, accounts=[pictory()], retention=DAYS, database_url=database_url
    ) as stage:
        right = stage.tools.clock
        job_id = await stage.create(prompt=PROMPT)
        await stage.until_ended(120, step=5)
        ended = (await stage.job(job_id)).completed_at or 0
        await stage.wait(6 * HOUR, step=HOUR)
        set_clock(stage, Shifted(right, 400 * DAY))
        await stage.wait(hours * HOUR, step=HOUR / 4)
        assert await stage.phase(job_id) is Phase.COMPLETED
        set_clock(stage, right)
        await stage.wait((ended - stage.now()) / SECOND + 2 * DAY - 60, step=HOUR)
        assert await stage.phase(job_id) is Phase.COMPLETED
        await stage.wait(4 * HOUR, step=HOUR / 4)
        assert await stage.every_job() == []


async def test_a_film_of_a_machine_whose_clock_was_behind_is_kept_as_long_as_any(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, accounts=[pictory()], retention=DAYS, mock=lasting_mock) as stage:
        set_clock(stage, Shifted(stage.tools.clock, -100 * DAY))
        job_id = await stage.create(prompt=PROMPT)
        await stage.until_ended(120, step=5)
        assert await stage.phase(job_id) is Phase.COMPLETED

    # Whatever is known of it outlives the process.
    async with rig(tmp_path, accounts=[pictory()], retention=DAYS, mock=lasting_mock) as stage:
        await stage.wait(2 * DAY - HOUR, step=HOUR)
        assert await stage.phase(job_id) is Phase.COMPLETED
        await stage.wait(2 * HOUR, step=HOUR)
        assert await stage.every_job() == []


async def test_where_the_machines_clock_was_set_back_age_is_judged_by_that(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], retention=DAYS) as stage:
        wall = stage.tools.clock
        object.__setattr__(stage.tools, "wall", wall.now)
        job_id = await stage.create(prompt=PROMPT)
        await stage.until_ended(120, step=5)
        await stage.wait(HOUR, step=HOUR)
        # What a gateway shows that followed a clock ahead, and does not follow it back.
        set_clock(stage, Shifted(wall, 10 * DAY))
        await stage.wait(DAY, step=HOUR)
        assert await stage.phase(job_id) is Phase.COMPLETED
        await stage.wait(DAY, step=HOUR)
        assert await stage.every_job() == []


async def test_a_wrong_clock_has_nothing_forgotten_of_what_removed_videos_sent(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as stage:
        now = stage.now()

        def run(connection: Connection) -> list[int]:
            told = dict.fromkeys(("id", "job_id", "account", "token_hash", "verdict"), "x")
            told |= {"target": "pictory/m"}
            times = {"n": 1, "created_at": now, "sent_at": now}
            connection.execute(tables.tombstones.insert().values(**told, **times))
            spent = tables.spent.insert().values(provider="pictory", remote_id="film", at=now)
            connection.execute(spent)
            left = []
            for time in (now, now + 400 * DAY * SECOND, now + 60 * SECOND):
                retention.forget(connection, time)
                rows = [
                    connection.execute(one.select()).all()
                    for one in (tables.tombstones, tables.spent)
                ]
                left.append(sum(map(len, rows)))
            return left

        assert await stage.tools.database.write(run) == [2, 2, 2]


async def test_bytes_that_a_replica_may_be_about_to_need_outlast_a_wrong_clock(
    tmp_path: Path, migrated_postgres_url: str
) -> None:
    async with rig(tmp_path, database_url=migrated_postgres_url) as stage:
        right = stage.tools.clock
        await stage.tools.database.write(lambda connection: holdings.mark(connection, ["film"]))
        await stage.settle()
        set_clock(stage, Shifted(right, 400 * DAY))
        await stage.settle()
        assert (await rows(stage))["holdings"] == 1
        await stage.wait(HOUR + 120, step=60)
        assert (await rows(stage))["holdings"] == 0


async def test_without_an_age_everything_is_kept(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(90, step=30)
        await stage.wait(400 * DAY, step=200 * DAY)
        assert await stage.phase(job_id) is Phase.COMPLETED


WEEK, QUARTER = 7 * DAY * SECOND, 90 * DAY * SECOND


@pytest.mark.parametrize(
    ("age", "lost_age", "left"),
    [
        (WEEK, None, (1, 1)),
        (WEEK + 1, None, (0, 1)),
        (QUARTER, None, (0, 1)),
        (QUARTER + 1, None, (0, 0)),
        # A search asks for what was sent up to so long before the attempt it looks for.
        (WEEK + 1, WEEK + 1 - search.NEAR, (1, 1)),
        (QUARTER + 1, QUARTER + 1 - search.NEAR, (1, 1)),
        (QUARTER + 1, QUARTER - search.NEAR, (0, 0)),
    ],
)
async def test_what_removed_videos_sent_is_forgotten_when_nobody_asks_for_it_any_more(
    tmp_path: Path, age: int, lost_age: int | None, left: tuple[int, int]
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        now = stage.now()

        def run(connection: Connection) -> tuple[int, int]:
            connection.execute(
                tables.spent.insert().values(provider="pictory", remote_id="film", at=now - age)
            )
            told = dict.fromkeys(("id", "job_id", "account", "token_hash", "verdict"), "x")
            told |= {"target": "pictory/m"}
            times = {"n": 1, "created_at": now - age, "sent_at": now - age}
            connection.execute(tables.tombstones.insert().values(**told, **times))
            if lost_age is not None:
                bind_line(connection, stage.tools)
                lost = {"state": "unknown", "sent_at": now - lost_age}
                connection.execute(tables.attempts.update().values(**lost))
            retention.forget(connection, now)
            buried = connection.execute(tables.tombstones.select()).all()
            return len(buried), len(connection.execute(tables.spent.select()).all())

        assert await stage.tools.database.write(run) == left
        assert await stage.phase(job_id) in {Phase.WAITING_FOR_SLOT, Phase.PREPARING}
