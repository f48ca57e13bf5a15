"""Submissions whose answers were lost are looked for, and sent again only on proof."""

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest

from gateway.config import WatchSettings
from gateway.engine import dispatch, search
from gateway.model.clock import SECOND
from gateway.model.phases import Phase
from gateway.storage.orphans import Reason
from tests.gateway.engine.lost_support import (
    MADE,
    MODELS,
    NEVER_DONE,
    PROMPT,
    Shifted,
    call_back,
    fault,
    is_list,
    lists,
    submitted_by_others,
    without_lists,
)
from tests.rig import Rig, is_submit, pictory, pixverse, rig, twin

SETTLE = 600


@pytest.mark.parametrize(
    "how",
    [
        "accept-then-reset",
        "accept-then-cut",
        "accept-then-timeout",
        "accept-then-status=502",
        "garble",
    ],
)
@pytest.mark.parametrize("model", MODELS)
async def test_what_was_made_is_found_in_the_lists_and_paid_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, how: str
) -> None:
    monkeypatch.setattr(dispatch, "SUBMIT_SECONDS", 0.1)
    async with rig(tmp_path, public_url=None) as stage:
        fault(stage, how)
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.settle()
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        await stage.wait(130, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert "adopted" in await stage.events(job_id)
        assert stage.submits() == len(stage.mock.ledger.charges) == 1


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (MODELS[0], {"success": True, "data": {"jobId": "a/b"}}),
        (MODELS[1], {"video_id": 0}),
        (MODELS[1], {"video_id": "112233445566"}),
    ],
)
async def test_what_was_made_under_an_id_that_cannot_be_asked_for_is_found_in_the_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, body: object
) -> None:
    async with rig(tmp_path, public_url=None) as stage:
        real = stage.provider_wire.handle_async_request

        async def handle(request: httpx.Request) -> httpx.Response:
            answer = await real(request)
            return httpx.Response(200, json=body) if is_submit(request) else answer

        monkeypatch.setattr(stage.provider_wire, "handle_async_request", handle)
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.settle()
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        await stage.wait(130, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert stage.submits() == len(stage.mock.ledger.charges) == 1


@pytest.mark.parametrize("model", MODELS)
async def test_what_was_not_made_is_sent_again_once_that_is_proved(
    tmp_path: Path, model: str
) -> None:
    async with rig(tmp_path, public_url=None) as stage:
        fault(stage, NEVER_DONE)
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.wait(SETTLE - 10, step=30)
        assert await stage.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        assert stage.submits() == 1

        await stage.wait(150, step=10)
        assert await stage.phase(job_id) is Phase.COMPLETED
        assert "not_made" in await stage.events(job_id)
        assert (stage.submits(), len(stage.mock.ledger.charges)) == (2, 1)
        first, second = await stage.attempts(job_id)
        assert (first.state, first.remote_id) == ("ended", None)
        assert second.remote_id is not None


async def test_a_job_that_goes_back_to_the_line_is_not_overdue_there(tmp_path: Path) -> None:
    accounts = [pictory(max_jobs=1)]
    async with rig(tmp_path, accounts=accounts, public_url=None) as stage:
        fault(stage, NEVER_DONE)
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=25m]]")
        await stage.settle()
        # Who came later goes first, and takes longer than the first deadline had left.
        await stage.create(prompt=f"{PROMPT} [[mock run=15m]]", routing={"priority": "high"})
        await stage.wait(SETTLE + 30, step=10)
        assert (await stage.job(job_id)).deadline_at is None
        await stage.wait(900, step=60)
        job = await stage.job(job_id)
        assert job.phase is Phase.RENDERING
        assert job.deadline_at is not None
        assert job.deadline_at > stage.now() + 900 * SECOND


async def test_one_that_nobody_knows_and_that_may_be_it_proves_that_absence_is_no_proof(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        fault(stage, NEVER_DONE)
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=60m]]")
        await stage.settle()
        # While it runs, the lists do not say what it was made from.
        await submitted_by_others(stage, PROMPT, "Another bay")
        await stage.wait(1900, step=50)

        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert "jobs that nobody knows run there" in job.error.message
        assert stage.submits() == 2


@pytest.mark.parametrize("how", [MADE, NEVER_DONE], ids=["made", "not made"])
@pytest.mark.parametrize("model", MODELS)
async def test_without_lists_people_are_told_and_with_them_the_job_goes_on_by_itself(
    tmp_path: Path, model: str, how: str
) -> None:
    async with rig(tmp_path, public_url=None) as stage:
        without_lists(stage)
        fault(stage, how)
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.wait(1900, step=50)
        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert job.error.code == "submission_unknown"
        assert stage.submits() == 1

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(1200, step=60)
        job = await stage.job(job_id)
        assert (job.phase, job.error) == (Phase.COMPLETED, None)
        assert len(stage.mock.ledger.charges) == 1


async def test_where_others_use_the_key_absence_is_never_taken_for_proof(tmp_path: Path) -> None:
    account = pictory(exclusive=False)
    async with rig(tmp_path, accounts=[account], public_url=None) as stage:
        fault(stage, NEVER_DONE)
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(1900, step=50)

        assert await stage.phase(job_id) is Phase.NEEDS_ATTENTION
        assert stage.submits() == 1


async def test_nothing_is_proved_while_the_sender_may_be_alive(
    tmp_path: Path, database_url: str
) -> None:
    async with (
        rig(
            tmp_path,
            accounts=[pictory()],
            public_url=None,
            database_url=database_url,
            watch=WatchSettings(settle_seconds=60),
        ) as first,
        twin(first) as (second, alive),
    ):
        fault(first, NEVER_DONE)
        job_id = await first.create(prompt=PROMPT)
        await first.settle()
        # It was taken over from a sender that was silent; that one had heard nothing yet.
        await first.tools.database.write(
            lambda connection: connection.exec_driver_sql(
                f"UPDATE attempts SET replica = '{first.tools.replica}'"  # noqa: S608
            )
        )
        await second.wait(120, step=5)
        assert await second.phase(job_id) is Phase.SUBMISSION_UNKNOWN
        assert second.submits() == 1

        alive.discard(first.tools.replica)
        await second.wait(200, step=10)
        assert await second.phase(job_id) is Phase.COMPLETED
        assert len(second.mock.ledger.charges) == 1


@pytest.mark.parametrize("seconds", [900, -900])
@pytest.mark.parametrize("model", MODELS)
async def test_where_clocks_differ_no_list_proves_anything(
    tmp_path: Path, model: str, seconds: int
) -> None:
    async with rig(tmp_path, public_url=None) as stage:
        object.__setattr__(stage.tools, "clock", Shifted(stage.tools.clock, seconds))
        fault(stage, MADE)
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.wait(1900, step=50)

        assert await stage.phase(job_id) in {Phase.NEEDS_ATTENTION, Phase.COMPLETED}
        assert stage.submits() == len(stage.mock.ledger.charges) == 1


@pytest.mark.parametrize("model", MODELS)
async def test_a_provider_that_tells_an_absurd_time_is_searched_all_the_same(
    tmp_path: Path, model: str
) -> None:
    async with rig(tmp_path, public_url=None) as stage:

        async def misdated(scope: Any, receive: Any, send: Any) -> None:
            async def sent(message: MutableMapping[str, Any]) -> None:
                if "headers" in message:
                    dates = [(b"date", b"Fri, 31 Dec 99999999999 23:59:59 GMT")]
                    others = [one for one in message["headers"] if one[0].lower() != b"date"]
                    message = {**message, "headers": others + dates}
                await send(message)

            await stage.mock.app(scope, receive, sent)

        stage.provider_wire.app = misdated
        fault(stage, MADE)
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.wait(200, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert stage.submits() == 1


async def test_of_two_equal_requests_each_gets_a_job_of_its_own(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        fault(stage, MADE)
        first = await stage.create(prompt=PROMPT)
        await stage.settle()
        fault(stage, NEVER_DONE)
        second = await stage.create(prompt=PROMPT)
        await stage.wait(SETTLE + 200, step=20)

        made = [await stage.job(one) for one in (first, second)]
        assert [one.phase for one in made] == [Phase.COMPLETED] * 2
        assert made[0].remote_id != made[1].remote_id
        assert len(stage.mock.ledger.charges) == 2
        assert await stage.orphans() == []


async def test_two_jobs_of_one_submission_are_one_film_and_one_orphan(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()], public_url=None) as stage:
        fault(stage, MADE)
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        await submitted_by_others(stage)
        await stage.wait(130, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        (orphan,) = await stage.orphans()
        assert (orphan.reason, orphan.job_id) == (Reason.DOUBLE, job_id)
        assert orphan.remote_id != (await stage.job(job_id)).remote_id
        (told,) = [one for one in await stage.history(job_id) if one.event == "orphaned"]
        assert told.detail.startswith(f"charged_twice: {orphan.remote_id} on pixverse-a: ")


async def test_however_many_are_lost_the_lists_are_read_at_one_pace(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=4)], public_url=None) as stage:
        for n in range(4):
            fault(stage, NEVER_DONE)
            await stage.create(prompt=f"{PROMPT} {n}")
            await stage.wait(5, step=5)
        before = lists(stage)
        await stage.wait(300, step=5)

        # At most three a minute, whatever the number of jobs.
        assert 2 * 300 / 60 <= lists(stage) - before <= 3 * 300 / 60


class Slow:
    """From now on every list takes its time until it is to `go_on`."""

    def __init__(self, stage: Rig) -> None:
        self.asked, self.go_on = asyncio.Event(), asyncio.Event()
        stage.provider_wire.spoil = self._wait

    async def _wait(self, request: httpx.Request) -> None:
        if is_list(request):
            self.asked.set()
            await self.go_on.wait()


async def test_a_search_that_takes_its_time_holds_up_no_other_look(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        good = await stage.create(prompt="Another")
        await stage.settle()
        fault(stage, NEVER_DONE)
        lost = await stage.create(prompt=PROMPT)
        await stage.settle()
        slow = Slow(stage)
        # At this moment the one is searched for, and the other is polled.
        await stage.mock.advance(20)
        searching = asyncio.create_task(stage.engine.turn())
        await slow.asked.wait()
        for _ in range(12):
            await stage.mock.advance(15)
            await stage.engine.turn()
        assert await stage.phase(good) is Phase.COMPLETED
        assert await stage.phase(lost) is Phase.SUBMISSION_UNKNOWN
        assert lists(stage) == 1
        slow.go_on.set()
        await searching


async def taken_up(stage: Rig, job_id: str) -> None:
    """Return when a turn that runs beside the test has taken up a job that was due."""
    while ((await stage.job(job_id)).due_at or 0) <= stage.now():  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0)


async def test_of_one_account_there_is_one_search_at_a_time(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        slow = Slow(stage)
        turns = []
        for n in range(3):
            fault(stage, MADE)
            job_id = await stage.create(prompt=f"{PROMPT} {n}")
            await stage.engine.turn()
            # Each is due for its first search while the one of the first is still under way.
            await stage.mock.advance(17)
            turns.append(asyncio.create_task(stage.engine.turn()))
            await taken_up(stage, job_id)
        await slow.asked.wait()
        await stage.engine.turn()
        assert lists(stage) == 1
        slow.go_on.set()
        await asyncio.gather(*turns)
        # Two lists for the first, and two for the others together.
        assert lists(stage) == 4
        await stage.wait(90, step=10)
        assert {one.phase for one in await stage.every_job()} == {Phase.COMPLETED}
        assert len(stage.mock.ledger.charges) == 3


async def test_a_search_that_takes_too_long_is_not_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "LONGEST", 0.05)
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        fault(stage, NEVER_DONE)
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        Slow(stage)
        await stage.wait(1900, step=20)

        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert "lists were not read within 0.05 s" in job.error.message
        assert (await stage.attempts(job_id))[0].looks == 0


async def test_an_id_that_a_callback_named_and_nobody_sees_does_not_end_the_search(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        fault(stage, MADE)
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        await stage.settle()
        assert await call_back(stage, {"job_id": "8e7c3c30-0000-4000-8000-000000000000"}) == 200
        await stage.wait(150, step=10)

        assert await stage.phase(job_id) is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_a_list_that_asks_for_time_is_given_it(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        busy = httpx.Response(429, headers={"retry-after": "200"}, text="slow down")
        stage.provider_wire.meddle = lambda request: busy if request.method == "GET" else None
        fault(stage, NEVER_DONE)
        await stage.create(prompt=PROMPT)
        await stage.wait(200, step=10)
        assert lists(stage) == 1
