"""`/v1/videos`: list, look, delete. Every look is answered from our own database."""

from typing import Any, Final

from litestar import Request, Response, delete, route
from litestar.params import FromPath

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
    own,
    surroundings,
    unknown_video,
)
from gateway.api.views import Video, VideoDeleted, VideoList
from gateway.engine.remove import remove
from gateway.model.phases import Status
from gateway.storage import jobs

_STATUSES: Final = tuple(status.value for status in Status)


@route(
    "/v1/videos",
    http_method=READ,
    status_code=200,
    opt={
        "operation": Operation(
            summary="List the videos",
            tag="videos",
            detail="A list leaves out `queue` and `timeline`; look at one video for these.",
            parameters=(
                *PAGING,
                Parameter(
                    name="status",
                    where="query",
                    meaning="Only videos that stand there; several with commas between them.",
                    required=False,
                    schema={"type": "array", "items": {"enum": list(_STATUSES)}},
                ),
            ),
            answers={200: Answer(meaning="A page of the caller's videos.", body=VideoList)},
            problems=(400, 401, 503),
        )
    },
)
async def list_videos(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The caller's videos, a page at a time."""
    tools, owner = surroundings(request)
    after, limit, upwards = read_after(request), read_limit(request), ascending(request)
    statuses = [Status(word) for word in read_words(request, "status", _STATUSES)]
    page = await tools.database.read(
        lambda connection: jobs.page(
            connection, owner, after=after, limit=limit, ascending=upwards, statuses=statuses
        )
    )
    data = tuple(video(job, money=tools.routes.money) for job in page.items)
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
    seen = await own(request, video_id, around)
    return answer(surroundings(request)[0], seen, status=200)


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
    tools, owner = surroundings(request)
    if not is_id(video_id) or not await remove(tools, owner, video_id):
        raise unknown_video()
    return json_response(VideoDeleted(id=video_id))
