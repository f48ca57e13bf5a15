from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx
import pytest

from mockserver import Account, ReplyLost, Settings, World
from mockserver.magic.directives import DIRECTIVES
from mockserver.magic.table import NATURAL, TRIGGERS, Trigger
from mockserver.pictory.rules import REFUSALS as PICTORY_REFUSALS
from mockserver.pixverse import Pixverse
from mockserver.pixverse.errors import REFUSALS as PIXVERSE_REFUSALS
from mockserver.wire.refusals import GARBAGE
from tests.mockserver.drivers import PICTORY, USEAPI, VIDEOS, Client, Open, Receiver, png

SUBMIT = "/pictoryapis/v1/aistudio/videos"
HOOK = "http://127.0.0.1:9/hook"
ONE_SLOT = Settings(clock="frozen", max_jobs=1, edge_blocks_agents=True)
AGENT = {"User-Agent": "filmgate-test/1"}

SENT = [row for row in TRIGGERS if row.carrier != "request"]


async def submitted(client: Client, row: Trigger) -> httpx.Response:
    """The answer to a submit that carries the trigger."""
    prompt = f"dawn at sea {row.value}" if row.carrier == "prompt" else "dawn at sea"
    if row.provider == "pictory":
        headers = {"Authorization": row.value} if row.carrier == "key" else PICTORY
        body: dict[str, Any] = {"prompt": prompt}
        if row.carrier == "file":
            body["firstFrameImageUrl"] = f"https://pictures.example.com/dawn/{row.value}"
        return await client.http.post(SUBMIT, json=body, headers=headers)
    body = {"prompt": prompt}
    if row.carrier == "email":
        body["email"] = row.value
    if row.carrier == "seed":
        body = {"first_frame_path": await client.upload_path(png("red")), "seed": int(row.value)}
    headers = {"Authorization": f"Bearer {row.value}"} if row.carrier == "token" else USEAPI
    return await client.http.post(f"{VIDEOS}/create-v4", json=body, headers=headers)


@pytest.mark.parametrize("row", SENT, ids=lambda row: f"{row.provider} {row.carrier} {row.value}")
async def test_a_trigger_is_answered_as_its_row_says(opened: Open, row: Trigger) -> None:
    async with opened() as (mock, client):
        if row.status == 0:
            with pytest.raises(ReplyLost):
                await submitted(client, row)
        else:
            assert (await submitted(client, row)).status_code == row.status

        made = 1 if row.status in {0, 200} else 0
        assert len(mock.jobs) == len(mock.ledger.charges) == made
        for _ in range(4):  # Whatever becomes of the job, the documents know each answer.
            for job in mock.jobs:
                if row.provider == "pictory":
                    await client.http.get(f"/pictoryapis/v1/jobs/{job.id}", headers=PICTORY)
                    await client.http.get("/pictoryapis/v1/jobs", headers=PICTORY)
                else:
                    await client.useapi(f"/videos/{job.id}")
                    await client.useapi("/videos")
            await mock.advance(40)
        assert all(job.ended for job in mock.jobs)


async def break_pictorys_rule(client: Client, _: World) -> httpx.Response:
    return await client.pictory(model="nonsense")


async def send_bearer(client: Client, _: World) -> httpx.Response:
    headers = {"Authorization": "Bearer pictai_test"}
    return await client.http.post(SUBMIT, json={"prompt": "dawn at sea"}, headers=headers)


async def name_a_library(client: Client, _: World) -> httpx.Response:
    headers = PICTORY | {"User-Agent": "python-requests/2.32"}
    return await client.http.get("/pictoryapis/v1/jobs", headers=headers)


async def ask_for_an_unknown_job(client: Client, _: World) -> httpx.Response:
    return await client.http.get("/pictoryapis/v1/jobs/nothing", headers=PICTORY)


async def clean_a_finished_job(client: Client, mock: World) -> httpx.Response:
    job_id = await client.pictory_id()
    await mock.advance(50)
    url = f"/pictoryapis/v1/jobs/{job_id}"
    assert (await client.http.delete(f"{url}/clean", headers=PICTORY)).status_code == 200
    answer = await client.http.get(url, headers=PICTORY)
    assert answer.json()["data"] == {"status": "cleaned"}
    return answer


async def clean_a_running_job(client: Client, _: World) -> httpx.Response:
    url = f"/pictoryapis/v1/jobs/{await client.pictory_id()}/clean"
    return await client.http.delete(url, headers=PICTORY)


async def break_a_rule(client: Client, _: World) -> httpx.Response:
    return await client.text_video(duration=6)


async def leave_the_token_out(client: Client, _: World) -> httpx.Response:
    return await client.http.post(f"{VIDEOS}/create-v4", json={"prompt": "dawn"})


async def name_an_unknown_account(client: Client, _: World) -> httpx.Response:
    return await client.text_video(email="who@example.com")


async def fill_the_account(client: Client, _: World) -> httpx.Response:
    await client.text_video()
    return await client.text_video(email="ops@example.com")


async def fill_all_accounts(client: Client, _: World) -> httpx.Response:
    await client.text_video()
    return await client.text_video()


async def ask_for_a_running_video(client: Client, _: World) -> httpx.Response:
    video_id = (await client.text_video()).json()["video_id"]
    return await client.useapi(f"/videos/{video_id}")


async def encode_a_video_id(client: Client, _: World) -> httpx.Response:
    return await client.useapi("/videos/user%3A1")


async def hold_the_account(client: Client, _: World) -> httpx.Response:
    held = await client.http.post("/__mock/accounts/ops@example.com/hold")
    assert held.status_code == 204
    return await client.text_video()


async def upload_a_large_picture(client: Client, _: World) -> httpx.Response:
    return await client.upload(png("red", (4001, 1)))


Doing = Callable[[Client, World], Awaitable[httpx.Response]]
DOINGS: Mapping[tuple[str, str], Doing] = {
    ("pictory", "break a rule"): break_pictorys_rule,
    ("pictory", "send `Bearer` before the key"): send_bearer,
    ("pictory", "name a library as User-Agent, with `edge_blocks_agents`"): name_a_library,
    ("pictory", "ask for an unknown job"): ask_for_an_unknown_job,
    ("pictory", "clean a finished job, then ask"): clean_a_finished_job,
    ("pictory", "clean a running job"): clean_a_running_job,
    ("pixverse", "break a rule"): break_a_rule,
    ("pixverse", "leave the token out"): leave_the_token_out,
    ("pixverse", "name an unknown account"): name_an_unknown_account,
    ("pixverse", "fill the account named"): fill_the_account,
    ("pixverse", "fill all accounts"): fill_all_accounts,
    ("pixverse", "ask for a running video"): ask_for_a_running_video,
    ("pixverse", "percent-encode a video id"): encode_a_video_id,
    ("pixverse", "POST /__mock/accounts/{email}/hold, then create"): hold_the_account,
    ("pixverse", "upload a picture over 4000 pixels"): upload_a_large_picture,
}


@pytest.mark.parametrize("row", NATURAL, ids=lambda row: f"{row.provider} {row.value}")
async def test_what_providers_would_refuse_too_is_refused(opened: Open, row: Trigger) -> None:
    async with opened(ONE_SLOT) as (mock, client):
        client.http.headers.update(AGENT)
        before = len(mock.ledger.charges)
        response = await DOINGS[row.provider, row.value](client, mock)

        assert response.status_code == row.status
        assert len(mock.ledger.charges) - before == len(mock.jobs)


def test_every_row_of_the_facts_has_a_trigger() -> None:
    reached = {
        provider: {row.status for row in TRIGGERS if row.provider == provider}
        for provider in ("pictory", "pixverse")
    }

    assert reached["pictory"] >= {400, 401, 402, 403, 429, 500} == set(PICTORY_REFUSALS)
    documented = {400, 401, 402, 404, 412, 422, 429, 500, 502, 503, 504, 596}
    assert reached["pixverse"] >= documented == set(PIXVERSE_REFUSALS)
    named = {word.partition("=")[0] for row in TRIGGERS for word in row.value.strip("[]").split()}
    assert named >= set(DIRECTIVES)


async def test_a_files_name_scripts_the_job_that_starts_from_it(opened: Open) -> None:
    async with opened() as (mock, client):
        url = "https://pictures.example.com/slow-90s.png?size=large"
        plain = "https://pictures.example.com/slow-motion.png"
        for first, prompt in (
            (url, "dawn at sea"),
            (url, "dawn at sea [[mock run=3s]]"),
            (plain, "dawn at sea"),
        ):
            await client.pictory(prompt, firstFrameImageUrl=first)

        assert [job.order.run_seconds for job in mock.jobs] == [90, 3, 45]


async def test_an_account_named_for_a_hold_is_released_by_configuring_it(opened: Open) -> None:
    async with opened() as (_, client):
        email = "ops+596@example.com"
        assert (await client.text_video(email=email)).status_code == 596

        body = {"email": email, "password": "p", "maxJobs": 3}
        await client.http.post(f"/v2/pixverse/accounts/{email}", json=body, headers=USEAPI)

        assert (await client.text_video(email=email)).status_code == 200


async def test_the_table_is_shown(opened: Open) -> None:
    async with opened() as (_, client):
        shown = (await client.http.get("/__mock")).json()["triggers"]

        assert len(shown) == len(TRIGGERS)
        assert set(shown[0]) == {"provider", "carrier", "value", "status", "meaning", "evidence"}


async def test_retry_after_goes_into_the_header_of_every_refusal(opened: Open) -> None:
    async with opened() as (_, client):
        for directive in ("refuse=429", "refuse=500", "throttle"):
            prompt = f"dawn at sea [[mock {directive} retry-after=17]]"
            for answer in (await client.pictory(prompt), await client.text_video(prompt)):
                assert answer.headers["retry-after"] == "17"
        busy = await client.text_video("[[mock busy=all retry-after=5]]")
        assert busy.headers["retry-after"] == "5"
        assert "retry-after" not in (await client.text_video("[[mock refuse=429]]")).headers


async def test_busy_speaks_of_the_account_and_the_limit_of_the_request(opened: Open) -> None:
    async with opened() as (_, client):
        named = await client.text_video("[[mock busy=account]]", email="ops@example.com", maxJobs=2)
        assert named.json()["error"] == "Account ops@example.com is busy executing 2 tasks."
        nameless = await client.text_video("[[mock busy=all]]", maxJobs=2)
        text = "All configured accounts are running at maximum capacity."
        assert nameless.json()["error"] == text


async def test_the_edge_lets_programs_with_a_name_pass(opened: Open) -> None:
    async with opened(Settings(clock="frozen", edge_blocks_agents=True)) as (_, client):
        statuses = {}
        for agent in ("", "python-httpx/0.28", "axios/1.7", "curl/8", "filmgate/1.0"):
            headers = PICTORY | {"User-Agent": agent}
            answer = await client.http.get("/pictoryapis/v1/jobs", headers=headers)
            statuses[agent] = answer.status_code
            if answer.status_code == 403:
                assert "1010" in answer.text

        assert [agent for agent, status in statuses.items() if status == 200] == ["filmgate/1.0"]


async def test_a_garbled_reply_leaves_a_job_and_a_charge_behind(opened: Open) -> None:
    async with opened() as (mock, client):
        prompt = "dawn at sea [[mock garble-reply]]"
        for first, second in (
            (await client.pictory(prompt), await client.pictory(prompt)),
            (await client.text_video(prompt), await client.text_video(prompt)),
        ):
            assert (first.status_code, first.text) == (200, GARBAGE)
            assert second.json()

        assert len(mock.jobs) == len(mock.ledger.charges) == 4


async def test_garbled_looks_are_counted_by_job_alone_or_in_a_list(opened: Open) -> None:
    async with opened() as (mock, client):
        job_id = await client.pictory_id("dawn at sea [[mock garble-poll=2]]")
        video_id = (await client.text_video("[[mock garble-poll=2]]")).json()["video_id"]
        await mock.advance(50)
        for single, many, headers in (
            (f"/pictoryapis/v1/jobs/{job_id}", "/pictoryapis/v1/jobs", PICTORY),
            (f"{VIDEOS}/{video_id}", VIDEOS, USEAPI),
        ):
            looks = [
                (await client.http.get(url, headers=headers)).text
                for url in (single, many, single, many)
            ]
            assert looks[:2] == [GARBAGE, GARBAGE]
            assert GARBAGE not in looks[2:]


async def test_an_odd_status_is_shown_while_rendering_only(opened: Open) -> None:
    async with opened() as (mock, client):
        job_id = await client.pictory_id("dawn at sea [[mock odd-status]]")
        await client.text_video("[[mock odd-status]]")
        seen = []
        for _ in range(3):
            (video,) = (await client.useapi("/videos")).json()["data"]
            word = (await client.pictory_job(job_id))["data"]["status"]
            seen.append((word, video["video_status"], video["video_status_name"]))
            await mock.advance(25)

        assert seen == [
            ("in-progress", 5, "QUEUED"),
            ("warming-up", 42, "WARMING_UP"),
            ("completed", 1, "COMPLETED"),
        ]


async def test_queued_looks_final_for_the_job_that_says_so(opened: Open) -> None:
    async with opened() as (mock, client):
        await client.text_video()
        await client.text_video("[[mock queued-final]]")

        listed = (await client.useapi("/videos")).json()["data"]
        assert [video["video_status_final"] for video in listed] == [True, False]
        await mock.advance(10)
        listed = (await client.useapi("/videos")).json()["data"]
        assert [video["video_status_final"] for video in listed] == [False, False]


@pytest.mark.parametrize(
    ("fate", "code", "status"),
    [
        ("failed", "AI_VIDEO_GENERATION_FAILED", 8),
        ("moderated", "AI_VIDEO_CONTENT_MODERATED", 7),
        ("no-credits", "INSUFFICIENT_CREDITS", 8),
        ("input", "AI_VIDEO_INPUT_UNREADABLE", 8),
    ],
)
async def test_each_fate_has_its_code_and_gives_the_money_back(
    opened: Open, fate: str, code: str, status: int
) -> None:
    async with opened() as (mock, client):
        job_id = await client.pictory_id(f"dawn at sea [[mock fail={fate}]]")
        await client.text_video(f"[[mock fail={fate}]]")
        await mock.advance(50)

        assert (await client.pictory_job(job_id))["data"]["error_code"] == code
        (video,) = (await client.useapi("/videos")).json()["data"]
        assert video["video_status"] == status
        assert mock.ledger.total == {"pictory": 0, "pixverse": 0}


async def test_a_result_cleaned_at_once_is_told_of_and_then_gone(opened: Open) -> None:
    receiver = Receiver()
    async with opened(callbacks=receiver.transport) as (mock, client):
        job_id = await client.pictory_id("dawn at sea [[mock clean]]", webhook=HOOK)
        await mock.advance(50)

        (told,) = receiver.bodies
        assert told["data"]["status"] == "completed"
        assert (await client.pictory_job(job_id))["data"] == {"status": "cleaned"}
        assert (await client.http.get(told["data"]["url"])).status_code == 404
        assert mock.ledger.total == {"pictory": 80}


async def test_cleaning_is_safe_to_repeat(opened: Open) -> None:
    async with opened() as (mock, client):
        job_id = await client.pictory_id("dawn at sea [[mock fail=failed]]")
        await mock.advance(50)
        url = "/pictoryapis/v1/jobs"
        for _ in range(2):
            answer = await client.http.delete(f"{url}/{job_id}/clean", headers=PICTORY)
            assert answer.json()["data"]["status"] == "cleaned"
        missing = await client.http.delete(f"{url}/nothing/clean", headers=PICTORY)
        assert missing.json()["data"]["error_message"] == "JOB_NOT_FOUND"
        (item,) = (await client.http.get(url, headers=PICTORY)).json()["items"]
        assert item["data"]["status"] == "cleaned"


async def test_a_hold_lasts_until_the_account_is_configured_anew(opened: Open) -> None:
    async with opened() as (mock, client):
        assert (await client.text_video("[[mock refuse=596]]")).status_code == 596
        assert (await client.text_video()).status_code == 200
        mock.provider(Pixverse).accounts.hold("ops@example.com")
        assert (await client.http.get("/__mock")).json()["held"] == ["ops@example.com"]
        assert [(await client.text_video()).status_code for _ in range(2)] == [596, 596]
        body = {"email": "ops@example.com", "password": "p", "maxJobs": 5}
        url = "/v2/pixverse/accounts/ops@example.com"
        configured = await client.http.post(url, json=body, headers=USEAPI)
        assert (configured.status_code, configured.json()["maxJobs"]) == (201, 5)
        assert "secured" in configured.json()["password"]
        assert (await client.text_video()).status_code == 200
        unknown = await client.http.post("/__mock/accounts/who@example.com/hold")
        assert unknown.status_code == 404


async def test_the_token_for_holds_finds_every_account_on_hold_at_first(opened: Open) -> None:
    two = tuple(Account(email=f"{name}@example.com") for name in "ab")
    async with opened(Settings(clock="frozen", accounts=two)) as (mock, client):
        headers = {"Authorization": "Bearer user:9-x-596"}

        async def create(**body: Any) -> int:
            answer = await client.http.post(
                f"{VIDEOS}/create-v4", json={"prompt": "dawn", **body}, headers=headers
            )
            return answer.status_code

        assert await create() == 596
        body = {"email": "a@example.com", "password": "p", "maxJobs": 3}
        await client.http.post("/v2/pixverse/accounts/a@example.com", json=body, headers=headers)
        assert await create(email="b@example.com") == 596
        assert [await create() for _ in range(3)] == [200, 200, 200]
        assert await create() == 429
        assert {job.order.account for job in mock.jobs} == {"a@example.com"}
