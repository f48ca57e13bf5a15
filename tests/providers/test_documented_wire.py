"""Every example of the providers' pages, byte for byte, through a real client.

What the pages print is copied here as it stands, line breaks and all; requests are compared
with the same text made compact, member order included. Each text names its page.
"""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx
import pytest
import respx

from gateway.net import drive
from providers import pictory, useapi_pixverse
from providers.contract import (
    Accepted,
    Account,
    Adapter,
    Failed,
    Fault,
    Finished,
    Flow,
    Hint,
    Mode,
    Price,
    Refused,
    Role,
    Running,
    Scope,
    Secret,
    Sighting,
    Submission,
    Unclear,
    Unseen,
    Uploaded,
    VideoSpec,
)

T = TypeVar("T")

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
VIDEO = "user:1234-pixverse:ops@example.com-video:11223344"
JOBS = f"https://api.pictory.ai/pictoryapis/v1/jobs/{JOB}"
VIDEOS = "https://api.pictory.ai/pictoryapis/v1/aistudio/videos"
PIXVERSE = "https://api.useapi.net/v2/pixverse"
FRAMES_V3 = f"{PIXVERSE}/videos/create-frames-v3"


def compact(text: str) -> bytes:
    """The same JSON without the white space between its parts, in the same order."""
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False).encode()


async def exchange(
    flow: Flow[T], method: str, url: str, status: int, body: str, **headers: str
) -> tuple[T, httpx.Request]:
    """Run a flow of one request: the answer is `body` as it stands."""
    async with respx.mock, httpx.AsyncClient() as client:
        route = respx.route(method=method, url=url)
        route.respond(status, content=body.encode(), headers=headers)
        outcome = await drive(client, flow, deadline=5)
        assert route.call_count == 1
        return outcome, route.calls.last.request


# --- Pictory: requests ------------------------------------------------------------

# "Generate Video API", code example for curl.
TEXT = """{
    "prompt": "A drone flying over a lush green forest with sunlight filtering through the canopy",
    "model": "pixverse5.5",
    "aspectRatio": "16:9",
    "duration": "8s"
  }"""
# The guides print JavaScript: the same with quotes around the names.
FIRST_FRAME = """{
  "prompt": "The woman in the frame stands up and walks towards the large window overlooking \
the city skyline in a wide shot",
  "firstFrameImageUrl": "https://example.com/images/woman-seated-living-room.png",
  "model": "pixverse5.5",
  "aspectRatio": "9:16",
  "duration": "8s"
}"""
REFERENCES = """{
  "prompt": "The woman from the first image walks through the open field from the second image, \
approaching the farmhouse in the distance in a wide shot",
  "referenceImageUrls": [
    "https://example.com/images/woman-portrait-outdoor.png",
    "https://example.com/images/green-field-farmhouse.png"
  ],
  "model": "pixverse5.5",
  "aspectRatio": "9:16",
  "duration": "8s"
}"""
EXTEND = """{
  "prompt": "The woman sits down on the grass as children run and play around her in a wide shot",
  "extendVideoUrl": "https://example.com/videos/woman-walking-in-park.mp4",
  "model": "pixverse5.5",
  "aspectRatio": "9:16",
  "duration": "8s"
}"""
# "Generate Video API", response example.
ACCEPTED = """{
    "success": true,
    "data": {
        "jobId": "4a09edf9-d071-4847-bda5-8dea913d80fe"
    }
}"""


def pictory_submission(mode: Mode, text: str, inputs: Mapping[Role, tuple[str, ...]]) -> Submission:
    asked = json.loads(text)
    return Submission(
        account=PICTORY,
        spec=VideoSpec(
            model=asked["model"],
            mode=mode,
            prompt=asked["prompt"],
            seconds=8,
            aspect_ratio=asked["aspectRatio"],
            resolution="720p",
        ),
        inputs=inputs,
        callback_url=None,
        reference="att_1",
    )


@pytest.mark.parametrize(
    ("mode", "text", "inputs"),
    [
        (Mode.TEXT, TEXT, {}),
        (
            Mode.FIRST_FRAME,
            FIRST_FRAME,
            {Role.FIRST_FRAME: ("https://example.com/images/woman-seated-living-room.png",)},
        ),
        (
            Mode.REFERENCE_IMAGES,
            REFERENCES,
            {
                Role.REFERENCE: (
                    "https://example.com/images/woman-portrait-outdoor.png",
                    "https://example.com/images/green-field-farmhouse.png",
                )
            },
        ),
        (
            Mode.EXTEND_VIDEO,
            EXTEND,
            {Role.EXTEND: ("https://example.com/videos/woman-walking-in-park.mp4",)},
        ),
    ],
    ids=["text", "first frame", "reference images", "extend video"],
)
async def test_pictory_gets_its_own_examples_and_its_answer_is_read(
    mode: Mode, text: str, inputs: dict[Role, tuple[str, ...]]
) -> None:
    flow = pictory.submit(pictory_submission(mode, text, inputs))
    outcome, sent = await exchange(flow, "POST", VIDEOS, 200, ACCEPTED)
    assert sent.content == compact(text)
    assert sent.headers["authorization"] == "YOUR_API_KEY"
    assert sent.headers["content-type"] == "application/json"
    assert outcome == Accepted(remote_id=JOB)


# --- Pictory: answers -------------------------------------------------------------

# The shape is documented (fields with name and errors), the texts are made up.
INVALID = """{
  "code": "INVALID_REQUEST_BODY",
  "message": "Request body validation failed",
  "fields": [ { "name": "referenceImageUrls",
                "errors": "must not be combined with firstFrameImageUrl" } ]
}"""
CLOUDFLARE = "error code: 1010"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (
            400,
            INVALID,
            Refused(
                fault=Fault.INVALID_REQUEST,
                scope=Scope.JOB,
                retry=False,
                words="Request body validation failed | referenceImageUrls: must not be "
                "combined with firstFrameImageUrl",
                status=400,
            ),
        ),
        (
            401,
            '{"message": "Unauthorized"}',
            Refused(
                fault=Fault.UNAUTHORIZED,
                scope=Scope.ACCOUNT,
                retry=False,
                words="Unauthorized",
                status=401,
            ),
        ),
        (
            403,
            CLOUDFLARE,
            Refused(
                fault=Fault.BLOCKED,
                scope=Scope.PROVIDER,
                retry=False,
                words=CLOUDFLARE,
                status=403,
            ),
        ),
        (
            500,
            '{"message": "Internal server error"}',
            Unclear(evidence='HTTP 500: {"message": "Internal server error"}', status=500),
        ),
    ],
)
async def test_pictorys_documented_errors_are_known(
    status: int, body: str, outcome: Refused | Unclear
) -> None:
    flow = pictory.submit(pictory_submission(Mode.TEXT, TEXT, {}))
    got, _ = await exchange(flow, "POST", VIDEOS, status, body)
    assert got == outcome


# "Get Video Generation Job".
DONE = """{
  "job_id": "4a09edf9-d071-4847-bda5-8dea913d80fe",
  "success": true,
  "data": {
    "status": "completed",
    "url": "https://cdn.example.com/out.mp4",
    "duration": "8s",
    "width": 720,
    "height": 1280,
    "thumbnailImageUrl": "https://cdn.example.com/thumb.jpg",
    "lastFrameImageUrl": "https://cdn.example.com/last.png",
    "previewImageUrl": "https://cdn.example.com/preview.jpg",
    "aiCreditsUsed": 12.8
  }
}"""
RUNNING = (
    '{ "job_id": "4a09edf9-d071-4847-bda5-8dea913d80fe", "success": true, '
    '"data": { "status": "in-progress" } }'
)
FAILED = """{
  "job_id": "4a09edf9-d071-4847-bda5-8dea913d80fe",
  "success": false,
  "data": { "status": "failed", "error_code": "AI_VIDEO_GENERATION_FAILED", \
"error_message": "The reference image could not be read" }
}"""
UNKNOWN = """{
  "success": false, "data": { "error_code": "5000", "error_message": "JOB_NOT_FOUND" }
}"""


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (RUNNING, Running(word="in-progress")),
        (
            DONE,
            Finished(
                url="https://cdn.example.com/out.mp4",
                cost=Price(amount=128, unit="pictory_credit_tenths"),
            ),
        ),
        (
            FAILED,
            Failed(
                fault=Fault.GENERATION_FAILED,
                words="AI_VIDEO_GENERATION_FAILED: The reference image could not be read",
            ),
        ),
        (
            '{"job_id": "x", "success": true, "data": {"status": "cleaned"}}',
            Failed(fault=Fault.RESULT_GONE, words="the job's data was deleted at Pictory"),
        ),
        (UNKNOWN, Unseen(reason="Pictory does not know this job")),
    ],
    ids=["running", "done", "failed", "cleaned", "unknown"],
)
async def test_pictory_is_asked_for_a_job_as_its_guides_do(body: str, seen: Sighting) -> None:
    got, sent = await exchange(pictory.poll(PICTORY, [JOB]), "GET", JOBS, 200, body)
    assert sent.headers["authorization"] == "YOUR_API_KEY"
    assert sent.content == b""
    assert got == {JOB: seen}


def test_pictorys_webhook_is_the_answer_about_the_job() -> None:
    assert pictory.receive(DONE.encode()) == Hint(remote_id=JOB)


# --- useapi.net: POST videos/create-frames-v3 -------------------------------------

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
FRAMES = {
    Role.FIRST_FRAME: ("upload/7d16f-eed2-a8f4-cef8-aa44-72807n313.jpeg",),
    Role.LAST_FRAME: ("upload/e7484a28-6efd-174d-7c02-316ef1a5d.jpeg",),
}
EXAMPLE_SUBMISSION = Submission(
    account=USEAPI,
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
    outcome, sent = await exchange(flow, "POST", FRAMES_V3, 200, CREATED)
    assert sent.content == compact(EXAMPLE)
    assert sent.headers["authorization"] == "Bearer user:1234-token"
    assert sent.headers["content-type"] == "application/json"
    assert sent.headers["accept"] == "application/json"
    assert outcome == Accepted(remote_id="user:<userid>-pixverse:<email>-video:<number>")


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


def no(status: int, fault: Fault, scope: Scope, words: str, *, retry: bool = False) -> Refused:
    return Refused(fault=fault, scope=scope, retry=retry, words=words, status=status)


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
                retry=True,
            ),
        ),
        # As printed, the next two are no JSON: two alternatives stand in one member.
        (
            429,
            BUSY,
            no(429, Fault.THROTTLED, Scope.ACCOUNT, " ".join(BUSY.split()), retry=True),
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


# --- useapi.net: POST files -------------------------------------------------------

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
        useapi_pixverse.upload(USEAPI, content, media_type),
        "POST",
        f"{PIXVERSE}/files/?email=Optional%20PixVerse%20API%20account%20email",
        200,
        body,
    )
    assert sent.headers["content-type"] == media_type
    assert sent.headers["authorization"] == "Bearer user:1234-token"
    assert sent.content == content
    assert outcome == Uploaded(reference=path)


# --- useapi.net: GET videos, GET videos/video_id ----------------------------------

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
        useapi_pixverse.poll(USEAPI, [VIDEO]),
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
        got = await drive(client, useapi_pixverse.poll(USEAPI, [VIDEO]), deadline=5)
        assert alone.calls.last.request.url.raw_path == f"/v2/pixverse/videos/{VIDEO}".encode()
    assert got == {VIDEO: seen}


def test_useapis_callback_is_the_video_with_our_reference() -> None:
    body = COMPLETED | {"replyUrl": "https://hooks.example.com/p", "replyRef": "job-42"}
    hint = useapi_pixverse.receive(json.dumps(body).encode())
    assert hint == Hint(remote_id=VIDEO, reference="job-42")


# --- both -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("adapter", "asked", "url"),
    [
        (pictory.ADAPTER, pictory_submission(Mode.TEXT, TEXT, {}), VIDEOS),
        (useapi_pixverse.ADAPTER, EXAMPLE_SUBMISSION, FRAMES_V3),
    ],
    ids=["pictory", "useapi"],
)
async def test_a_429_says_how_long_to_wait(adapter: Adapter, asked: Submission, url: str) -> None:
    body = '{"error": "x", "message": "x"}'
    outcome, _ = await exchange(
        adapter.submit(asked), "POST", url, 429, body, **{"Retry-After": "17"}
    )
    assert isinstance(outcome, Refused)
    assert (outcome.retry, outcome.wait_seconds) == (True, 17.0)
