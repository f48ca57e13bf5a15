"""The caller's jobs as they are stored, for the routes that show them."""

import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Request, Response

from gateway.api.operation import JSON, Parameter
from gateway.api.showing import line_reason, video
from gateway.api.views import POLL_AFTER_MS, Queue
from gateway.engine.loop import Engine
from gateway.engine.tools import Tools
from gateway.model.errors import NotFoundError
from gateway.model.job import Job, Moment
from gateway.model.phases import FINAL, Phase
from gateway.storage import Connection, jobs, ledger, line

_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

ID: Final = Parameter(name="video_id", where="path", meaning="The id that create answered.")
LOOK: Final = {"Openai-Poll-After-Ms": "Milliseconds to wait before the next look."}


class Seen(NamedTuple):
    """A job as it stood at one moment, with what a caller may want to know besides."""

    job: Job
    history: Sequence[Moment] = ()
    queue: Queue | None = None


Look = Callable[[Connection, Job, int], Seen]


def is_id(text: str) -> bool:
    """Whether an id can look like this; nothing else is asked of the database."""
    return _SHAPE.fullmatch(text) is not None


def around(connection: Connection, job: Job, now: int) -> Seen:
    """The job, its history, and its place in line."""
    queue = None
    if job.phase is Phase.WAITING_FOR_SLOT:
        providers = [choice.provider for choice in job.choices]
        rests = ledger.resting(connection, providers, now)
        queue = Queue(
            position=line.place_in_line(connection, job),
            reason=line_reason(rests),
        )
    return Seen(job, jobs.history(connection, job.id), queue)


def alone(_: Connection, job: Job, _now: int) -> Seen:
    """The job and nothing else."""
    return Seen(job)


def surroundings(request: Request[Any, Any, Any]) -> tuple[Tools, str]:
    """The engine's tools, and whose jobs the caller may see."""
    engine: Engine = request.app.state.engine
    return engine.tools, request.scope["state"]["owner"]


async def own(request: Request[Any, Any, Any], video_id: str, look: Look) -> Seen:
    """The caller's job.

    Raises:
        NotFoundError: There is none; another's is as unknown as one that never was.
    """
    tools, owner = surroundings(request)
    now = tools.clock.now()

    def find(connection: Connection) -> Seen | None:
        job = jobs.get(connection, video_id)
        return look(connection, job, now) if job is not None and job.owner == owner else None

    seen = await tools.database.read(find) if is_id(video_id) else None
    if seen is None:
        raise unknown_video()
    return seen


def unknown_video() -> NotFoundError:
    """What is said of an id that is not the caller's."""
    return NotFoundError("You have no video with this id.")


def answer(tools: Tools, seen: Seen, *, status: int) -> Response[bytes]:
    """The job as JSON, with what clients are told about the next look."""
    view = video(*seen, money=tools.routes.money)
    headers = {} if seen.job.phase in FINAL else {"openai-poll-after-ms": str(POLL_AFTER_MS)}
    if status == HTTPStatus.ACCEPTED:
        headers |= {"location": view.urls["self"], "retry-after": "2"}
    return json_response(view, status=status, headers=headers)


def json_response(
    value: object, *, status: int = 200, headers: dict[str, str] | None = None
) -> Response[bytes]:
    """A value as JSON."""
    return Response(
        msgspec.json.encode(value), status_code=status, media_type=JSON, headers=headers
    )
