"""Stops, restarts, changes of configuration: every job is taken up where its row says."""

import asyncio
import base64
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog

from gateway.engine import dispatch, line
from gateway.engine.recover import recover
from gateway.model.phases import Phase
from gateway.storage import StorageError
from gateway.storage.ledger import Sent
from mockserver import World
from providers.contract import Secret
from tests.rig import is_submit, pictory, picture, pixverse, rig

PROMPT = "The harbour at dusk"
FRAME = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"


async def test_a_job_that_had_a_slot_but_was_not_sent_goes_back_into_the_line(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.tools.database.write(lambda connection: line.bind_line(connection, stage.tools))
        assert (await stage.job(job_id)).phase is Phase.PREPARING

    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock) as stage:
        assert (await stage.job(job_id)).phase is Phase.WAITING_FOR_SLOT
        await stage.check_slots()
        await stage.wait(90, step=5)
        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_a_job_that_may_have_been_sent_is_sent_only_when_it_is_proved_that_it_was_not(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock) as stage:
        job_id = await stage.create(prompt=PROMPT)
        (bound,) = await stage.tools.database.write(
            lambda connection: line.bind_line(connection, stage.tools)
        )
        sent = Sent(spec=bound.choice.spec)
        assert await dispatch._record_intent(stage.tools, bound, sent)

    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], mock=lasting_mock) as stage:
        assert (await stage.job(job_id)).phase is Phase.SUBMISSION_UNKNOWN
        await stage.check_slots()
        await stage.wait(590, step=10)
        assert (await stage.job(job_id)).phase is Phase.SUBMISSION_UNKNOWN
        assert stage.submits() == 0
        await stage.wait(200, step=10)
        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert stage.submits() == len(stage.mock.ledger.charges) == 1


@pytest.mark.parametrize("seconds", [2, 20, 49])
async def test_a_rendering_job_is_watched_on_after_a_restart(
    tmp_path: Path, lasting_mock: World, seconds: int
) -> None:
    async with rig(tmp_path, mock=lasting_mock) as stage:
        job_id = await stage.create(model="useapi-pixverse/v4", prompt=PROMPT)
        await stage.settle()
        await stage.mock.advance(seconds)

    async with rig(tmp_path, mock=lasting_mock) as stage:
        await stage.wait(90, step=5)
        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1
        assert stage.submits() == 1


async def test_the_providers_id_is_kept_until_the_database_takes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        database, write, failures = stage.tools.database, stage.tools.database.write, [3]
        naps: list[float] = []

        async def nap(seconds: float) -> None:
            naps.append(seconds)

        async def moody(run: Any) -> Any:
            if failures[0] and any(is_submit(one) for one in stage.provider_wire.requests):
                failures[0] -= 1
                raise StorageError("database or disk is full")
            return await write(run)

        object.__setattr__(stage.tools, "sleep", nap)
        monkeypatch.setattr(database, "write", moody)
        await stage.engine.turn()

        job = await stage.job(job_id)
        assert job.phase is Phase.RENDERING
        assert job.remote_id is not None
        assert naps == [1.0, 1.0, 1.0]


async def test_a_submission_under_way_is_not_cut_by_a_stop(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def hang(_: httpx.Request) -> None:
            reached.set()
            await go_on.wait()

        stage.provider_wire.spoil = hang
        await stage.engine.start()
        await reached.wait()
        stopping = asyncio.create_task(stage.engine.stop())
        await asyncio.sleep(0)
        go_on.set()
        await stopping

        job = await stage.job(job_id)
        assert job.phase is Phase.RENDERING
        assert job.remote_id is not None


async def test_a_stop_ends_an_upload_before_anything_is_paid(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, accounts=[pixverse()], mock=lasting_mock) as stage:
        job_id = await stage.create(prompt=PROMPT, first_frame=FRAME)
        reached = asyncio.Event()

        async def hang(_: httpx.Request) -> None:
            reached.set()
            await asyncio.Event().wait()

        stage.provider_wire.spoil = hang
        await stage.engine.start()
        await reached.wait()
        await asyncio.wait_for(stage.engine.stop(), 5)

        assert stage.submits() == 0

    async with rig(tmp_path, accounts=[pixverse()], mock=lasting_mock) as stage:
        await stage.wait(90, step=5)
        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_a_stop_comes_to_an_end_though_the_database_takes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        await stage.create(prompt=PROMPT)

        locked = asyncio.Event()

        async def refuse(_: object) -> None:
            locked.set()
            raise StorageError("database or disk is full")

        async def lock(request: httpx.Request) -> None:
            if is_submit(request):
                monkeypatch.setattr(stage.tools.database, "write", refuse)

        stage.provider_wire.spoil = lock
        turn = asyncio.create_task(stage.engine.turn())
        await locked.wait()
        await asyncio.wait_for(stage.engine.stop(0.1), 10)

        monkeypatch.undo()
        await asyncio.gather(turn, return_exceptions=True)


async def test_a_changed_key_uploads_its_pictures_itself(
    tmp_path: Path, lasting_mock: World
) -> None:
    for key in ("user:1234-mock", "user:5678-mock"):
        account = pixverse(api_key=Secret(key))
        async with rig(tmp_path, accounts=[account], mock=lasting_mock) as stage:
            await stage.create(prompt=PROMPT, first_frame=FRAME)
            await stage.settle()

    uploads = [one for one in lasting_mock.journal.requests if "files" in one.path]
    assert len(uploads) == 2


async def test_a_clock_set_back_does_not_stop_the_line_beyond_a_restart(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, mock=lasting_mock) as stage:
        job_id = await stage.create(model="pictory/pixverse5.5", prompt=PROMPT)
        await stage.tools.database.write(
            lambda connection: connection.exec_driver_sql(
                "UPDATE jobs SET due_at = due_at + 36000000000"
            )
        )
        await stage.settle()
        assert (await stage.job(job_id)).phase is Phase.WAITING_FOR_SLOT

    async with rig(tmp_path, mock=lasting_mock) as stage:
        await stage.settle()
        assert (await stage.job(job_id)).phase is Phase.RENDERING


async def test_jobs_that_no_account_is_left_for_are_told_at_start(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, mock=lasting_mock) as stage:
        await stage.create(model="pictory/pixverse5.5", prompt=PROMPT)

    with structlog.testing.capture_logs() as lines:
        async with rig(tmp_path, accounts=[pixverse()], mock=lasting_mock):
            pass
    assert [one["jobs"] for one in lines if one["log_level"] == "warning" and "jobs" in one] == [1]


async def test_jobs_of_an_account_that_left_the_configuration_wait_for_people(
    tmp_path: Path, lasting_mock: World
) -> None:
    async with rig(tmp_path, mock=lasting_mock) as stage:
        job_id = await stage.create(model="pictory/pixverse5.5", prompt=PROMPT)
        await stage.settle()

    async with rig(tmp_path, accounts=[pixverse()], mock=lasting_mock) as stage:
        await stage.wait(2000, step=100)
        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert "'pictory-main' is no longer configured" in job.error.message

    async with rig(tmp_path, mock=lasting_mock) as stage:
        await stage.wait(400, step=50)
        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_a_database_locked_by_another_program_loses_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.storage.database.BUSY_SECONDS", 0.05)
    async with rig(tmp_path, accounts=[pictory(max_jobs=5)]) as stage:
        other = sqlite3.connect(tmp_path / "filmgate.db", isolation_level=None)
        naps = 0

        async def nap(_: float) -> None:
            nonlocal naps
            naps += 1
            if naps == 10:
                other.execute("COMMIT")

        async def lock(request: httpx.Request) -> None:
            if is_submit(request) and not other.in_transaction:
                other.execute("BEGIN IMMEDIATE")

        object.__setattr__(stage.tools, "sleep", nap)
        ids = [await stage.create(prompt=f"{PROMPT} {n} [[mock no-callback]]") for n in range(5)]
        stage.provider_wire.spoil = lock
        await stage.engine.turn()
        stage.provider_wire.spoil = None
        other.close()

        assert naps >= 10
        assert {(await stage.job(one)).phase for one in ids} == {Phase.RENDERING}
        await stage.wait(120, step=5)
        assert {(await stage.job(one)).phase for one in ids} == {Phase.COMPLETED}
        assert len(stage.mock.ledger.charges) == 5


async def test_a_gateway_has_the_databases_time_before_it_sends_anything(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        told: list[int] = []
        await recover(replace(stage.tools, follow=told.append))
        assert told == [stage.now()]
