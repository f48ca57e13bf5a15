"""The documents Pictory answers with.

Sources: docs.pictory.ai: Get Video Generation Job, Get Generated Videos, List Jobs, Clean Job, Get
Quota.
"""

from collections.abc import Mapping
from datetime import datetime

from mockserver.engine.clock import iso
from mockserver.engine.jobs import FailureKind, Job, Phase
from mockserver.pictory.rules import EXCLUSIVE

STATUSES: Mapping[Phase, str] = {
    Phase.QUEUED: "in-progress",
    Phase.RUNNING: "in-progress",
    Phase.COMPLETED: "completed",
    Phase.FAILED: "failed",
    Phase.MODERATED: "failed",
}
CLEANED = "cleaned"
ODD_STATUS = "warming-up"
"""A word that no page knows (invented)."""

ERROR_CODES: Mapping[FailureKind, str] = {
    "generation": "AI_VIDEO_GENERATION_FAILED",
    "input": "AI_VIDEO_INPUT_UNREADABLE",
    "moderation": "AI_VIDEO_CONTENT_MODERATED",
    "credits": "INSUFFICIENT_CREDITS",
}
"""Codes of failed jobs: the field is documented; the last value is known from Pictory's rendering
API, the others are invented."""

FORGED_ID = "00000000-0000-4000-8000-000000000000"

NOT_FOUND = {"error_code": "5000", "error_message": "JOB_NOT_FOUND"}
CREDITS_LIMIT = 22_000
"""AI credits of the plan, as in the documented sample of the quota."""


def credits_number(tenths: int) -> float | int:
    """Credits as the wire prints them: 12.8, but 8 rather than 8.0."""
    return tenths // 10 if tenths % 10 == 0 else tenths / 10


def status_of(job: Job) -> str:
    """The word for where the job stands."""
    if job.cleaned:
        return CLEANED
    if job.phase is Phase.RUNNING and "odd-status" in job.order.quirks:
        return ODD_STATUS
    return STATUSES[job.phase]


def job_document(job: Job, prefix: str = "") -> dict[str, object]:
    """The answer of Get Video Generation Job; the webhook's body is the same (inferred).

    Args:
        job: whatever became of it.
        prefix: the world's part of its links.
    """
    failed = job.failure is not None and not job.cleaned
    return {"job_id": job.id, "success": not failed, "data": data_of(job, prefix)}


def data_of(job: Job, prefix: str = "") -> dict[str, object]:
    """State and result of a job; arguments as in `job_document`."""
    data: dict[str, object] = {"status": status_of(job)}
    if job.cleaned:
        return data
    if job.failure is not None:
        data["error_code"] = ERROR_CODES[job.failure.kind]
        data["error_message"] = job.failure.message
    elif job.phase is Phase.COMPLETED:
        data |= film_fields(job, prefix) | {"aiCreditsUsed": credits_number(job.order.cost)}
    return data


def film_fields(job: Job, prefix: str = "") -> dict[str, object]:
    """The film that a job made, as the job and the list of films show it alike."""
    order = job.order
    stem = f"{order.origin}{prefix}/media/{order.media_name}"
    return {
        "url": f"{stem}.mp4",
        "duration": f"{order.seconds}s",
        "width": order.width,
        "height": order.height,
        "thumbnailImageUrl": f"{stem}.thumb.jpg",
        "lastFrameImageUrl": f"{stem}.last.png",
        "previewImageUrl": f"{stem}.preview.jpg",
    }


def film_item(job: Job, film_id: str, *, created: datetime, prefix: str = "") -> dict[str, object]:
    """An entry of the list of films: it names no job, only the link that the job names as well.

    Args:
        job: one that has completed.
        film_id: what this list calls the film.
        created: when the film was there.
        prefix: the world's part of its links.
    """
    params = job.order.params
    return {
        "id": film_id,
        "prompt": job.order.prompt,
        "model": params["model"],
        "aspectRatio": params["aspectRatio"],
        "createdDate": iso(created, milliseconds=True),
        **film_fields(job, prefix),
        **{name: params[name] for name in EXCLUSIVE if name in params},
    }


def forged_document(job: Job, url: str, *, stranger: bool) -> dict[str, object]:
    """A webhook that nobody at Pictory sent (invented, like the link in it)."""
    job_id = FORGED_ID if stranger else job.id
    data = {"status": STATUSES[Phase.COMPLETED], "url": url, "duration": f"{job.order.seconds}s"}
    return {"job_id": job_id, "success": True, "data": data}


def not_found(job_id: str) -> dict[str, object]:
    """What is said of an id that no job has; the status of that answer is inferred."""
    return {"job_id": job_id, "success": False, "data": NOT_FOUND}


def item(job: Job, prefix: str = "") -> dict[str, object]:
    """An entry of the list of jobs: here the id is spelt `jobId` and stands inside `data`."""
    success = job.cleaned or job.failure is None
    return {"success": success, "data": {"jobId": job.id, **data_of(job, prefix)}}


def quota_document(used_tenths: int) -> dict[str, object]:
    """Usage and limits; only the AI credits move, the minutes are those of the sample."""
    return {
        "videoMinutes": {"used": 98, "limit": 14_400},
        "aiCredits": {"used": credits_number(used_tenths), "limit": CREDITS_LIMIT},
    }
