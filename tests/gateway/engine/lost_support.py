"""What tests of lost submissions share: faults, lists that are away, requests of others."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any, Final

import httpx

from gateway.model.clock import SECOND
from tests.rig import GATE, Rig, RigClock, is_submit

PROMPT: Final = "The harbour at dusk"
MODELS: Final = ("pictory/pixverse5.5", "useapi-pixverse/v4")
NEVER_DONE: Final = "reset"
"""The request breaks off and nothing was made, which nobody can tell from the next."""
MADE: Final = "accept-then-reset"


def fault(stage: Rig, what: str) -> None:
    """Have this happen to the next request for a video."""
    stage.mock.fail_next(f"submit#{stage.submits() + 1}:{what}")


def is_list(request: httpx.Request) -> bool:
    """Whether a request asks for more than one job."""
    path = request.url.path.rstrip("/")
    return request.method == "GET" and path.endswith(("videos", "jobs", "available"))


def lists(stage: Rig) -> int:
    """How many lists were asked for."""
    return sum(is_list(one) for one in stage.provider_wire.requests)


def without_lists(stage: Rig) -> None:
    """From now on the provider shows no list of what it made."""
    stage.provider_wire.meddle = lambda request: (
        httpx.Response(503, text="later") if is_list(request) else None
    )


def last_submit(stage: Rig) -> httpx.Request:
    """The newest request for a video."""
    return [one for one in stage.provider_wire.requests if is_submit(one)][-1]


async def submitted_by_others(stage: Rig, old: str = "", new: str = "") -> None:
    """The newest request for a video once more, from elsewhere, perhaps with other words."""
    like = last_submit(stage)
    body = like.content.replace(old.encode(), new.encode()) if old else like.content
    headers = {name: like.headers[name] for name in ("authorization", "content-type")}
    transport = httpx.ASGITransport(app=stage.mock.app)
    async with httpx.AsyncClient(transport=transport) as client:
        answer = await client.post(like.url, content=body, headers=headers)
    assert answer.status_code == 200, answer.text


async def call_back(
    stage: Rig,
    body: object,
    of: httpx.Request | None = None,
    change: Callable[[str], str] = str,
) -> int:
    """Call a submission's callback URL, or what `change` makes of it; the status."""
    told = httpx.Response(200, content=(of or last_submit(stage)).content).json()
    transport = httpx.ASGITransport(app=stage.app)
    async with httpx.AsyncClient(transport=transport, base_url=GATE) as client:
        url = told.get("webhook") or told["replyUrl"]
        return (await client.post(change(url), json=body)).status_code


async def sql(stage: Rig, statement: str) -> None:
    """Write to the database past the engine."""
    await stage.tools.database.write(lambda connection: connection.exec_driver_sql(statement))


def empty_lists(stage: Rig, *, dated: bool = True) -> None:
    """From now on the lists are whole, and lag behind for ever."""
    clock = RigClock(stage.mock)

    def meddle(request: httpx.Request) -> httpx.Response | None:
        if not is_list(request):
            return None
        now = datetime.fromtimestamp(clock.now() / SECOND, UTC)
        headers = {"date": format_datetime(now, usegmt=True)} if dated else {}
        told: dict[str, Any] = {"items": [], "data": [], "executing": []}
        return httpx.Response(200, json=told, headers=headers)

    stage.provider_wire.meddle = meddle


class Shifted:
    """A clock that is ahead of the provider's, or behind."""

    def __init__(self, clock: Any, seconds: float) -> None:
        self._clock, self._shift = clock, round(seconds * SECOND)

    def now(self) -> int:
        shifted: int = self._clock.now() + self._shift
        return shifted
