"""A job's whole life against the mock providers, in virtual time."""

import base64
from pathlib import Path

import httpx
import pytest
import structlog

from gateway.model.phases import Phase
from mockserver import Account as MockAccount
from mockserver import World
from providers.contract import Price, Secret
from tests.rig import Rig, is_submit, pictory, picture, pixverse, rig


def inline(color: str = "orange") -> str:
    return f"data:image/png;base64,{base64.b64encode(picture(color)).decode()}"


FRAMES = {"first_frame": inline("orange"), "last_frame": inline("navy")}
PROMPT = "The harbour at dusk"


async def finished(stage: Rig, job_id: str, seconds: float = 120) -> None:
    await stage.wait(seconds, step=5)
    job = await stage.job(job_id)
    assert job.phase is Phase.COMPLETED, (job.phase, job.error, await stage.events(job_id))


async def test_first_and_last_frame_become_a_video_on_our_own_disk(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        job_id = await stage.create(model="useapi-pixverse/v3.5", prompt=PROMPT, **FRAMES)
        await finished(stage, job_id)
        job = await stage.job(job_id)

        assert job.result is not None
        assert (job.result.media_type, job.result.duration_ms) == ("video/mp4", 5000)
        assert (job.result.width, job.result.height) == (1280, 720)
        assert stage.tools.media.path(job.result.digest).stat().st_size == job.result.bytes
        assert await stage.events(job_id) == [
            "created",
            "slot_bound",
            "inputs_ready",
            "accepted",
            "called_back",
            "rendered",
            "saved",
        ]
        assert len(stage.mock.ledger.charges) == 1


async def test_pictory_gets_the_picture_by_a_signed_link_and_tells_its_price(
    tmp_path: Path,
) -> None:
    async with rig(tmp_path) as stage:
        job_id = await stage.create(
            model="pictory/pixverse5.5", prompt=PROMPT, seconds=8, first_frame=inline()
        )
        await finished(stage, job_id)
        job = await stage.job(job_id)

        assert job.cost == Price(amount=128, unit="pictory_credit_tenths")
        assert job.result is not None
        assert job.result.duration_ms == 8000


@pytest.mark.parametrize(
    "model", ["useapi-pixverse/v3.5", "useapi-pixverse/v4", "pictory/pixverse5.5"]
)
async def test_polling_alone_finishes_a_job(tmp_path: Path, model: str) -> None:
    frames = FRAMES if model.endswith("v3.5") else {}
    async with rig(tmp_path, public_url="http://127.0.0.1:8080") as stage:
        job_id = await stage.create(model=model, prompt=f"{PROMPT} [[mock no-callback]]", **frames)
        await finished(stage, job_id)

        assert "called_back" not in await stage.events(job_id)
        assert len(stage.mock.ledger.charges) == 1


async def test_without_a_public_url_no_callback_is_asked_for(tmp_path: Path) -> None:
    async with rig(tmp_path, public_url=None) as stage:
        job_id = await stage.create(model="pictory/veo3.1_fast", prompt=PROMPT)
        await finished(stage, job_id)

        assert stage.mock.journal.deliveries == []


async def test_the_same_request_runs_on_either_provider_by_a_line_of_configuration(
    tmp_path: Path,
) -> None:
    request = {"model": "default", "prompt": PROMPT, "first_frame": inline()}
    for target in ("useapi-pixverse/v4", "pictory/pixverse5.5"):
        folder = tmp_path / target.replace("/", "-")
        async with rig(folder, routes={"default": (target,)}) as stage:
            job_id = await stage.create(**request)
            await finished(stage, job_id)
            job = await stage.job(job_id)

            assert job.choice is not None
            assert job.choice.target == target


async def test_no_more_jobs_than_max_jobs_are_ever_at_the_provider(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=2)]) as stage:
        ids = [await stage.create(prompt=f"{PROMPT} {n}") for n in range(5)]
        most = 0
        for _ in range(60):
            await stage.wait(5, step=5)
            most = max(most, sum(1 for one in stage.mock.jobs if not one.ended))

        assert most == 2
        assert {(await stage.job(one)).phase for one in ids} == {Phase.COMPLETED}
        assert 429 not in {one.status for one in stage.mock.journal.requests}


async def test_jobs_leave_the_line_in_the_order_they_came(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        ids = [await stage.create(prompt=f"{PROMPT} {n}") for n in range(3)]
        await stage.wait(300, step=5)

        done = [(await stage.job(one)).completed_at for one in ids]
        assert None not in done
        assert done == sorted(done, key=lambda at: at or 0)


async def test_a_429_puts_the_job_back_in_line_for_10_to_30_seconds(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock throttle=2]]")
        await stage.settle()
        assert (await stage.job(job_id)).phase is Phase.WAITING_FOR_SLOT

        await stage.wait(9.5, step=0.5)
        assert stage.submits() == 1
        await stage.wait(3, step=0.5)
        assert stage.submits() == 2
        await finished(stage, job_id, 150)

        assert (await stage.events(job_id)).count("throttled") == 2
        assert (await stage.job(job_id)).attempts == 3
        assert len(stage.mock.ledger.charges) == 1


async def test_a_429_of_one_account_leaves_the_others_at_work(tmp_path: Path) -> None:
    emails = ("a@example.com", "b@example.com")
    async with rig(
        tmp_path,
        accounts=[pixverse("a", email=emails[0]), pixverse("b", email=emails[1])],
        mock_accounts=tuple(MockAccount(email=one) for one in emails),
    ) as stage:
        throttled = await stage.create(prompt=f"{PROMPT} [[mock throttle=1]]")
        await stage.settle()

        job = await stage.job(throttled)
        assert job.phase is Phase.RENDERING
        assert job.account == "b"


async def test_a_refusal_of_the_prompt_fails_the_job_and_frees_the_slot(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse(max_jobs=1)]) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock refuse=422]]")
        after = await stage.create(prompt=PROMPT)
        await stage.settle()

        job = await stage.job(job_id)
        assert job.phase is Phase.FAILED
        assert job.error is not None
        assert job.error.code == "content_moderated"
        assert "moderator" in job.error.message
        assert (await stage.job(after)).phase is Phase.RENDERING


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


@pytest.mark.parametrize(
    ("fate", "code"), [("moderated", "content_moderated"), ("failed", "generation_failed")]
)
async def test_the_providers_own_verdict_ends_a_job(tmp_path: Path, fate: str, code: str) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock fail={fate}]]")
        await stage.wait(90, step=5)

        job = await stage.job(job_id)
        assert job.phase is Phase.FAILED
        assert job.error is not None
        assert job.error.code == code
        assert job.completed_at is not None


@pytest.mark.parametrize("status", [412, 596])
async def test_an_account_that_cannot_work_passes_its_jobs_to_another(
    tmp_path: Path, status: int
) -> None:
    route = {"default": ("useapi-pixverse/v4", "pictory/pixverse5.5")}
    async with rig(tmp_path, routes=route) as stage:
        job_id = await stage.create(prompt=f"{PROMPT} [[mock refuse={status}]]")
        # Pictory's mock refuses nothing with these statuses, so the directive is not for it.
        stage.provider_wire.meddle = lambda request: (
            httpx.Response(200, json={"success": True, "data": {"jobId": "made-elsewhere"}})
            if request.url.path.endswith("aistudio/videos")
            else None
        )
        await stage.settle()

        job = await stage.job(job_id)
        assert job.account == "pictory-main"
        assert "turned_away" in await stage.events(job_id)


async def test_with_a_wrong_key_jobs_keep_their_place_until_it_is_mended(
    tmp_path: Path, lasting_mock: World
) -> None:
    wrong = pictory(api_key=Secret("Bearer pictai_wrong"))
    async with rig(tmp_path, accounts=[wrong], mock=lasting_mock) as stage:
        ids = [await stage.create(prompt=f"{PROMPT} {n}") for n in range(4)]
        with structlog.testing.capture_logs() as lines:
            await stage.wait(60, step=5)

        assert {(await stage.job(one)).phase for one in ids} == {Phase.WAITING_FOR_SLOT}
        assert "check the api_key of account 'pictory-main'" in str(await stage.history(ids[0]))
        assert {one["account"] for one in lines if one["event"] == "an account rests"} == {
            "pictory-main"
        }
        assert stage.mock.ledger.charges == ()

    async with rig(tmp_path, accounts=[pictory()], mock=lasting_mock) as stage:
        await stage.wait(150, step=5)
        assert {(await stage.job(one)).phase for one in ids} == {Phase.COMPLETED}


async def test_one_bad_key_does_not_stop_the_good_accounts(tmp_path: Path) -> None:
    bad = pixverse("a", api_key=Secret("user:1234"))
    async with rig(tmp_path, accounts=[bad, pixverse("b")]) as stage:
        ids = [await stage.create(prompt=f"{PROMPT} {n}") for n in range(5)]
        await stage.wait(200, step=5)

        assert {(await stage.job(one)).phase for one in ids} == {Phase.COMPLETED}
        assert {(await stage.job(one)).account for one in ids} == {"b"}


async def test_the_same_picture_goes_to_an_account_only_once(tmp_path: Path) -> None:
    async with rig(tmp_path, accounts=[pixverse()]) as stage:
        for n in range(2):
            job_id = await stage.create(prompt=f"{PROMPT} {n}", first_frame=inline("teal"))
            await finished(stage, job_id)

        uploads = [one for one in stage.mock.journal.requests if "files" in one.path]
        assert len(uploads) == 1


async def test_the_gateways_own_reads_cost_the_provider_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path) as stage:
        job_id = await stage.create(model="pictory/pixverse5.5", prompt=PROMPT)
        await finished(stage, job_id)
        before = len(stage.mock.journal.requests)
        async with httpx.AsyncClient(
            transport=httpx.ASGITransport(app=stage.app), base_url="http://gate.test"
        ) as client:
            for _ in range(20):
                assert (await client.get(f"/v1/videos/{job_id}")).status_code == 200

        assert len(stage.mock.journal.requests) == before
