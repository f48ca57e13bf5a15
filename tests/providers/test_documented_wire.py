"""The documented example requests, through a real client and matched by respx."""

import httpx
import pytest
import respx

from gateway.net import drive
from providers import pictory, useapi_pixverse
from providers.contract import (
    Accepted,
    Account,
    Finished,
    Mode,
    Role,
    Running,
    Secret,
    Submission,
    Uploaded,
    VideoSpec,
)

PICTORY = Account(
    name="p",
    provider="pictory",
    key=Secret("YOUR_API_KEY"),
    base_url=pictory.CAPABILITIES.base_url,
    max_jobs=3,
)
USEAPI = Account(
    name="u",
    provider="useapi-pixverse",
    key=Secret("user:1234-token"),
    base_url=useapi_pixverse.CAPABILITIES.base_url,
    max_jobs=3,
    email="Optional PixVerse API account email",
)
JOB = "4a09edf9-d071-4847-bda5-8dea913d80fe"
VIDEO = "user:1234-pixverse:ops@example.com-video:112233445566"
VIDEOS = "https://api.pictory.ai/pictoryapis/v1/aistudio/videos"
PIXVERSE = "https://api.useapi.net/v2/pixverse"


@pytest.mark.parametrize(
    ("body", "spec", "inputs"),
    [
        pytest.param(
            {
                "prompt": "A drone flying over a lush green forest with sunlight filtering "
                "through the canopy",
                "model": "pixverse5.5",
                "aspectRatio": "16:9",
                "duration": "8s",
            },
            {"mode": Mode.TEXT, "aspect_ratio": "16:9"},
            {},
            id="text",
        ),
        pytest.param(
            {
                "prompt": "The woman in the frame stands up and walks towards the large window "
                "overlooking the city skyline in a wide shot",
                "firstFrameImageUrl": "https://example.com/images/woman-seated-living-room.png",
                "model": "pixverse5.5",
                "aspectRatio": "9:16",
                "duration": "8s",
            },
            {"mode": Mode.FIRST_FRAME, "aspect_ratio": "9:16"},
            {Role.FIRST_FRAME: "https://example.com/images/woman-seated-living-room.png"},
            id="first frame",
        ),
    ],
)
async def test_pictory_gets_its_own_example_and_its_answer_is_read(
    body: dict[str, str], spec: dict[str, str], inputs: dict[Role, str]
) -> None:
    submission = Submission(
        account=PICTORY,
        spec=VideoSpec(
            model="pixverse5.5",
            prompt=body["prompt"],
            seconds=8,
            mode=Mode(spec["mode"]),
            aspect_ratio=spec["aspect_ratio"],
        ),
        inputs=inputs,
        callback_url=None,
        reference="att_1",
    )
    async with respx.mock, httpx.AsyncClient() as client:
        route = respx.post(
            VIDEOS,
            headers={"Authorization": "YOUR_API_KEY", "Content-Type": "application/json"},
            json__eq=body,
        ).respond(json={"success": True, "data": {"jobId": JOB}})
        outcome = await drive(client, pictory.submit(submission), deadline=5)
        assert route.call_count == 1
    assert outcome == Accepted(remote_id=JOB)


async def test_pictory_is_asked_for_a_job_as_its_guides_do() -> None:
    done = {
        "job_id": JOB,
        "success": True,
        "data": {
            "status": "completed",
            "url": "https://cdn.example.com/out.mp4",
            "duration": "8s",
            "width": 720,
            "height": 1280,
            "lastFrameImageUrl": "https://cdn.example.com/last.png",
            "aiCreditsUsed": 12.8,
        },
    }
    running = {"job_id": JOB, "success": True, "data": {"status": "in-progress"}}
    async with respx.mock, httpx.AsyncClient() as client:
        respx.get(
            f"https://api.pictory.ai/pictoryapis/v1/jobs/{JOB}",
            headers={"Authorization": "YOUR_API_KEY"},
        ).mock(side_effect=[httpx.Response(200, json=one) for one in (running, done)])
        first = await drive(client, pictory.poll(PICTORY, [JOB]), deadline=5)
        second = await drive(client, pictory.poll(PICTORY, [JOB]), deadline=5)
    assert first == {JOB: Running(word="in-progress")}
    seen = second[JOB]
    assert isinstance(seen, Finished)
    assert seen.url == "https://cdn.example.com/out.mp4"


FRAMES = {
    Role.FIRST_FRAME: "upload/7d16f-eed2-a8f4-cef8-aa44-72807n313.jpeg",
    Role.LAST_FRAME: "upload/e7484a28-6efd-174d-7c02-316ef1a5d.jpeg",
}


async def test_useapi_gets_its_own_example_and_its_answer_is_read() -> None:
    submission = Submission(
        account=USEAPI,
        spec=VideoSpec(
            model="v3.5",
            mode=Mode.FIRST_LAST_FRAME,
            prompt="Optional text prompt",
            seconds=8,
            aspect_ratio="9:16",
            resolution="1080p",
            seed=654321,
        ),
        inputs=FRAMES,
        callback_url="https://gate.example/callbacks/useapi-pixverse/token",
        reference="Place your reference id here",
    )
    async with respx.mock, httpx.AsyncClient() as client:
        route = respx.post(
            f"{PIXVERSE}/videos/create-frames-v3",
            headers={"Authorization": "Bearer user:1234-token", "Content-Type": "application/json"},
            json__eq={
                "email": "Optional PixVerse API account email",
                "model": "v3.5",
                "prompt": "Optional text prompt",
                "first_frame_path": "upload/7d16f-eed2-a8f4-cef8-aa44-72807n313.jpeg",
                "last_frame_path": "upload/e7484a28-6efd-174d-7c02-316ef1a5d.jpeg",
                "duration": 8,
                "quality": "1080p",
                "aspect_ratio": "9:16",
                "seed": 654321,
                "replyUrl": "https://gate.example/callbacks/useapi-pixverse/token",
                "replyRef": "Place your reference id here",
                "maxJobs": 3,
            },
        ).respond(json={"video_id": VIDEO})
        outcome = await drive(client, useapi_pixverse.submit(submission), deadline=5)
        assert route.call_count == 1
    assert outcome == Accepted(remote_id=VIDEO)


async def test_useapi_gets_pictures_as_raw_bodies_under_their_own_type() -> None:
    async with respx.mock, httpx.AsyncClient() as client:
        respx.post(
            f"{PIXVERSE}/files/",
            params={"email": USEAPI.email},
            headers={"Authorization": "Bearer user:1234-token", "Content-Type": "image/jpeg"},
            content=b"\xff\xd8\xff",
        ).respond(json={"result": [{"id": 1, "path": FRAMES[Role.FIRST_FRAME], "err_msg": ""}]})
        flow = useapi_pixverse.upload(USEAPI, b"\xff\xd8\xff", "image/jpeg")
        outcome = await drive(client, flow, deadline=5)
    assert outcome == Uploaded(reference=FRAMES[Role.FIRST_FRAME])


async def test_useapi_is_asked_for_the_list_and_then_for_the_raw_id() -> None:
    async with respx.mock, httpx.AsyncClient() as client:
        listed = respx.get(
            f"{PIXVERSE}/videos/", params={"email": USEAPI.email, "limit": "40"}
        ).respond(json={"data": []})
        alone = respx.get(f"{PIXVERSE}/videos/{VIDEO}").respond(
            json={"video_id": VIDEO, "video_status": 10, "video_status_name": "GENERATING"}
        )
        seen = await drive(client, useapi_pixverse.poll(USEAPI, [VIDEO]), deadline=5)
        assert listed.calls.last.request.headers["authorization"] == "Bearer user:1234-token"
        assert alone.calls.last.request.url.raw_path == f"/v2/pixverse/videos/{VIDEO}".encode()
    assert seen == {VIDEO: Running(word="GENERATING")}
