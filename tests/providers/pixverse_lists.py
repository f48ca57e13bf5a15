"""useapi.net's lists as tests make them up: lost attempts, rows, and searches of both."""

from collections.abc import Collection, Sequence
from typing import Any

from providers.contract import Account, HttpResponse, Lost, Mode, Search, Secret, VideoSpec, replay
from providers.useapi_pixverse import reconcile
from tests.providers.search_support import PROMPT, SENT_AT, lost_like, ok, told
from tests.strategies import account

KEY = "user:1234-do-not-show"
MINUTE = 60_000_000
OWNER = account("useapi-pixverse", key=Secret(KEY))
NOW, EARLY = "2026-01-01T00:00:00Z", "2025-12-31T23:55:00Z"
DOUBTED, OLD = ("2025-12-31T23:54:59Z", "2025-12-31T23:35:00Z"), "2025-12-31T23:34:59Z"
SPEC = VideoSpec(model="v4", mode=Mode.TEXT, prompt=PROMPT, seconds=5, seed=7)
BROKEN = HttpResponse(status=503, body=b'{"error": "later"}')


def video(n: int = 1, email: str = "ops@example.com") -> str:
    return f"user:1234-pixverse:{email}-video:{n}"


def lost(n: int = 1, sent_at: int = SENT_AT, **changes: Any) -> Lost:
    return lost_like(SPEC, n, sent_at, **changes)


def row(n: int = 1, **changes: Any) -> dict[str, Any]:
    facts = {
        "video_id": video(n),
        "created_at": NOW,
        "prompt": PROMPT,
        "seed": 7,
        "model": "v4",
    }
    return told(facts | changes)


def search(
    rows: Sequence[object],
    *attempts: Lost,
    executing: Sequence[object] = (),
    owned: Collection[str] = (),
    owner: Account = OWNER,
) -> Search:
    answers = [ok({"executing": executing, "available": []}), ok({"data": rows})]
    found, _ = replay(reconcile(owner, attempts or (lost(),), owned), answers)
    return found


FOUND: Any = ({"att_1": video()}, (), True)
SUSPECTED: Any = ({}, (video(),), True)
