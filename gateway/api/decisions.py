"""What an operator decides about a video that the engine cannot decide about."""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, post
from litestar.params import FromPath
from msgspec import Meta

from gateway.api.auth import OPERATORS, check_site
from gateway.api.fields import MAX_BODY, NoBody, read_texts
from gateway.api.operation import Answer, Operation
from gateway.api.stored import ID, LOOK, is_id, moved, surroundings
from gateway.api.views import Video
from gateway.engine import decide

MAX_UPSTREAM_ID: Final = 500
MAX_REASON: Final = 500

_OPEN: Final = "For a video whose submission's answer was lost, or that needs attention. "
_ANSWERS: Final = {200: Answer(meaning="The job as it stands now.", body=Video, headers=LOOK)}
_PROBLEMS: Final = (400, 401, 403, 404, 408, 409, 413, 415, 422, 503)


class AdoptBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which of the provider's jobs it is."""

    upstream_id: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=MAX_UPSTREAM_ID,
            description="The provider's id, on the account that the video was sent to.",
        ),
    ]


class FailBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a video is given up."""

    reason: (
        Annotated[
            str, Meta(min_length=1, max_length=MAX_REASON, description="Shown to its caller.")
        ]
        | None
    ) = None


@post(
    "/v1/videos/{video_id:str}/adopt",
    status_code=200,
    request_max_body_size=MAX_BODY,
    opt={
        **OPERATORS,
        "operation": Operation(
            summary="Say which of the provider's jobs a video is",
            tag="operators",
            detail=f"{_OPEN}The watch goes on from there.",
            body=AdoptBody,
            parameters=(ID,),
            answers=_ANSWERS,
            problems=_PROBLEMS,
        ),
    },
)
async def adopt_video(request: Request[Any, Any, Any], video_id: FromPath[str]) -> Response[bytes]:
    """Name the provider's job."""
    check_site(request)
    told = await read_texts(request, {"upstream_id": MAX_UPSTREAM_ID}, required=("upstream_id",))
    tools, _ = surroundings(request)
    found = await decide.adopt(tools, video_id, told["upstream_id"]) if is_id(video_id) else None
    return await moved(request, found)


@post(
    "/v1/videos/{video_id:str}/resubmit",
    status_code=200,
    request_max_body_size=MAX_BODY,
    opt={
        **OPERATORS,
        "operation": Operation(
            summary="Send a video again",
            tag="operators",
            detail=f"{_OPEN}It goes back to its place in line. If the provider made the first one "
            "after all, it is paid for twice.",
            body=NoBody,
            optional=True,
            parameters=(ID,),
            answers=_ANSWERS,
            problems=_PROBLEMS,
        ),
    },
)
async def resubmit_video(
    request: Request[Any, Any, Any], video_id: FromPath[str]
) -> Response[bytes]:
    """Put a video back into the line."""
    check_site(request)
    await read_texts(request, {})
    tools, _ = surroundings(request)
    return await moved(request, await decide.resubmit(tools, video_id) if is_id(video_id) else None)


@post(
    "/v1/videos/{video_id:str}/fail",
    status_code=200,
    request_max_body_size=MAX_BODY,
    opt={
        **OPERATORS,
        "operation": Operation(
            summary="Give a video up",
            tag="operators",
            detail=f"{_OPEN}It fails with `given_up`.",
            body=FailBody,
            optional=True,
            parameters=(ID,),
            answers=_ANSWERS,
            problems=_PROBLEMS,
        ),
    },
)
async def fail_video(request: Request[Any, Any, Any], video_id: FromPath[str]) -> Response[bytes]:
    """End a video."""
    check_site(request)
    told = await read_texts(request, {"reason": MAX_REASON})
    tools, _ = surroundings(request)
    found = await decide.fail(tools, video_id, told.get("reason", "")) if is_id(video_id) else None
    return await moved(request, found)
