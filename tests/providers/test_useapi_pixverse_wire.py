"""Every example of useapi.net's pages, byte for byte, through a real client.

What the pages print is copied here as it stands, line breaks and all; requests are compared
with the same text made compact, member order included. Each text names its page.
"""

import json
from typing import Any

import httpx
import pytest
import respx

from gateway.net import drive
from providers import useapi_pixverse
from providers.contract import (
    Accepted,
    Account,
    Fault,
    Finished,
    Hint,
    Limit,
    Mode,
    Refused,
    Role,
    Running,
    Scope,
    Secret,
    Sighting,
    Submission,
    Unseen,
    Uploaded,
    VideoSpec,
)
from tests.providers.wire_support import compact, exchange

ACCOUNT = Account(
    name="u",
    provider="useapi-pixverse",
    key=Secret("user:1234-token"),
    base_url=useapi_pixverse.CAPABILITIES.base_url,
    max_jobs=3,
    email="Optional PixVerse API account email",
)
VIDEO = "user:1234-pixverse:ops@example.com-video:11223344"
PIXVERSE = "https://api.useapi.net/v2/pixverse"
FRAMES_V3 = f"{PIXVERSE}/videos/create-frames-v3"

# --- POST videos/create-frames-v3 -------------------------------------------------

EXAMPLE = """{
    "email": "Optional PixVerse API account email",
    "prompt": "Optional text prompt",
    "first_frame_path": "upload/7d16f-eed2-a8f4-cef8-aa44-72807n313.jpeg",
    "last_frame_path": "upload/e7484a28-6efd-174d-7c02-316ef1a5d.jpeg",
    "duration": 8,
    "quality": "1080p",
    "motion_mode": "normal",
    "aspect_ratio": "9:16",
    "seed": 654321,
    "replyUrl": "Place your call back URL here",
    "replyRef": "Place your reference id here",
    "maxJobs": 3
}"""
CREATED = """{
    "video_id": "user:<userid>-pixverse:<email>-video:<number>"
}"""
FILLED = {"<userid>": "1234", "<email>": "ops@example.com", "<number>": "112233445566"}
FRAMES = {
    Role.FIRST_FRAME: ("upload/7d16f-eed2-a8f4-cef8-aa44-72807n313.jpeg",),
    Role.LAST_FRAME: ("upload/e7484a28-6efd-174d-7c02-316ef1a5d.jpeg",),
}
EXAMPLE_SUBMISSION = Submission(
    account=ACCOUNT,
    spec=VideoSpec(
        model="v3.5",
        mode=Mode.FIRST_LAST_FRAME,
        prompt="Optional text prompt",
        seconds=8,
        aspect_ratio="9:16",
        resolution="1080p",
        seed=654321,
        motion_mode="normal",
        remove_watermark=True,
    ),
    inputs=FRAMES,
    callback_url="Place your call back URL here",
    reference="Place your reference id here",
)


async def test_useapi_gets_its_own_example_and_its_answer_is_read() -> None:
    flow = useapi_pixverse.ADAPTER.submit(EXAMPLE_SUBMISSION)
    created = CREATED
    for gap, filled in FILLED.items():
        created = created.replace(gap, filled)
    outcome, sent = await exchange(flow, "POST", FRAMES_V3, 200, created)
    assert sent.content == compact(EXAMPLE)
    assert sent.headers["authorization"] == "Bearer user:1234-token"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept"] == "application/json"
    assert outcome == Accepted(remote_id="user:1234-pixverse:ops@example.com-video:112233445566")


CREDITS = """{
  "error": "All Credits have been used up. Please upgrade your membership or purchase credits."
}"""
MODERATED = """{
  "error": "Your prompt has triggered our AI moderator, please re-enter your prompt"
}"""
ON_HOLD = """{
  "error":\x20
    "Your PixVerse account has pending error."\x20
    "Please address this issue at https://useapi.net/docs/api-pixverse-v2/\
post-pixverse-accounts-email before making any new API calls."
}"""
BUSY = """{
   "error":\x20
     "Account <email> is busy executing <maxJobs> tasks."
     "All configured accounts are running at maximum capacity."
  }"""


def no(status: int, fault: Fault, scope: Scope, words: str, limit: Limit | None = None) -> Refused:
    retry = limit is not None
    return Refused(fault=fault, scope=scope, retry=retry, words=words, status=status, limit=limit)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (
            400,
            '{\n  "error": "<Error message>"\n}',
            no(400, Fault.INVALID_REQUEST, Scope.JOB, "<Error message>"),
        ),
        (
            401,
            '{\n  "error": "Unauthorized"\n}',
            no(401, Fault.UNAUTHORIZED, Scope.ACCOUNT, "Unauthorized"),
        ),
        (
            412,
            CREDITS,
            no(
                412,
                Fault.NO_CREDITS,
                Scope.ACCOUNT,
                "All Credits have been used up. Please upgrade your membership or purchase "
                "credits.",
            ),
        ),
        (
            422,
            MODERATED,
            no(
                422,
                Fault.MODERATED,
                Scope.JOB,
                "Your prompt has triggered our AI moderator, please re-enter your prompt",
            ),
        ),
        (
            429,
            '{\n    "error": "Reached the limit for concurrent generations."\n  }',
            no(
                429,
                Fault.THROTTLED,
                Scope.ACCOUNT,
                "Reached the limit for concurrent generations.",
                Limit.PLAN,
            ),
        ),
        # As printed, the next two are no JSON: two alternatives stand in one member.
        (
            429,
            BUSY,
            no(429, Fault.THROTTLED, Scope.ACCOUNT, " ".join(BUSY.split()), Limit.ACCOUNT_JOBS),
        ),
        (596, ON_HOLD, no(596, Fault.ON_HOLD, Scope.ACCOUNT, " ".join(ON_HOLD.split()))),
        (
            402,
            '{"error": "Account has no subscription or subscription expired", "code": 402}',
            no(
                402,
                Fault.NO_SUBSCRIPTION,
                Scope.ACCOUNT,
                "Account has no subscription or subscription expired",
            ),
        ),
    ],
)
async def test_useapis_documented_errors_are_known(
    status: int, body: str, outcome: Refused
) -> None:
    flow = useapi_pixverse.ADAPTER.submit(EXAMPLE_SUBMISSION)
    got, _ = await exchange(flow, "POST", FRAMES_V3, status, body)
    assert got == outcome
    assert outcome.pause == (10.0, 30.0)


async def test_a_429_says_how_long_to_wait() -> None:
    body = '{"error": "x", "message": "x"}'
    flow = useapi_pixverse.ADAPTER.submit(EXAMPLE_SUBMISSION)
    outcome, _ = await exchange(flow, "POST", FRAMES_V3, 429, body, **{"Retry-After": "17"})
    assert isinstance(outcome, Refused)
    assert (outcome.retry, outcome.wait_seconds) == (True, 17.0)


# --- POST files -------------------------------------------------------------------

PICTURE = """{ "result": [ { "id": 123456, "url": "https://media.pixverse.ai/u.jpeg", \
"path": "upload/7d16-eed2.jpeg", "size": 112233, "name": "u.jpeg", "category": 0, \
"err_msg": "" } ] }"""
CLIP = '{ "path": "upload/clip.mp4", "url": "https://media.pixverse.ai/clip.mp4" }'


@pytest.mark.parametrize(
    ("media_type", "content", "body", "path"),
    [
        ("image/jpeg", b"\xff\xd8\xff", PICTURE, "upload/7d16-eed2.jpeg"),
        ("video/mp4", b"\0\0\0\x18ftypmp42", CLIP, "upload/clip.mp4"),
    ],
)
async def test_useapi_gets_pictures_and_videos_as_raw_bodies_under_their_own_type(
    media_type: str, content: bytes, body: str, path: str
) -> None:
    outcome, sent = await exchange(
        useapi_pixverse.upload(ACCOUNT, content, media_type),
        "POST",
        f"{PIXVERSE}/files/?email=Optional%20PixVerse%20API%20account%20email",
        200,
        body,
    )
    assert sent.headers["content-type"] == media_type
    assert sent.headers["authorization"] == "Bearer user:1234-token"
    assert sent.content == content
    assert outcome == Uploaded(reference=path)


# --- GET videos, GET videos/video_id ----------------------------------------------

GENERATING: dict[str, Any] = {
    "video_id": VIDEO,
    "video_status": 10,
    "video_status_name": "GENERATING",
    "video_status_final": False,
    "account_id": 33445566,
    "created_at": "2024-11-11T12:34:56Z",
    "first_frame": "",
    "last_frame": "",
    "output_width": 0,
    "output_height": 0,
    "original_video_id": 0,
    "upscaled": 0,
    "extended": 0,
    "prompt": "a lighthouse at dusk",
    "negative_prompt": "",
    "model": "v3.5",
    "model_name": "",
    "quality": "720p",
    "motion_mode": "normal",
    "aspect_ratio": "9:16",
    "duration": 8,
    "video_duration": 8,
    "seed": 654321,
    "queue_data": {"queue_time": 1, "queue_count": 0},
    "lip_sync": {},
    "url": "https://media.pixverse.ai/pending.mp4",
    "img_id": 55667788,
    "img_url": "https://media.pixverse.ai/frame.webp",
    "remove_watermark": 0,
    "likes": 0,
    "asset_id": 0,
    "nick_name": "ops",
    "avatar": "https://media.pixverse.ai/a.jpeg",
    "camera_movement": "default",
    "style": "",
    "template_id": 0,
}
COMPLETED = GENERATING | {
    "video_status": 1,
    "video_status_name": "COMPLETED",
    "video_status_final": True,
    "output_width": 720,
    "output_height": 1280,
    "lip_sync": None,
    "url": "https://media.pixverse.ai/done.mp4",
}
LINK = "https://media.pixverse.ai/done.mp4"


@pytest.mark.parametrize(
    ("video", "seen"),
    [(GENERATING, Running(word="GENERATING")), (COMPLETED, Finished(url=LINK))],
    ids=["generating", "completed"],
)
async def test_useapi_is_asked_for_its_list_of_videos(
    video: dict[str, Any], seen: Sighting
) -> None:
    got, sent = await exchange(
        useapi_pixverse.poll(ACCOUNT, [VIDEO]),
        "GET",
        f"{PIXVERSE}/videos/?email=Optional%20PixVerse%20API%20account%20email&limit=40",
        200,
        json.dumps({"data": [video]}),
    )
    assert sent.headers["authorization"] == "Bearer user:1234-token"
    assert got == {VIDEO: seen}


@pytest.mark.parametrize(
    ("status", "body", "seen"),
    [
        (200, COMPLETED, Finished(url=LINK)),
        (200, GENERATING, Running(word="GENERATING")),
        (404, {"error": "Not found", "code": 404}, Unseen(reason="not listed yet")),
    ],
)
async def test_useapi_is_asked_for_the_raw_id_of_a_video_that_is_not_listed(
    status: int, body: dict[str, Any], seen: Sighting
) -> None:
    async with respx.mock, httpx.AsyncClient() as client:
        respx.get(url__startswith=f"{PIXVERSE}/videos/?").respond(json={"data": []})
        alone = respx.get(f"{PIXVERSE}/videos/{VIDEO}").respond(status, json=body)
        got = await drive(client, useapi_pixverse.poll(ACCOUNT, [VIDEO]), deadline=5)
        assert alone.calls.last.request.url.raw_path == f"/v2/pixverse/videos/{VIDEO}".encode()
    assert got == {VIDEO: seen}


def test_useapis_callback_is_the_video_with_our_reference() -> None:
    body = COMPLETED | {"replyUrl": "https://hooks.example.com/p", "replyRef": "job-42"}
    hint = useapi_pixverse.receive(json.dumps(body).encode())
    assert hint == Hint(remote_id=VIDEO, reference="job-42")
