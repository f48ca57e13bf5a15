"""Asking for a video: create, extend, and the quote that spends nothing."""

from typing import Any, Final

import msgspec
from litestar import Request, Response, post

from gateway.api.asking import Asked, asked, in_their_words
from gateway.api.bodies import FILE_FIELDS, ExtendVideoBody
from gateway.api.once import IDEMPOTENCY_KEY, REPLAYED, once_of
from gateway.api.operation import Answer, Operation
from gateway.api.stored import (
    LOOK,
    answer,
    json_response,
    mask_for,
    seen_around,
    seen_new,
    surroundings,
)
from gateway.api.views import Video
from gateway.engine.intake import Once
from gateway.engine.loop import Engine
from gateway.engine.quote import quote
from gateway.model.body import CreateVideoBody
from gateway.model.parse import as_spelled
from gateway.model.quote import Quote

MAX_BODY: Final = 56_000_000
"""Bytes: two pictures of 20 MB as data URLs, and a prompt."""
MAX_FILM_BODY: Final = 101_000_000
"""Bytes: a film, and what a form puts around it."""

_ACCEPTED: Final = {
    202: Answer(
        meaning="Accepted and durable.",
        body=Video,
        headers={
            "Location": "Where to look at the job.",
            "Retry-After": "Seconds to wait before the first look.",
            REPLAYED: "`true` where the request was a repetition: this is the first one's job.",
            **LOOK,
        },
    )
}
_REFUSED: Final = (400, 401, 408, 413, 415, 422, 429, 503)


@post(
    "/v1/videos",
    status_code=202,
    request_max_body_size=MAX_BODY,
    opt={
        "operation": Operation(
            summary="Create a video",
            tag="videos",
            detail="Answers at once: the job is on disk, and waits in line for a free slot. "
            "Whatever no provider could make is refused here, before anything is spent. "
            "A form may carry the pictures as files; `metadata[scene]` and "
            "`reference_images[]` name what is inside. A request that may have been lost on its "
            "way is best sent again with the `Idempotency-Key` of the first; the own retries of "
            "OpenAI's clients (`X-Stainless-Retry-Count`) are known for what they are without "
            "one, for a minute or as long as the client says that it waits for its answers.",
            parameters=(IDEMPOTENCY_KEY,),
            body=CreateVideoBody,
            form=CreateVideoBody,
            files=FILE_FIELDS,
            answers=_ACCEPTED,
            problems=_REFUSED,
        )
    },
)
async def create_video(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Accept a job."""
    once = _head(request)
    return await _accepted(request, once, await asked(request))


@post(
    "/v1/videos/extensions",
    status_code=202,
    request_max_body_size=MAX_FILM_BODY,
    opt={
        "operation": Operation(
            summary="Extend a video",
            tag="videos",
            detail="OpenAI's way to ask for what create takes as `extend_video`: a video of the "
            "gateway's, finished or not, or a film of your own.",
            parameters=(IDEMPOTENCY_KEY,),
            body=ExtendVideoBody,
            form=ExtendVideoBody,
            files=("video",),
            answers=_ACCEPTED,
            problems=_REFUSED,
        )
    },
)
async def extend_video(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Accept a job that goes on where another video ends."""
    once = _head(request)
    return await _accepted(request, once, await asked(request, extends=True))


@post(
    "/v1/videos/quote",
    status_code=200,
    request_max_body_size=MAX_BODY,
    opt={
        "operation": Operation(
            summary="Quote a video",
            tag="videos",
            detail="Who would take the request now, what would be sent and what it would cost. "
            "Takes what create takes; stores nothing, spends nothing, asks no provider.",
            body=CreateVideoBody,
            form=CreateVideoBody,
            files=FILE_FIELDS,
            answers={200: Answer(meaning="What would happen.", body=Quote)},
            problems=_REFUSED,
        )
    },
)
async def quote_video(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Tell what a request would lead to."""
    parsed, _ = await asked(request)
    tools, owner = surroundings(request)
    with in_their_words(parsed.spelled):
        told = await quote(tools, parsed.request, owner, mask=mask_for(request))
    refused = tuple(
        msgspec.structs.replace(one, errors=as_spelled(one.errors, parsed.spelled))
        for one in told.refused
    )
    return json_response(msgspec.structs.replace(told, refused=refused))


def _head(request: Request[Any, Any, Any]) -> Once:
    """What is to be known before the body comes, which may take long."""
    return once_of(request, surroundings(request)[0].clock.now())


async def _accepted(request: Request[Any, Any, Any], head: Once, given: Asked) -> Response[bytes]:
    engine: Engine = request.app.state.engine
    _, owner = surroundings(request)
    parsed = given.parsed
    once = msgspec.structs.replace(head, fingerprint=given.fingerprint)
    with in_their_words(parsed.spelled):
        job, replayed, ahead = await engine.accept(parsed.request, owner, once)
    seen = await seen_around(request, job) if ahead is None else seen_new(request, job, ahead)
    return answer(request, seen, status=202, headers={REPLAYED: "true"} if replayed else {})
