"""`/v1/videos`: create, look, fetch. Every look is answered from our own database."""

import asyncio
import re
from collections.abc import Callable, Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

import msgspec
from litestar import Request, Response, post, route
from litestar.params import FromPath

from gateway.api.body import read_json
from gateway.api.files import file_response
from gateway.api.operation import BYTES, READ, Answer, Operation, Parameter
from gateway.api.views import POLL_AFTER_MS, Queue, Video, line_reason, video
from gateway.engine.loop import Engine
from gateway.model.errors import (
    InvalidError,
    NotFoundError,
    NotReadyError,
)
from gateway.model.job import Job, Moment
from gateway.model.phases import FINAL, Phase
from gateway.model.request import CreateVideo, CreateVideoBody, parse_create
from gateway.storage import Connection, StorageError, jobs, ledger


class Seen(NamedTuple):
    """A job as it stood at one moment, with what a caller may want to know besides."""

    job: Job
    history: Sequence[Moment]
    queue: Queue | None


MAX_BODY: Final = 56_000_000
"""Bytes: two pictures of 20 MB as data URLs, and a prompt."""

_SHAPE: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOOK: Final = {"Openai-Poll-After-Ms": "Milliseconds to wait before the next look."}
_ID: Final = Parameter(name="video_id", where="path", meaning="The id that create answered.")


def _optional(name: str, meaning: str) -> Parameter:
    return Parameter(name=name, where="header", meaning=meaning, required=False)


@post(
    "/v1/videos",
    status_code=202,
    request_max_body_size=MAX_BODY,
    opt={
        "operation": Operation(
            summary="Create a video",
            tag="videos",
            detail="Answers at once: the job is on disk, and waits in line for a free slot. "
            "Whatever no provider could make is refused here, before anything is spent.",
            body=CreateVideoBody,
            answers={
                202: Answer(
                    meaning="Accepted and durable.",
                    body=Video,
                    headers={
                        "Location": "Where to look at the job.",
                        "Retry-After": "Seconds to wait before the first look.",
                        **_LOOK,
                    },
                )
            },
            problems=(400, 401, 408, 413, 415, 422, 503),
        )
    },
)
async def create_video(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Accept a job."""
    engine: Engine = request.app.state.engine
    # Pictures inside the body are decoded here, which takes a moment for large ones.
    wanted = await asyncio.to_thread(_parse, await read_json(request), request)
    job = await engine.accept(wanted, request.scope["state"]["owner"])
    try:
        seen = await engine.tools.database.read(
            lambda connection: _around(connection, job, engine.tools.clock.now())
        )
    except StorageError:
        # The job is on disk and will be made: an error now would have it ordered twice.
        seen = Seen(job, (), None)
    return _answer(seen, status=202)


@route(
    "/v1/videos/{video_id:str}",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="Look at a video",
            tag="videos",
            detail="Answered from the gateway's own database: no provider is asked.",
            parameters=(_ID,),
            answers={
                200: Answer(meaning="The job as it stands.", body=Video, headers=_LOOK),
            },
            problems=(401, 404, 503),
        )
    },
)
async def read_video(request: Request[Any, Any, Any], video_id: FromPath[str]) -> Response[bytes]:
    """A job, with its history."""
    return _answer(await _own(request, video_id, _around), status=200)


_TAG: Final = {"ETag": "The SHA-256 of the whole file."}


@route(
    "/v1/videos/{video_id:str}/content",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="The finished video",
            tag="videos",
            detail="The MP4 itself, from the gateway's own store; `Range` and conditions are "
            "honoured. The bytes of a video never change.",
            parameters=(
                _ID,
                _optional("Range", "One part: `bytes=0-1023`, `bytes=1024-`, `bytes=-500`."),
                _optional("If-Range", "An entity tag; with another one the whole file comes."),
                _optional("If-None-Match", "Entity tags the caller has: 304 if it is one of them."),
                _optional("If-Match", "Entity tags that will do: 412 if it is none of them."),
            ),
            answers={
                200: Answer(meaning="The whole file.", body=bytes, media_type=BYTES, headers=_TAG),
                206: Answer(
                    meaning="The part asked for.",
                    body=bytes,
                    media_type=BYTES,
                    headers={**_TAG, "Content-Range": "Which bytes, of how many."},
                ),
                304: Answer(meaning="Not changed since `If-None-Match`.", headers=_TAG),
            },
            problems=(401, 404, 409, 412, 416, 503),
        )
    },
)
async def read_content(request: Request[Any, Any, Any], video_id: FromPath[str]) -> Response[Any]:
    """The video's bytes; to HEAD, all but these."""
    job = (await _own(request, video_id, _alone)).job
    if job.result is None:
        raise NotReadyError(
            f"The video is {job.phase.value}; its content exists once it is completed.",
            headers={} if job.phase in FINAL else {"retry-after": "2"},
        )
    engine: Engine = request.app.state.engine
    path = engine.tools.media.path(job.result.digest)
    response = await file_response(request, path, job.result.media_type, job.result.digest)
    response.headers["content-disposition"] = f'inline; filename="{job.id}.mp4"'
    return response


def _parse(body: object, request: Request[Any, Any, Any]) -> CreateVideo:
    networks = request.app.state.allow_private

    def plain_http(host: str) -> bool:
        """Only an address can be judged without asking anybody; names need https."""
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in networks)

    parsed = parse_create(body, plain_http=plain_http)
    if isinstance(parsed, CreateVideo):
        return parsed
    count = len(parsed)
    words = "1 thing is" if count == 1 else f"{count} things are"
    raise InvalidError(f"{words} wrong with the request.", errors=parsed)


async def _own(
    request: Request[Any, Any, Any], video_id: str, look: Callable[[Connection, Job, int], Seen]
) -> Seen:
    """The caller's job; another's is as unknown as one that never was."""
    engine: Engine = request.app.state.engine
    owner = request.scope["state"]["owner"]
    now = engine.tools.clock.now()

    def find(connection: Connection) -> Seen | None:
        job = jobs.get(connection, video_id)
        return look(connection, job, now) if job is not None and job.owner == owner else None

    known = _SHAPE.fullmatch(video_id)
    seen = await engine.tools.database.read(find) if known else None
    if seen is None:
        raise NotFoundError("You have no video with this id.")
    return seen


def _around(connection: Connection, job: Job, now: int) -> Seen:
    queue = None
    if job.phase is Phase.WAITING_FOR_SLOT:
        providers = [choice.provider for choice in job.choices]
        rests = ledger.resting(connection, providers, now)
        queue = Queue(
            position=jobs.place_in_line(connection, job),
            reason=line_reason(rests),
        )
    return Seen(job, jobs.history(connection, job.id), queue)


def _alone(_: Connection, job: Job, _now: int) -> Seen:
    return Seen(job, (), None)


def _answer(seen: Seen, *, status: int) -> Response[bytes]:
    view = video(*seen)
    headers = {} if seen.job.phase in FINAL else {"openai-poll-after-ms": str(POLL_AFTER_MS)}
    if status == HTTPStatus.ACCEPTED:
        headers |= {"location": view.urls["self"], "retry-after": "2"}
    return Response(
        msgspec.json.encode(view),
        status_code=status,
        media_type="application/json",
        headers=headers,
    )
