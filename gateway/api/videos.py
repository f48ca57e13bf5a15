"""`/v1/videos`: list, look, cancel, delete. Every look is answered from our own database."""

from typing import Any, Final

from litestar import Request, Response, delete, post, route
from litestar.params import FromPath

from gateway.api.auth import caller_of, check_site
from gateway.api.fields import MAX_BODY, NoBody, read_texts
from gateway.api.operation import READ, Answer, Operation, Parameter
from gateway.api.query import PAGING, ascending, read_after, read_limit, read_words
from gateway.api.showing import video
from gateway.api.stored import (
    ID,
    LOOK,
    answer,
    around,
    is_id,
    json_response,
    mask_for,
    moved,
    own,
    surroundings,
    unknown_video,
)
from gateway.api.views import Video, VideoDeleted, VideoList
from gateway.engine.cancel import cancel
from gateway.engine.remove import remove
from gateway.model.phases import Phase, Status
from gateway.storage import jobs

_STATUSES: Final = tuple(status.value for status in Status)
_PHASES: Final = tuple(phase.value for phase in Phase)


@route(
    "/v1/videos",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="List the videos",
            tag="videos",
            detail="A list leaves out `queue`, `eta`, `timeline` and `evidence`; look at one video "
            "for these. An operator's key lists everybody's.",
            parameters=(
                *PAGING,
                Parameter(
                    name="status",
                    where="query",
                    meaning="Only videos that stand there; several with commas between them.",
                    required=False,
                    schema={"type": "array", "items": {"enum": list(_STATUSES)}},
                ),
                Parameter(
                    name="phase",
                    where="query",
                    meaning="The same, by the finer truth.",
                    required=False,
                    schema={"type": "array", "items": {"enum": list(_PHASES)}},
                ),
            ),
            answers={200: Answer(meaning="A page of the caller's videos.", body=VideoList)},
            problems=(400, 401, 503),
        )
    },
)
async def list_videos(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The caller's videos, a page at a time."""
    tools, _ = surroundings(request)
    after, limit, upwards = read_after(request), read_limit(request), ascending(request)
    statuses = [Status(word) for word in read_words(request, "status")]
    phases = [Phase(word) for word in read_words(request, "phase")]
    page = await tools.database.read(
        lambda connection: jobs.page(
            connection,
            caller_of(request).of,
            after=after,
            limit=limit,
            ascending=upwards,
            statuses=statuses,
            phases=phases,
        )
    )
    mask = mask_for(request)
    money, retention = tools.routes.money, tools.retention
    data = tuple(video(job, money=money, mask=mask, retention=retention) for job in page.items)
    return json_response(VideoList.of(data, has_more=page.has_more))


@route(
    "/v1/videos/{video_id:str}",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="Look at a video",
            tag="videos",
            detail="Answered from the gateway's own database: no provider is asked.",
            parameters=(ID,),
            answers={
                200: Answer(meaning="The job as it stands.", body=Video, headers=LOOK),
            },
            problems=(400, 401, 404, 503),
        )
    },
)
async def read_video(request: Request[Any, Any, Any], video_id: FromPath[str]) -> Response[bytes]:
    """A job, with its history."""
    return answer(request, await own(request, video_id, around(request)), status=200)


@post(
    "/v1/videos/{video_id:str}/cancel",
    status_code=200,
    request_max_body_size=MAX_BODY,
    opt={
        "operation": Operation(
            summary="Cancel a video",
            tag="videos",
            detail="Free for one that still waits or is being prepared: it fails with `canceled`. "
            "No provider can be told to stop, so one that was sent is `canceling` until it is "
            "known what became of it; its end says what was spent. To cancel twice is to cancel "
            "once.",
            body=NoBody,
            optional=True,
            parameters=(ID,),
            answers={200: Answer(meaning="The job as it stands now.", body=Video, headers=LOOK)},
            problems=(400, 401, 403, 404, 408, 409, 413, 415, 422, 503),
        )
    },
)
async def cancel_video(request: Request[Any, Any, Any], video_id: FromPath[str]) -> Response[bytes]:
    """Stop a job, as far as it can be stopped."""
    check_site(request)
    await read_texts(request, {})
    tools, _ = surroundings(request)
    job = await cancel(tools, caller_of(request).of, video_id) if is_id(video_id) else None
    return await moved(request, job)


@delete(
    "/v1/videos/{video_id:str}",
    status_code=200,
    opt={
        "operation": Operation(
            summary="Delete a video",
            tag="videos",
            detail="The job and its film, once it is completed or failed.",
            parameters=(ID,),
            answers={200: Answer(meaning="Gone.", body=VideoDeleted)},
            problems=(400, 401, 404, 409, 503),
        )
    },
)
async def delete_video(request: Request[Any, Any, Any], video_id: FromPath[str]) -> Response[bytes]:
    """Forget a job that has ended."""
    tools, _ = surroundings(request)
    if not is_id(video_id) or not await remove(tools, caller_of(request).of, video_id):
        raise unknown_video()
    return json_response(VideoDeleted(id=video_id))
