"""Lost answers, restarts, broken results, deadlines: nothing is paid twice, nothing is lost."""

import asyncio
import base64
import contextlib
from collections import Counter
from collections.abc import Callable, MutableMapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace

from gateway.engine import decide, dispatch, outcomes
from gateway.engine.looks import Look, not_seen
from gateway.model.phases import Phase
from gateway.net.upstream import IN_FLIGHT
from gateway.storage import standings
from tests.rig import GATE, Rig, is_submit, pictory, picture, pixverse, rig

PROMPT = "The harbour at dusk"
FRAME = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"


def lose_answer(stage: Rig, how: Callable[[httpx.Request], Exception]) -> None:
    """From now on submits reach the provider, and their answers do not reach us."""

    async def spoil(request: httpx.Request) -> None:
        if is_submit(request):
            raise how(request)

    stage.provider_wire.spoil = spoil


def without_lists(stage: Rig) -> None:
    """From now on the provider shows no list of what it made."""
    stage.provider_wire.meddle = lambda request: (
        httpx.Response(503, text="later") if is_list(request) else None
    )


def is_list(request: httpx.Request) -> bool:
    """Whether a request asks for more than one job."""
    path = request.url.path.rstrip("/")
    return request.method == "GET" and path.endswith(("videos", "jobs", "available"))


async def call_back(stage: Rig, body: object, change: Callable[[str], str] = str) -> int:
    """Call the last submission's callback URL, as anybody who knows it could; the status."""
    submit = [one for one in stage.provider_wire.requests if is_submit(one)][-1]
    url = change(httpx.Response(200, content=submit.content).json()["webhook"])
    transport = httpx.ASGITransport(app=stage.app)
    async with httpx.AsyncClient(transport=transport, base_url=GATE) as client:
        return (await client.post(url, json=body)).status_code


LOST = [
    lambda request: httpx.ReadError("reset", request=request),
    lambda request: httpx.ReadTimeout("slow", request=request),
    lambda request: httpx.RemoteProtocolError("half an answer", request=request),
]


@pytest.mark.parametrize("how", LOST, ids=["reset", "slow", "half"])
@pytest.mark.parametrize("model", ["pictory/pixverse5.5", "useapi-pixverse/v4"])
async def test_a_lost_answer_is_found_again_by_its_callback_and_paid_once(
    tmp_path: Path, model: str, how: Callable[[httpx.Request], Exception]
) -> None:
    async with rig(tmp_path) as stage:
        lose_answer(stage, how)
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.settle()
        assert (await stage.job(job_id)).phase is Phase.SUBMISSION_UNKNOWN

        await stage.wait(120, step=5)

        job = await stage.job(job_id)
        assert job.phase is Phase.COMPLETED, (job.phase, await stage.events(job_id))
        assert "adopted" in await stage.events(job_id)
        assert stage.submits() == 1
        assert len(stage.mock.ledger.charges) == 1


async def test_a_lost_answer_without_callback_or_lists_asks_for_attention_and_is_not_sent_again(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        lose_answer(stage, LOST[0])
        without_lists(stage)
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        await stage.wait(1900, step=50)

        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert job.error.code == "submission_unknown"
        assert stage.submits() == 1


async def test_a_callback_after_the_deadline_still_brings_the_video(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        lose_answer(stage, LOST[0])
        without_lists(stage)
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        await stage.wait(1900, step=50)
        assert (await stage.job(job_id)).phase is Phase.NEEDS_ATTENTION
        (made,) = stage.mock.jobs

        await call_back(stage, {"job_id": made.order.id})
        await stage.wait(60, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_an_answer_nobody_understands_is_not_taken_for_a_refusal(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(502, text="<html>bad gateway</html>") if is_submit(request) else None
        )
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()

        assert (await stage.job(job_id)).phase is Phase.SUBMISSION_UNKNOWN
        (attempt,) = await stage.attempts(job_id)
        assert attempt.state == "unknown"


@pytest.mark.parametrize("model", ["pictory/pixverse5.5", "useapi-pixverse/v4"])
async def test_an_odd_answer_that_names_the_job_is_looked_for_under_that_name(
    tmp_path: Path, model: str
) -> None:
    async with rig(tmp_path, public_url=None) as stage:

        async def created(scope: Any, receive: Any, send: Any) -> None:
            async def sent(message: MutableMapping[str, Any]) -> None:
                odd = {"status": 201} if message.get("status") == 200 else {}
                await send({**message, **odd})

            await stage.mock.app(scope, receive, sent if scope["method"] == "POST" else send)

        stage.provider_wire.app = created
        job_id = await stage.create(model=model, prompt=PROMPT)
        await stage.settle()
        # An id that was heard of is looked at straight away.
        assert (await stage.events(job_id))[-2:] == ["outcome_lost", "adopted"]
        await stage.wait(150, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_what_was_never_sent_is_sent_when_the_provider_is_back(tmp_path: Path) -> None:
    def down(request: httpx.Request) -> httpx.Response | None:
        raise httpx.ConnectError("refused", request=request)

    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.provider_wire.meddle = down
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(30)
        job = await stage.job(job_id)
        assert job.phase is Phase.WAITING_FOR_SLOT
        assert job.attempts >= 2

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(200, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert len(stage.mock.ledger.charges) == 1


async def test_no_more_is_submitted_at_once_than_there_are_connections(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=IN_FLIGHT + 4)]) as stage:
        full, go_on = asyncio.Event(), asyncio.Event()

        async def wait(_: httpx.Request) -> None:
            if stage.submits() == IN_FLIGHT:
                full.set()
            await go_on.wait()

        stage.provider_wire.spoil = wait
        for n in range(IN_FLIGHT + 4):
            await stage.create(prompt=f"{PROMPT} {n}")
        turn = asyncio.create_task(stage.engine.turn())
        await full.wait()
        phases = Counter(job.phase for job in await stage.every_job())
        # Of those that wait nobody may think that they were sent.
        assert phases == {Phase.SUBMITTING: IN_FLIGHT, Phase.PREPARING: 4}
        go_on.set()
        await turn
        assert {job.phase for job in await stage.every_job()} == {Phase.RENDERING}
        assert (await stage.standing("pictory-main")).rests_until is None


@pytest.mark.parametrize("upload", [False, True])
async def test_connections_that_are_all_busy_are_held_against_nobody(
    tmp_path: Path, *, upload: bool
) -> None:
    def busy(request: httpx.Request) -> httpx.Response | None:
        if request.method == "POST" and left:
            raise left.pop()
        return None

    left = [httpx.PoolTimeout("busy")]
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.provider_wire.meddle = busy
        job_id = await stage.create(prompt=PROMPT, **({"first_frame": FRAME} if upload else {}))
        await stage.engine.turn()
        job = await stage.job(job_id)
        assert (job.phase, job.turned_away, job.failures) == (Phase.WAITING_FOR_SLOT, 0, 0)
        standing = await stage.standing("pixverse-a")
        assert (standing.rests_until, standing.failures, standing.probing) == (None, 0, False)
        await stage.wait(10, step=5)
        assert await stage.phase(job_id) is Phase.RENDERING


async def test_a_forged_callback_changes_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        job_id = await stage.create(prompt=PROMPT)
        await stage.settle()
        forged = {"success": True, "data": {"status": "completed", "url": "http://evil"}}
        assert await call_back(stage, forged) == 200
        assert await call_back(stage, forged, lambda url: url[:-1] + "~") == 404
        assert (
            await call_back(stage, forged, lambda url: url.replace("pictory", "useapi-pixverse"))
            == 404
        )
        await stage.settle()

        job = await stage.job(job_id)
        assert job.phase is Phase.RENDERING
        assert job.remote_url is None
        assert all("evil" not in str(one.url) for one in stage.media_wire.requests)


async def test_a_callback_naming_another_job_cannot_make_it_ours(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=2)]) as stage:
        theirs = await stage.create(prompt=f"{PROMPT} theirs")
        await stage.settle()
        known = (await stage.job(theirs)).remote_id
        lose_answer(stage, LOST[0])
        job_id = await stage.create(prompt=f"{PROMPT} [[mock no-callback]]")
        await stage.settle()
        assert await call_back(stage, {"job_id": known}) == 200
        await stage.wait(60, step=5)

        assert (await stage.job(theirs)).phase is Phase.COMPLETED
        assert (await stage.job(job_id)).remote_id != known
        await stage.wait(120, step=5)
        job = await stage.job(job_id)
        # Its own was found.
        assert job.phase is Phase.COMPLETED
        assert job.remote_id not in (None, known)
        assert len(stage.mock.ledger.charges) == 2


async def test_a_failed_poll_changes_nothing_but_the_time_of_the_next(tmp_path: Path) -> None:
    def moody(request: httpx.Request) -> httpx.Response | None:
        if request.method != "GET":
            return None
        moods: list[Any] = [
            httpx.Response(500, text="oops"),
            httpx.Response(401, json={"message": "Unauthorized"}),
            httpx.Response(200, text="<html>"),
            httpx.Response(404, json={"success": False}),
        ]
        seen = sum(1 for one in stage.provider_wire.requests if one.method == "GET")
        if seen <= len(moods):
            return httpx.Response(moods[seen - 1].status_code, content=moods[seen - 1].content)
        if seen == len(moods) + 1:
            raise httpx.ReadTimeout("slow", request=request)
        return None

    async with rig(tmp_path, accounts=[pictory()], public_url=None) as stage:
        stage.provider_wire.meddle = moody
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(70, step=5)
        assert (await stage.job(job_id)).phase is Phase.RENDERING
        await stage.wait(110, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_a_result_that_is_no_video_is_asked_for_again(tmp_path: Path) -> None:
    broken = [
        httpx.Response(200, stream=httpx.ByteStream(b"<html>not found</html>")),
        httpx.Response(503, stream=httpx.ByteStream(b"")),
    ]
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.media_wire.meddle = lambda _: broken.pop() if broken else None
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(180, step=2)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert (await stage.events(job_id)).count("link_failed") == 2
        assert len(stage.mock.ledger.charges) == 1


async def test_past_the_deadline_people_are_told_and_a_late_video_is_still_taken(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=50m no-callback]]")
        waiting = await stage.create(prompt=PROMPT)
        await stage.wait(1900, step=20)

        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert job.error.code == "stalled"
        assert job.remote_id is not None
        assert (await stage.job(waiting)).phase is not Phase.WAITING_FOR_SLOT

        await stage.wait(1800, step=60)
        assert (await stage.job(job_id)).phase is Phase.COMPLETED


async def test_a_picture_behind_a_url_is_fetched_and_uploaded(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.media_wire.meddle = lambda request: (
            httpx.Response(200, stream=httpx.ByteStream(picture("teal")))
            if request.url.host == "pictures.test"
            else None
        )
        job_id = await stage.create(prompt=PROMPT, first_frame="https://pictures.test/a.png")
        await stage.wait(90, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda: httpx.Response(200, stream=httpx.ByteStream(b"hello")), "neither a picture"),
        (lambda: httpx.Response(403, stream=httpx.ByteStream(b"")), "status 403"),
    ],
    ids=["no picture", "forbidden"],
)
async def test_a_picture_that_cannot_be_used_fails_the_job_before_anything_is_paid(
    tmp_path: Path, answer: Callable[[], httpx.Response], words: str
) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.media_wire.meddle = lambda _: answer()
        job_id = await stage.create(prompt=PROMPT, first_frame="https://pictures.test/a.png")
        await stage.wait(5)

        job = await stage.job(job_id)
        assert job.phase is Phase.FAILED
        assert job.error is not None
        assert job.error.code == "input_unusable"
        assert words in job.error.message
        assert stage.submits() == 0


async def test_a_picture_that_never_comes_fails_the_job_after_some_tries(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.media_wire.meddle = lambda _: httpx.Response(503, stream=httpx.ByteStream(b""))
        job_id = await stage.create(prompt=PROMPT, first_frame="https://pictures.test/a.png")
        await stage.wait(240, step=5)

        job = await stage.job(job_id)
        assert job.phase is Phase.FAILED
        # Nothing was submitted: people see no attempt, the history shows each try.
        assert job.attempts == 0
        tried = [attempt.n for attempt in await stage.attempts(job_id)]
        assert tried == list(range(1, outcomes.INPUT_TRIES + 1))


@pytest.mark.parametrize("when", ["answer", "record"])
async def test_a_bug_around_a_submission_costs_no_second_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, when: str
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:

        async def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError

        if when == "record":
            monkeypatch.setattr(outcomes, "_accepted", broken)
        else:
            stage.provider_wire.spoil = lambda request: broken() if is_submit(request) else idle()
        job_id = await stage.create(prompt=PROMPT)
        with contextlib.suppress(ZeroDivisionError):
            await stage.engine.turn()
        assert (await stage.job(job_id)).phase is Phase.SUBMISSION_UNKNOWN
        await stage.wait(120, step=5)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert stage.submits() == 1


async def idle() -> None:
    """Nothing goes wrong."""


async def test_an_answer_with_the_id_of_another_job_is_not_believed(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        first = await stage.create(prompt=PROMPT)
        await stage.settle()
        known = (await stage.job(first)).remote_id
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(200, json={"success": True, "data": {"jobId": known}})
            if is_submit(request)
            else None
        )
        second = await stage.create(prompt=PROMPT)
        await stage.settle()

        assert (await stage.job(second)).phase is Phase.SUBMISSION_UNKNOWN
        assert (await stage.job(first)).phase is Phase.RENDERING


async def test_a_bug_while_preparing_gives_the_slot_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:

        async def broken(*_: object) -> str:
            raise ZeroDivisionError

        monkeypatch.setattr(dispatch, "bring", broken)
        job_id = await stage.create(prompt=PROMPT, first_frame=FRAME)
        await stage.settle()

        assert (await stage.job(job_id)).phase is Phase.WAITING_FOR_SLOT


async def test_an_outage_of_the_provider_costs_no_job_with_pictures_its_place(
    tmp_path: Path,
) -> None:
    def down(request: httpx.Request) -> httpx.Response | None:
        raise httpx.ConnectError("refused", request=request)

    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        ids = [await stage.create(prompt=f"{PROMPT} {n}", first_frame=FRAME) for n in range(5)]
        stage.provider_wire.meddle = down
        await stage.wait(600, step=5)
        tried = [len(await stage.attempts(one)) for one in ids]
        assert {(await stage.job(one)).phase for one in ids} == {Phase.WAITING_FOR_SLOT}
        # The account rests between tries, so the line does not churn.
        assert sum(tried) <= 20

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(500, step=5)
        assert {(await stage.job(one)).phase for one in ids} == {Phase.COMPLETED}


async def test_a_job_that_turns_its_account_away_does_not_stop_the_others(tmp_path: Path) -> None:
    def refuse(request: httpx.Request) -> httpx.Response | None:
        if is_submit(request) and b"poison" in request.content:
            return httpx.Response(402, json={"message": "Forbidden"})
        return None

    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        stage.provider_wire.meddle = refuse
        poison = await stage.create(prompt=f"{PROMPT} poison")
        others = [await stage.create(prompt=f"{PROMPT} {n}") for n in range(3)]
        await stage.wait(900, step=10)

        assert {(await stage.job(one)).phase for one in others} == {Phase.COMPLETED}
        job = await stage.job(poison)
        assert job.phase is Phase.WAITING_FOR_SLOT
        assert job.turned_away == job.attempts >= 2


async def test_a_picture_that_may_be_what_was_not_found_is_uploaded_again(tmp_path: Path) -> None:
    lost = [httpx.Response(404, json={"error": "The original image has been deleted"})]

    def uploads() -> int:
        return sum("files" in one.url.path for one in stage.provider_wire.requests)

    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        stage.provider_wire.meddle = lambda request: (
            lost.pop() if lost and is_submit(request) else None
        )
        job_id = await stage.create(prompt=PROMPT, first_frame=FRAME)
        await stage.settle()
        assert uploads() == 1
        await stage.wait(450, step=10)

        assert (await stage.job(job_id)).phase is Phase.COMPLETED
        assert uploads() == 2


async def test_a_job_that_failed_for_want_of_credits_rests_its_account(tmp_path: Path) -> None:
    failed = {
        "success": False,
        "data": {"status": "failed", "error_code": "INSUFFICIENT_CREDITS"},
    }
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        job_id = await stage.create(prompt=PROMPT)
        after = await stage.create(prompt=PROMPT)
        await stage.settle()
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(200, json=failed) if request.method == "GET" else None
        )
        await stage.wait(60, step=5)

        assert (await stage.job(job_id)).phase is Phase.FAILED
        assert (await stage.job(after)).phase is Phase.WAITING_FOR_SLOT
        (rest,) = await resting(stage, "pictory")
        assert rest.reason == "insufficient_credits"

        stage.provider_wire.meddle = lambda _: None
        await stage.wait(420, step=10)
        assert (await stage.job(after)).phase is Phase.COMPLETED


async def resting(stage: Rig, provider: str) -> list[standings.Rest]:
    """The accounts of a provider, all of which rest."""
    return (
        await stage.tools.database.read(
            lambda connection: standings.resting(connection, [provider], stage.now())
        )
        or []
    )


async def test_a_storm_of_callbacks_makes_one_look_at_a_time(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        await stage.create(prompt=PROMPT)
        await stage.settle()
        go_on = asyncio.Event()
        polls = 0

        async def hang(request: httpx.Request) -> None:
            nonlocal polls
            if request.method == "GET":
                polls += 1
                await go_on.wait()

        stage.provider_wire.spoil = hang
        turns = []
        for _ in range(50):
            assert await call_back(stage, {}) == 200
            turns.append(asyncio.create_task(stage.engine.turn()))
            await asyncio.sleep(0)
        assert polls <= 1
        go_on.set()
        await asyncio.gather(*turns)


async def test_an_odd_wish_to_wait_hides_neither_job_nor_deadline(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        odd = httpx.Response(503, headers={"retry-after": "86400"}, text="later")
        stage.provider_wire.meddle = lambda request: odd if request.method == "GET" else None
        job_id = await stage.create(prompt=PROMPT)
        waiting = await stage.create(prompt=PROMPT)
        await stage.wait(1850, step=50)

        assert (await stage.job(job_id)).phase is Phase.NEEDS_ATTENTION
        assert (await stage.job(waiting)).phase is not Phase.WAITING_FOR_SLOT


async def test_a_result_that_cannot_be_had_is_not_fetched_for_ever(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.media_wire.meddle = lambda _: httpx.Response(403, stream=httpx.ByteStream(b""))
        job_id = await stage.create(prompt=PROMPT)
        await stage.wait(600, step=10)
        job = await stage.job(job_id)
        assert job.phase is Phase.NEEDS_ATTENTION
        assert job.error is not None
        assert job.error.code == "result_not_saved"

        await stage.wait(6 * 3600, step=300)
        assert len(stage.media_wire.requests) < 12
        assert (await stage.job(job_id)).error is not None


async def test_a_look_that_ends_after_others_took_over_ends_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)], public_url=None) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock run=60m]]")
        await stage.settle()
        stale = await stage.job(job_id)
        await stage.wait(1300, step=100)
        assert (await stage.job(job_id)).phase is Phase.NEEDS_ATTENTION
        await decide.resubmit(stage.tools, job_id)
        await stage.settle()
        assert (await stage.job(job_id)).phase is Phase.RENDERING

        at = Look(began=stage.now(), next_at=stage.now())
        await not_seen(stage.tools, replace(stale, deadline_at=stage.now()), at, "late")

        assert (await stage.job(job_id)).phase is Phase.RENDERING
        waiting = await stage.create(prompt=PROMPT)
        await stage.settle()
        assert (await stage.job(waiting)).phase is Phase.WAITING_FOR_SLOT


async def test_no_more_than_four_results_are_fetched_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=8)]) as stage:
        for n in range(8):
            await stage.create(prompt=f"{PROMPT} {n}")
        await stage.settle()
        await stage.mock.advance(60)
        now, full, go_on = 0, asyncio.Event(), asyncio.Event()

        async def hang(_: httpx.Request) -> None:
            nonlocal now
            now += 1
            if now == 4:
                full.set()
            await go_on.wait()

        stage.media_wire.spoil = hang
        await stage.engine.turn()
        fetching = asyncio.create_task(stage.engine.turn())
        await full.wait()
        assert await stage.engine.turn() == 0
        assert now == 4

        go_on.set()
        await fetching
        await stage.settle()
        assert now == 8


async def test_a_refusal_over_a_length_that_may_be_counted_otherwise_comes_with_a_hint(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory()]) as stage:
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(400, json={"success": False, "message": "prompt is too long"})
            if is_submit(request)
            else None
        )
        most = stage.tools.adapters["pictory"].capabilities.offers[0].prompt_max
        told = []
        for prompt in (PROMPT, "\N{WAVE DASH}" * (most - 1), "\N{WATER WAVE}" * (most - 1)):
            job_id = await stage.create(model="pictory/pixverse5.5", prompt=prompt)
            await stage.settle()
            error = (await stage.job(job_id)).error
            told.append(error.message if error else "")

        assert told[0] == told[1]
        assert "in the count of JavaScript" in told[2]
        assert told[2].startswith(told[0])


async def test_an_upload_without_a_usable_answer_lets_others_go_first_and_ends_at_last(
    tmp_path: Path,
) -> None:
    bad = base64.b64encode(picture("red")).decode()
    frame = f"data:image/png;base64,{bad}"
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:

        def break_uploads(request: httpx.Request) -> httpx.Response | None:
            if "files" in request.url.path:
                return httpx.Response(504, text="gateway timeout")
            return None

        stage.provider_wire.meddle = break_uploads
        stuck = await stage.create(
            model="useapi-pixverse/v4", prompt="The harbour", first_frame=frame
        )
        other = await stage.create(model="useapi-pixverse/v4", prompt="The harbour by night")
        await stage.wait(120, step=10)
        assert (await stage.job(other)).phase is Phase.COMPLETED

        await stage.wait(2400, step=100)
        ended = await stage.job(stuck)
        assert ended.phase is Phase.FAILED
        assert ended.error is not None
        assert ended.error.code == "input_unusable"
        assert len(stage.mock.ledger.charges) == 1


async def test_a_job_that_was_turned_away_alone_has_its_place_back_after_a_while(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path, accounts=[pictory(max_jobs=1)]) as stage:
        refused = iter([httpx.Response(401, json={"message": "Unauthorized"})])
        stage.provider_wire.meddle = lambda one: next(refused, None) if is_submit(one) else None
        first = await stage.create(model="pictory/pixverse5.5", prompt="The harbour at dusk")
        await stage.settle()
        assert (await stage.job(first)).turned_away == 1
        later = [
            await stage.create(model="pictory/pixverse5.5", prompt=f"The harbour, take {n}")
            for n in range(60)
        ]
        await stage.wait(1500, step=60)
        assert (await stage.job(first)).attempt_id is None

        await stage.wait(1200, step=60)
        assert (await stage.job(first)).phase in {Phase.RENDERING, Phase.COMPLETED}
        assert (await stage.job(later[-1])).phase is Phase.WAITING_FOR_SLOT
