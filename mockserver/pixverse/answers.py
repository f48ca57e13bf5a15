"""The documents useapi.net answers with.

Sources: useapi.net: GET videos, GET videos/video_id, GET scheduler, GET scheduler/available,
GET accounts, GET accounts/email, GET features, POST files.
Account data and unused counters are made up.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from mockserver.engine.clock import iso
from mockserver.engine.jobs import Job, Phase
from mockserver.pixverse.rules import SHORT_SIDES
from mockserver.settings import Account


class Status(msgspec.Struct, frozen=True):
    """A row of the table of video statuses."""

    code: int
    name: str
    final: bool


STATUSES: Mapping[Phase, Status] = {
    Phase.QUEUED: Status(5, "QUEUED", final=False),
    Phase.RUNNING: Status(10, "GENERATING", final=False),
    Phase.COMPLETED: Status(1, "COMPLETED", final=True),
    Phase.MODERATED: Status(7, "MODERATED", final=True),
    Phase.FAILED: Status(8, "FAILED", final=True),
}


ODD_STATUS = Status(42, "WARMING_UP", final=False)
"""A status that no page knows (invented)."""

ACCOUNT_ID = 33445566
PLAN_CREDITS = 100_000
"""Monthly credits that `GET features` counts down from (invented)."""


def status_of(job: Job) -> Status:
    """Where the job stands, its quirks included."""
    if job.phase is Phase.RUNNING and "odd-status" in job.order.quirks:
        return ODD_STATUS
    status = STATUSES[job.phase]
    if job.phase is Phase.QUEUED and "queued-final" in job.order.quirks:
        return Status(status.code, status.name, final=True)
    return status


def status_document(
    job: Job, *, created_at: str, queued_is_final: bool, prefix: str = ""
) -> dict[str, object]:
    """A video as the list and the single answer show it.

    As in the documented sample, a video that is still GENERATING already has a `url`; nothing is
    there yet. `prefix` is the world's part of links.
    """
    order, params = job.order, job.order.params
    status = status_of(job)
    done = job.phase is Phase.COMPLETED
    linked = done or job.phase is Phase.RUNNING
    stem = f"{order.origin}{prefix}/media/{order.media_name}"
    return {
        "video_id": job.id,
        "video_status": status.code,
        "video_status_name": status.name,
        "video_status_final": status.final or (queued_is_final and job.phase is Phase.QUEUED),
        "account_id": ACCOUNT_ID,
        "created_at": created_at,
        "first_frame": f"{stem}.preview.jpg" if done else "",
        "last_frame": f"{stem}.last.png" if done else "",
        "output_width": order.width if done else 0,
        "output_height": order.height if done else 0,
        "original_video_id": params.get("video_id") or 0,
        "upscaled": 0,
        "extended": int(any(source.role == "extend" for source in order.sources)),
        "prompt": order.prompt,
        "negative_prompt": params.get("negative_prompt", ""),
        "model": params["model"],
        "model_name": "",
        "quality": params["quality"],
        "motion_mode": params["motion_mode"],
        "aspect_ratio": params["aspect_ratio"],
        "duration": order.seconds,
        "video_duration": order.seconds,
        "seed": params.get("seed", 0),
        "queue_data": {"queue_time": 0, "queue_count": 0},
        "lip_sync": {},
        "url": f"{stem}.mp4" if linked else "",
        "img_id": 0,
        "img_url": "",
        "remove_watermark": int(params["remove_watermark"]),
        "likes": 0,
        "asset_id": 0,
        "nick_name": order.account.partition("@")[0],
        "avatar": "",
        "camera_movement": "default",
        "style": params.get("style", ""),
        "template_id": params.get("template_id", 0),
    }


def executing(job: Job, *, started: datetime, now: float) -> dict[str, object]:
    """An entry of the scheduler; `elapsed` is minutes and seconds."""
    minutes, seconds = divmod(int(now - job.accepted_at), 60)
    return {
        "id": job.id,
        "type": "video",
        "started": iso(started, milliseconds=True),
        "elapsed": f"{minutes:02}:{seconds:02}",
        "replyUrl": job.order.params["replyUrl"] or "",
        "replyRef": job.order.params.get("replyRef", ""),
    }


def availability(account: Account, running: int) -> dict[str, object]:
    """An account's room; never below zero, though requests may overrule its `maxJobs`."""
    return {
        "email": account.email,
        "maxJobs": account.max_jobs,
        "executing": running,
        "available": max(0, account.max_jobs - running),
    }


def account_document(account: Account) -> dict[str, object]:
    """A configuration, with secrets masked as the provider masks them."""
    return {
        "email": account.email,
        "password": "…secured…",
        "maxJobs": account.max_jobs,
        "jwt": {
            "AccountId": ACCOUNT_ID,
            "ExpireTime": 4102444800,
            "ExpireTimeUTC": "2100-01-01T00:00:00.000Z",
            "Username": account.email.partition("@")[0],
            "token": "abc…secured…cde",
        },
    }


def features_document(spent: int) -> dict[str, object]:
    """The documented excerpt of a plan, its monthly credits less what was spent."""
    return {
        "gen_simultaneously": 5,
        "credit_daily": 0,
        "credit_monthly": PLAN_CREDITS - spent,
        "credit_package": 0,
        "qualities": list(SHORT_SIDES)[::-1],
        "off_peak": 1,
        "off_peak_discount": "0.7",
        "preview_mode_discount": "0.8",
    }


def uploaded_picture(
    number: int, path: str, name: str, size: int, origin: str
) -> dict[str, object]:
    """The answer to a picture."""
    result = {
        "id": number,
        "url": f"{origin}/media/{path}",
        "path": path,
        "size": size,
        "name": name,
        "category": 0,
        "err_msg": "",
    }
    return {"result": [result]}


def uploaded_media(path: str, origin: str) -> dict[str, object]:
    """The answer to a film or a sound: no list around it."""
    return {"path": path, "url": f"{origin}/media/{path}"}
