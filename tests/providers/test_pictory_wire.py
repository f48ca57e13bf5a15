"""Every example of Pictory's pages, byte for byte, through a real client.

What the pages print is copied here as it stands, line breaks and all; requests are compared
with the same text made compact, member order included. Each text names its page.
"""

import json
from collections.abc import Mapping

import pytest

from providers import pictory
from providers.contract import (
    Accepted,
    Account,
    Failed,
    Fault,
    Finished,
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
    VideoSpec,
)
from tests.providers.wire_support import compact, exchange

ACCOUNT = Account(
    name="p",
    provider="pictory",
    key=Secret("YOUR_API_KEY"),
    base_url=pictory.CAPABILITIES.base_url,
    max_jobs=3,
)
JOB = "4a09edf9-d071-4847-bda5-8dea913d80fe"
JOBS = f"https://api.pictory.ai/pictoryapis/v1/jobs/{JOB}"
VIDEOS = "https://api.pictory.ai/pictoryapis/v1/aistudio/videos"


# --- requests ---------------------------------------------------------------------

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


def submission(mode: Mode, text: str, inputs: Mapping[Role, tuple[str, ...]]) -> Submission:
    asked = json.loads(text)
    return Submission(
        account=ACCOUNT,
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
    flow = pictory.submit(submission(mode, text, inputs))
    outcome, sent = await exchange(flow, "POST", VIDEOS, 200, ACCEPTED)
    assert sent.content == compact(text)
    assert sent.headers["authorization"] == "YOUR_API_KEY"
    assert sent.headers["content-type"] == "application/json"
    assert outcome == Accepted(remote_id=JOB)


# --- answers ----------------------------------------------------------------------

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
    flow = pictory.submit(submission(Mode.TEXT, TEXT, {}))
    got, _ = await exchange(flow, "POST", VIDEOS, status, body)
    assert got == outcome


async def test_a_429_says_how_long_to_wait() -> None:
    body = '{"error": "x", "message": "x"}'
    flow = pictory.submit(submission(Mode.TEXT, TEXT, {}))
    outcome, _ = await exchange(flow, "POST", VIDEOS, 429, body, **{"Retry-After": "17"})
    assert isinstance(outcome, Refused)
    assert (outcome.retry, outcome.wait_seconds) == (True, 17.0)


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
    got, sent = await exchange(pictory.poll(ACCOUNT, [JOB]), "GET", JOBS, 200, body)
    assert sent.headers["authorization"] == "YOUR_API_KEY"
    assert sent.content == b""
    assert got == {JOB: seen}


def test_pictorys_webhook_is_the_answer_about_the_job() -> None:
    assert pictory.receive(DONE.encode()) == Hint(remote_id=JOB)
