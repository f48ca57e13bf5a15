from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver import Account, Settings
from mockserver.pixverse.rules import COMMON, ENDPOINTS, cost_in_credits, faults_of
from tests.mockserver.drivers import USEAPI, VIDEOS, Client, Open, png

FRAMES_V3, V4, *_ = ENDPOINTS
A, B = "upload/a.png", "upload/b.png"
GOOD = {"first_frame_path": A, "last_frame_path": B}
TWO = (Account(email="a@example.com", max_jobs=1), Account(email="b@example.com", max_jobs=1))


@pytest.mark.parametrize(
    ("change", "names"),
    [
        ({}, []),
        ({"first_frame_path": None}, ["first_frame_path"]),
        ({"first_frame_path": "upload/c.png"}, ["first_frame_path"]),
        ({"last_frame_path": 5}, ["last_frame_path"]),
        ({"prompt": "x" * 2048}, []),
        ({"prompt": "x" * 2049}, ["prompt"]),
        ({"model": "v3.5"}, []),
        ({"model": "v4"}, ["model"]),
        ({"duration": 8, "quality": "1080p"}, []),
        ({"duration": "8"}, ["duration"]),
        ({"duration": 6}, ["duration"]),
        ({"duration": 5.0}, ["duration"]),
        ({"quality": "4k"}, ["quality"]),
        ({"motion_mode": "slow"}, ["motion_mode"]),
        ({"aspect_ratio": "21:9"}, ["aspect_ratio"]),
        ({"seed": 1}, []),
        ({"seed": 2147483647}, []),
        ({"seed": 0}, ["seed"]),
        ({"seed": 2147483648}, ["seed"]),
        ({"seed": True}, ["seed"]),
        ({"remove_watermark": False}, []),
        ({"remove_watermark": 1}, ["remove_watermark"]),
        ({"replyUrl": "x" * 1024, "replyRef": "x" * 1024}, []),
        ({"replyUrl": "x" * 1025, "replyRef": "x" * 1025}, ["replyUrl", "replyRef"]),
        ({"maxJobs": 8}, []),
        ({"maxJobs": 0}, ["maxJobs"]),
        ({"maxJobs": 9}, ["maxJobs"]),
        ({"maxJobs": "3"}, ["maxJobs"]),
        ({"unknown": 5}, []),
    ],
)
def test_each_rule_of_frames_names_its_field(change: dict[str, Any], names: list[str]) -> None:
    faults = faults_of(FRAMES_V3, GOOD | change, {A, B})

    assert [fault.split()[0] for fault in faults] == names


@pytest.mark.parametrize(
    ("body", "good"),
    [
        ({"prompt": "dawn"}, True),
        ({"first_frame_path": A}, True),
        ({}, False),
        ({"prompt": ""}, False),
        ({"prompt": "dawn", "model": "v3.5"}, False),
        ({"prompt": "dawn", "style": "clay"}, True),
        ({"prompt": "dawn", "style": "oil"}, False),
    ],
)
def test_v4_needs_a_prompt_or_a_picture(body: dict[str, Any], good: bool) -> None:  # noqa: FBT001
    assert (faults_of(V4, body, {A}) == []) is good


@settings(deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(list(COMMON)),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists),
    )
)
def test_any_json_is_judged_without_an_exception(body: dict[str, Any]) -> None:
    for endpoint in ENDPOINTS:
        faults_of(endpoint, body, {A})


@pytest.mark.parametrize(
    ("quality", "seconds", "motion", "price"),
    [
        ("360p", 5, "normal", 45),
        ("540p", 5, "normal", 45),
        ("720p", 5, "normal", 60),
        ("1080p", 5, "normal", 120),
        ("720p", 8, "normal", 120),
        ("720p", 5, "fast", 120),
    ],
)
def test_prices_follow_the_table(quality: str, seconds: int, motion: str, price: int) -> None:
    assert cost_in_credits(quality, seconds, motion) == price


@pytest.mark.parametrize("key", [None, "user:1-x", "Bearer x", "Bearer user:x-1", "Bearer user:1-"])
async def test_anything_but_a_bearer_token_is_unauthorized(opened: Open, key: str | None) -> None:
    headers = {} if key is None else {"Authorization": key}
    async with opened() as (_, client):
        response = await client.http.get(VIDEOS, headers=headers)

        assert response.status_code == 401
        assert response.json() == {"error": "Unauthorized"}


async def test_an_upload_answers_the_documented_shape_and_can_be_downloaded(opened: Open) -> None:
    async with opened() as (_, client):
        data = png("red")
        (result,) = (await client.upload(data)).json()["result"]

        assert result["path"].startswith("upload/")
        assert result["path"].endswith(".png")
        assert result["size"] == len(data)
        assert result["err_msg"] == ""
        downloaded = await client.http.get(result["url"])
        assert downloaded.content == data
        assert downloaded.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"hello", "image/png"),
        (b"", "image/png"),
        (png("red"), "text/plain"),
        (png("red"), "multipart/form-data"),
    ],
)
async def test_what_is_not_an_image_is_not_taken(opened: Open, data: bytes, kind: str) -> None:
    async with opened() as (_, client):
        assert (await client.upload(data, kind)).status_code == 400


async def test_an_upload_needs_an_email_when_there_are_several_accounts(opened: Open) -> None:
    async with opened(Settings(clock="frozen", accounts=TWO)) as (_, client):
        headers = USEAPI | {"Content-Type": "image/png"}
        url = "/v2/pixverse/files/?email="
        assert (await client.upload(png("red"))).status_code == 400
        for email, status in (("a@example.com", 200), ("c@example.com", 404)):
            response = await client.http.post(url + email, content=png("red"), headers=headers)
            assert response.status_code == status


async def test_a_video_of_two_frames_lives_as_documented(opened: Open) -> None:
    async with opened() as (mock, client):
        first, last = await client.upload_path(png("red")), await client.upload_path(png("blue"))
        created = await client.frames_video(
            first, last, duration=8, quality="1080p", aspect_ratio="9:16", seed=7
        )
        assert created.status_code == 200
        video_id = created.json()["video_id"]
        assert created.json() == {"video_id": video_id}
        assert video_id.startswith("user:1234-pixverse:ops@example.com-video:")

        seen = []
        for _ in range(3):
            (entry,) = (await client.useapi("/videos")).json()["data"]
            single = await client.useapi(f"/videos/{video_id}")
            status = (entry["video_status"], entry["video_status_name"])
            seen.append((*status, entry["video_status_final"], single.status_code))
            await mock.advance(25)

        assert seen == [
            (5, "QUEUED", False, 404),
            (10, "GENERATING", False, 404),
            (1, "COMPLETED", True, 200),
        ]
        video = (await client.useapi(f"/videos/{video_id}")).json()
        assert (video["output_width"], video["output_height"]) == (1080, 1920)
        assert (video["seed"], video["model"], video["remove_watermark"]) == (7, "v3.5", 1)
        assert mock.ledger.total == {"pixverse": 240}


async def test_a_generating_video_has_a_url_that_leads_nowhere_yet(opened: Open) -> None:
    async with opened() as (mock, client):
        await client.text_video()
        await mock.advance(10)

        (video,) = (await client.useapi("/videos")).json()["data"]
        assert (await client.http.get(video["url"])).status_code == 404


async def test_queued_may_be_told_to_look_final(opened: Open) -> None:
    async with opened(Settings(clock="frozen", queued_is_final=True)) as (_, client):
        await client.text_video()

        (video,) = (await client.useapi("/videos")).json()["data"]
        assert (video["video_status_name"], video["video_status_final"]) == ("QUEUED", True)


async def test_v4_defaults_to_540p(opened: Open) -> None:
    async with opened() as (mock, client):
        path = await client.upload_path(png("red"))
        await client.text_video("", first_frame_path=path)

        (job,) = mock.jobs
        assert (job.order.height, job.order.cost) == (540, 45)
        assert [source.role for source in job.order.sources] == ["first"]


@pytest.mark.parametrize(("name", "status"), [("failed", 8), ("moderated", 7)])
async def test_failed_videos_end_with_their_status(opened: Open, name: str, status: int) -> None:
    async with opened() as (mock, client):
        video_id = (await client.text_video(f"[[mock fail={name}]]")).json()["video_id"]
        await mock.advance(50)

        video = (await client.useapi(f"/videos/{video_id}")).json()
        assert video["video_status"] == status
        assert video["video_status_final"] is True
        assert video["url"] == ""
        assert mock.ledger.total == {"pixverse": 0}


async def test_a_form_is_as_good_as_json(opened: Open) -> None:
    async with opened() as (mock, client):
        path = await client.upload_path(png("red"))
        fields = GOOD | {"first_frame_path": path, "last_frame_path": path, "prompt": "été"}
        numbers = {"duration": "8", "seed": "5", "remove_watermark": "false", "maxJobs": "2"}
        parts: Any = {name: (None, text) for name, text in (fields | numbers).items()}
        url = f"{VIDEOS}/create-frames-v3/"
        created = await client.http.post(url, files=parts, headers=USEAPI)
        refused = await client.http.post(
            url, files=parts | {"duration": (None, "8s")}, headers=USEAPI
        )

        assert created.status_code == 200
        params = next(iter(mock.jobs)).order.params
        assert (params["duration"], params["seed"], params["prompt"]) == (8, 5, "été")
        assert params["remove_watermark"] is False
        assert refused.status_code == 400
        assert "duration" in refused.json()["error"]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"x", "text/plain"),
        (b"x", "multipart/form-data"),
        (b"--x\r\n\r\nno name\r\n--x--", "multipart/form-data; boundary=x"),
    ],
)
async def test_broken_bodies_are_bad_requests(opened: Open, content: bytes, kind: str) -> None:
    async with opened() as (_, client):
        response = await client.http.post(
            f"{VIDEOS}/create-v4", content=content, headers=USEAPI | {"Content-Type": kind}
        )

        assert response.status_code == 400
        assert isinstance(response.json()["error"], str)


async def busy(client: Client, **body: Any) -> httpx.Response:
    response = await client.text_video(**body)
    assert response.status_code == 429
    return response


async def test_a_full_account_answers_the_two_documented_texts(opened: Open) -> None:
    async with opened(Settings(clock="frozen", max_jobs=2)) as (mock, client):
        for _ in range(2):
            assert (await client.text_video()).status_code == 200

        named = (await busy(client, email="ops@example.com")).json()
        assert named == {"error": "Account ops@example.com is busy executing 2 tasks."}
        nameless = (await busy(client)).json()
        text = "All configured accounts are running at maximum capacity."
        assert nameless == {"error": text}
        await mock.advance(50)
        assert (await client.text_video()).status_code == 200


async def test_max_jobs_of_the_request_overrules_the_account(opened: Open) -> None:
    async with opened(Settings(clock="frozen", max_jobs=1)) as (_, client):
        assert (await client.text_video()).status_code == 200
        assert (await client.text_video(maxJobs=2)).status_code == 200
        text = (await busy(client, maxJobs=2, email="ops@example.com")).json()["error"]
        assert text == "Account ops@example.com is busy executing 2 tasks."


async def test_without_an_email_any_free_account_is_taken(opened: Open) -> None:
    async with opened(Settings(clock="frozen", accounts=TWO)) as (mock, client):
        assert (await client.text_video()).status_code == 200
        assert (await client.text_video()).status_code == 200
        await busy(client)

        assert {job.order.account for job in mock.jobs} == {"a@example.com", "b@example.com"}


async def test_an_unknown_email_is_named_in_the_refusal(opened: Open) -> None:
    async with opened() as (_, client):
        response = await client.text_video(email="who@example.com")

        assert response.status_code == 404
        assert "who@example.com" in response.json()["error"]


async def test_a_misspelt_directive_is_a_bad_request(opened: Open) -> None:
    async with opened() as (_, client):
        response = await client.text_video("dawn [[mock runn=3s]]")

        assert response.status_code == 400
        assert "'runn'" in response.json()["error"]


async def test_the_scheduler_shows_what_holds_a_slot(opened: Open) -> None:
    async with opened() as (mock, client):
        video_id = (await client.text_video(replyRef="job-42")).json()["video_id"]
        await mock.advance(30)

        listed = (await client.useapi("/scheduler/")).json()
        available = (await client.useapi("/scheduler/available")).json()
        assert listed == available["executing"]
        assert [(e["id"], e["elapsed"], e["replyRef"]) for e in listed] == [
            (video_id, "00:30", "job-42")
        ]
        assert available["available"] == [
            {"email": "ops@example.com", "maxJobs": 3, "executing": 1, "available": 2}
        ]
        await mock.advance(30)
        assert (await client.useapi("/scheduler")).json() == []


async def test_accounts_come_by_email_with_masked_secrets(opened: Open) -> None:
    async with opened() as (_, client):
        accounts = (await client.useapi("/accounts/")).json()

        assert accounts["ops@example.com"]["maxJobs"] == 3
        assert "secured" in accounts["ops@example.com"]["password"]


async def test_an_id_must_stand_raw_in_the_path(opened: Open) -> None:
    for refuse, status in ((True, 400), (False, 200)):
        settings = Settings(clock="frozen", refuse_encoded_ids=refuse)
        async with opened(settings) as (mock, client):
            video_id = (await client.text_video()).json()["video_id"]
            await mock.advance(50)
            encoded = video_id.replace(":", "%3A").replace("@", "%40")

            assert (await client.useapi(f"/videos/{video_id}")).status_code == 200
            assert (await client.useapi(f"/videos/{encoded}")).status_code == status


async def test_the_list_takes_email_limit_and_offset(opened: Open) -> None:
    async with opened(Settings(clock="frozen", accounts=TWO)) as (_, client):
        ids = [
            (await client.text_video(email=f"{name}@example.com")).json()["video_id"]
            for name in ("a", "b")
        ]

        async def listed(query: str) -> list[str]:
            data = (await client.useapi(f"/videos/?{query}")).json()["data"]
            return [entry["video_id"] for entry in data]

        assert await listed("") == ids[::-1]
        assert await listed("email=a@example.com") == ids[:1]
        assert await listed("limit=1") == ids[1:]
        assert await listed("limit=1&offset=1") == ids[:1]
        assert (await client.useapi("/videos/?limit=x")).status_code == 400
        assert (await client.useapi("/videos/?email=who@example.com")).status_code == 404


@pytest.mark.parametrize("status", [412, 422, 429, 500, 596])
async def test_documented_errors_come_on_demand_and_charge_nothing(
    opened: Open, status: int
) -> None:
    async with opened() as (mock, client):
        response = await client.text_video(f"[[mock refuse={status}]]")

        assert response.status_code == status
        assert set(response.json()) == {"error"}
        assert mock.ledger.charges == ()
