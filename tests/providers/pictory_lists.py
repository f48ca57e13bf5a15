"""Pictory's lists as tests make them up: lost attempts, films, jobs, and searches of all three."""

from collections.abc import Collection, Sequence
from typing import Any

from providers.contract import HttpResponse, Lost, Mode, Search, Secret, VideoSpec, replay
from providers.pictory import reconcile
from tests.providers.search_support import PROMPT, SENT_AT, lost_like, ok, told
from tests.strategies import account

KEY = "pictai_do-not-show-me"
OWNER = account("pictory", key=Secret(KEY), email=None)
NOW, EARLY = "2026-01-01T00:00:00.000Z", "2025-12-31T23:59:00.000Z"
DOUBTED = ("2025-12-31T23:58:59.999Z", "2025-12-31T23:39:00.000Z")
OLD = "2025-12-31T23:38:59.999Z"
SPEC = VideoSpec(model="veo3.1", mode=Mode.TEXT, prompt=PROMPT, seconds=8, aspect_ratio="9:16")
BROKEN = HttpResponse(status=500, body=b'{"message": "later"}')


def lost(n: int = 1, sent_at: int = SENT_AT, **changes: Any) -> Lost:
    return lost_like(SPEC, n, sent_at, **changes)


def film(n: int = 1, **changes: Any) -> dict[str, Any]:
    facts = {
        "url": link(n),
        "id": f"2026{n:029}",
        "prompt": PROMPT,
        "aspectRatio": "9:16",
        "createdDate": NOW,
        "model": "veo3.1",
        "duration": "8s",
    }
    return told(facts | changes)


def link(n: int) -> str:
    return f"https://cdn.example/{n}.mp4"


def job(n: int = 1, status: str = "completed", **data: Any) -> dict[str, Any]:
    if status == "completed" and not data:
        data = {"url": link(n), "duration": "8s"}
    return {"success": True, "data": told({"jobId": f"job-{n}", "status": status, **data})}


def search(
    films: Sequence[object],
    jobs: Sequence[object],
    *attempts: Lost,
    owned: Collection[str] = (),
    looks: Sequence[HttpResponse] = (),
) -> Search:
    answers = [ok({"items": films}), ok({"items": jobs}), *looks]
    found, _ = replay(reconcile(OWNER, attempts or (lost(),), owned), answers)
    return found


def strangers(numbers: range, **changes: Any) -> list[dict[str, Any]]:
    return [film(n, prompt="A mountain", **changes) for n in numbers]


FOUND: Any = ({"att_1": "job-1"}, (), True)
SUSPECTED: Any = ({}, ("job-1",), True)
