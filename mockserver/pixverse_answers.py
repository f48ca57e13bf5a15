"""The documents useapi.net answers with.

Sources: useapi.net: GET videos, GET videos/video_id, GET scheduler, GET scheduler/available,
GET accounts. Account data and unused counters are made up.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from mockserver.engine.clock import iso
from mockserver.engine.jobs import Job, Phase
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


def status_document(job: Job, *, created_at: str, queued_is_final: bool) -> dict[str, object]:
    """A video as the list and the single answer show it.

    As in the documented sample, a video that is still GENERATING already has a `url`; nothing is
    there yet.
    """
    order, params = job.order, job.order.params
    status = STATUSES[job.phase]
    done = job.phase is Phase.COMPLETED
    linked = done or job.phase is Phase.RUNNING
    stem = f"{order.origin}/media/{order.media_name}"
    return {
        "video_id": job.id,
        "video_status": status.code,
        "video_status_name": status.name,
        "video_status_final": status.final or (queued_is_final and job.phase is Phase.QUEUED),
        "account_id": 33445566,
        "created_at": created_at,
        "first_frame": f"{stem}.preview.jpg" if done else "",
        "last_frame": f"{stem}.last.png" if done else "",
        "output_width": order.width if done else 0,
        "output_height": order.height if done else 0,
        "original_video_id": 0,
        "upscaled": 0,
        "extended": 0,
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
        "template_id": 0,
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


def accounts_document(accounts: Iterable[Account]) -> dict[str, object]:
    """Configurations by email, with secrets masked as the provider masks them."""
    return {
        account.email: {
            "email": account.email,
            "password": "…secured…",
            "maxJobs": account.max_jobs,
            "jwt": {
                "AccountId": 33445566,
                "ExpireTime": 4102444800,
                "ExpireTimeUTC": "2100-01-01T00:00:00.000Z",
                "Username": account.email.partition("@")[0],
                "token": "abc…secured…cde",
            },
        }
        for account in accounts
    }
