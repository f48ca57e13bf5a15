"""The caller's jobs as they are stored, for the routes that show them."""

import re
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Request, Response

from gateway.api.auth import caller_of
from gateway.api.masking import Mask, open_to_all
from gateway.api.operation import JSON, Parameter
from gateway.api.showing import evidence_of, expected, line_reason, video
from gateway.api.views import POLL_AFTER_MS, Eta, Evidence, Queue
from gateway.api.whole import Whole
from gateway.engine.loop import Engine
from gateway.engine.outlook import Outlook, outlook
from gateway.engine.tools import Tools
from gateway.model.errors import NotFoundError
from gateway.model.job import Job, Moment
from gateway.model.phases import FINAL
from gateway.storage import Connection, StorageError, jobs, ledger, orphans

MOST_ORPHANS: Final = 100
"""That are shown of one job."""
_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")

ID: Final = Parameter(name="video_id", where="path", meaning="The id that create answered.")
LOOK: Final = {"Openai-Poll-After-Ms": "Milliseconds to wait before the next look."}


class Seen(NamedTuple):
    """A job as it stood at one moment, with what a caller may want to know besides."""

    job: Job
    history: Sequence[Moment] = ()
    queue: Queue | None = None
    eta: Eta | None = None
    evidence: Evidence | None = None


Look = Callable[[Connection, Job, int], Seen]


def is_id(text: str) -> bool:
    """Whether an id can look like this; nothing else is asked of the database."""
    return _SHAPE.fullmatch(text) is not None


def around(request: Request[Any, Any, Any]) -> Look:
    """A look at the job, its history and what is to come; for operators the evidence, too."""
    operator = caller_of(request).operator

    def look(connection: Connection, job: Job, now: int) -> Seen:
        return _seen(
            job,
            jobs.history(connection, job.id),
            outlook(connection, job, now),
            _evidence(connection, job) if operator else None,
        )

    return look


def _seen(job: Job, history: Sequence[Moment], ahead: Outlook, evidence: Evidence | None) -> Seen:
    queue = Queue(position=ahead.place, reason=line_reason(ahead.rests)) if ahead.place else None
    return Seen(job, history, queue, expected(ahead.eta), evidence)


def _evidence(connection: Connection, job: Job) -> Evidence:
    attempts = ledger.of_job(connection, job.id)
    return evidence_of(job, attempts, orphans.page(connection, job.id, limit=MOST_ORPHANS).items)


def alone(_: Connection, job: Job, _now: int) -> Seen:
    """The job and nothing else."""
    return Seen(job)


def surroundings(request: Request[Any, Any, Any]) -> tuple[Tools, str]:
    """The engine's tools, and whose files and videos the caller makes."""
    engine: Engine = request.app.state.engine
    return engine.tools, caller_of(request).owner


def mask_for(request: Request[Any, Any, Any]) -> Mask:
    """What hides from the caller what only operators see."""
    mask: Mask = request.app.state.mask
    return open_to_all if caller_of(request).operator else mask


async def own(request: Request[Any, Any, Any], video_id: str, look: Look) -> Seen:
    """The caller's job; to operators everybody's are theirs.

    Raises:
        NotFoundError: There is none; another's is as unknown as one that never was.
    """
    tools, _ = surroundings(request)
    now, of = tools.clock.now(), caller_of(request).of

    def find(connection: Connection) -> Seen | None:
        job = jobs.get(connection, video_id)
        return look(connection, job, now) if job and of in (None, job.owner) else None

    seen = await tools.database.read(find) if is_id(video_id) else None
    if seen is None:
        raise unknown_video()
    return seen


async def moved(request: Request[Any, Any, Any], job: Job | None) -> Response[bytes]:
    """The job that somebody has just moved, as it stands then; the engine goes on from there.

    Raises:
        NotFoundError: There was none.
    """
    if job is None:
        raise unknown_video()
    engine: Engine = request.app.state.engine
    engine.wake()
    return answer(request, await seen_around(request, job), status=HTTPStatus.OK)


async def seen_around(request: Request[Any, Any, Any], job: Job) -> Seen:
    """A job that was written just now, with all that can be read of it.

    Never fails: an error now would have the caller ask again for what is done.
    """
    tools, look = surroundings(request)[0], around(request)
    try:
        return await tools.database.read(
            lambda connection: look(connection, job, tools.clock.now())
        )
    except StorageError:
        return Seen(job)


def seen_new(request: Request[Any, Any, Any], job: Job, ahead: Outlook) -> Seen:
    """A job that was stored just now: all of it is known, and nothing has to be read."""
    evidence = evidence_of(job, [], []) if caller_of(request).operator else None
    return _seen(job, [jobs.created(job)], ahead, evidence)


def unknown_video() -> NotFoundError:
    """What is said of an id that is not the caller's."""
    return NotFoundError("You have no video with this id.")


def answer(
    request: Request[Any, Any, Any],
    seen: Seen,
    *,
    status: int,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> Response[bytes]:
    """The job as JSON, with what clients are told about the next look."""
    tools, _ = surroundings(request)
    view = video(*seen, money=tools.routes.money, mask=mask_for(request), retention=tools.retention)
    told = {} if seen.job.phase in FINAL else {"openai-poll-after-ms": str(POLL_AFTER_MS)}
    if status == HTTPStatus.ACCEPTED:
        told |= {"location": view.urls["self"], "retry-after": "2"}
    return json_response(view, status=status, headers={**told, **headers})


def json_response(
    value: object, *, status: int = 200, headers: Mapping[str, str] = MappingProxyType({})
) -> Response[bytes]:
    """A value as JSON."""
    return Whole(msgspec.json.encode(value), status_code=status, media_type=JSON, headers=headers)
