"""`/v1/videos/{id}/content`: the film, and stills of it."""

import asyncio
from pathlib import Path
from typing import Any, Final

import structlog
from litestar import Request, Response, route
from litestar.params import FromPath

from gateway.api.faults import NoStillError
from gateway.api.operation import BYTES, READ, Operation, Parameter
from gateway.api.query import read_word
from gateway.api.sending import CONDITIONS, answers, file_response
from gateway.api.showing import STILLS
from gateway.api.stored import ID, alone, own, surroundings
from gateway.engine import stills
from gateway.engine.tools import Tools
from gateway.frames import NoStill
from gateway.model.errors import NotFoundError, NotReadyError, UnavailableError
from gateway.model.ids import digest
from gateway.model.inputs import Which
from gateway.model.phases import FINAL

FILM: Final = "video"
VARIANTS: Final = (FILM, *STILLS)
PNG: Final = "image/png"

_log = structlog.get_logger()


@route(
    "/v1/videos/{video_id:str}/content",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="The finished video",
            tag="videos",
            detail="The MP4 itself, from the gateway's own store, or a still of it as PNG; "
            "`Range` and conditions are honoured. The bytes of a video never change.",
            parameters=(
                ID,
                Parameter(
                    name="variant",
                    where="query",
                    meaning="The film, or one of its frames; the thumbnail is the first.",
                    required=False,
                    schema={"type": "string", "enum": list(VARIANTS), "default": FILM},
                ),
                *CONDITIONS,
            ),
            answers=answers("The film or the still", f"{BYTES}, {PNG}"),
            problems=(400, 401, 404, 409, 412, 416, 503),
        )
    },
)
async def read_content(request: Request[Any, Any, Any], video_id: FromPath[str]) -> Response[Any]:
    """The video's bytes, or a still's; to HEAD, all but these."""
    variant = read_word(request, "variant", FILM)
    job = (await own(request, video_id, alone)).job
    if job.result is None:
        raise NotReadyError(
            f"The video is {job.phase.value}; its content exists once it is completed.",
            headers={} if job.phase in FINAL else {"retry-after": "2"},
        )
    tools, _ = surroundings(request)
    if variant == FILM:
        path = tools.media.path(job.result.digest)
        name = f"{job.id}.mp4"
        return await file_response(request, path, job.result.media_type, job.result.digest, name)
    path = await _still(tools, job.result.digest, STILLS[variant])
    try:
        tag = await asyncio.to_thread(_digest, path)
    except FileNotFoundError:
        # Deleted since it was cut.
        raise NotFoundError("The film is no longer kept.") from None
    return await file_response(request, path, PNG, tag, f"{job.id}-{variant}.png")


async def _still(tools: Tools, film: str, which: Which) -> Path:
    try:
        return await stills.still(tools, film, which)
    except NoStill as error:
        if not await asyncio.to_thread(tools.media.path(film).exists):
            raise NotFoundError("The film is no longer kept.") from None
        raise NoStillError(f"It cannot be cut from the film: {error}.") from None
    except OSError as error:
        _log.error("still not stored", error=str(error))
        raise UnavailableError("The still could not be stored. Try again shortly.") from error


def _digest(path: Path) -> str:
    return digest(path.read_bytes())
