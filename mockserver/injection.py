"""How the faults that strike a request change its answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from mockserver.engine.faults import OPTION
from mockserver.media.broken import BROKEN
from mockserver.media.clip import Clip
from mockserver.wire.http import Response, Route, reply
from mockserver.wire.refusals import GARBAGE, HTML, garbage

if TYPE_CHECKING:
    from mockserver.engine.faults import Fault
    from mockserver.engine.journal import Lost
    from mockserver.world import World

LOST: Mapping[str, "Lost"] = {
    "accept-then-reset": "reset",
    "accept-then-timeout": "hang",
    "accept-then-cut": "cut",
}
"""Faults by which the reply of an accepted submit does not arrive whole."""

SPOILT: Mapping[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "html": lambda _: GARBAGE.encode(),
}
"""What becomes of a file, by the name of the fault that takes no value."""
TYPES: Mapping[str, str] = {"html": HTML}
"""Media types of spoilt files that are not what they were."""
FILM = "video/mp4"


def struck_before(faults: Sequence["Fault"], world: "World", route: Route) -> Response | None:
    """The answer where nothing is done at all; None where the request is dealt with."""
    for fault in faults:
        if fault.name == "reset":
            return Response(status=0, lost="reset")
        if fault.name == "timeout":
            return Response(status=0, lost="hang")
        if fault.name == "status":
            return _status(fault, world, route)
    return None


def _status(fault: "Fault", world: "World", route: Route) -> Response:
    """The provider's own answer of that status where it has one."""
    status = int(fault.value)
    known = world.named(route.provider).refusal(status) if route.provider else None
    response = known or reply({"error": f"status {status} on demand"}, status)
    if seconds := fault.options.get(OPTION):
        response.headers = {**response.headers, OPTION: seconds}
    return response


async def struck_after(
    faults: Sequence["Fault"], world: "World", route: Route, response: Response
) -> Response:
    """The answer where the work was done but the reply is not to tell so."""
    if not faults:
        return response
    job = None if response.job is None else world.jobs.find(response.job)
    accepted = job is not None and response.status < 300  # noqa: PLR2004 - HTTP
    for fault in faults:
        # A refused submit is refused as ever: no job was made that could be lost.
        if fault.kind.stage == "after" and not accepted:
            continue
        if fault.name == "callback-first" and job is not None:
            await world.engine.hurry(job, fault.line)
        response = _replied(fault, response, world, route)
    return response


def _replied(fault: "Fault", response: Response, world: "World", route: Route) -> Response:
    match fault.name:
        case "accept-then-status":
            return _instead(response, _status(fault, world, route))
        case "garble":
            return _instead(response, garbage())
        case "trickle":
            response.trickle = fault.value
        case "cut":
            response.lost, response.share = "cut", fault.value
        case _ if fault.name in LOST:
            response.lost = LOST[fault.name]
        case _:
            pass
    return response


def _instead(response: Response, other: Response) -> Response:
    """The response as before, but what is to be read in it."""
    return msgspec.structs.replace(
        response, status=other.status, headers=other.headers, body=other.body, told=(), digest=""
    )


def ordered(faults: Sequence["Fault"], clip: Clip) -> Clip:
    """The film to render, which is not always the one that was ordered."""
    for fault in faults:
        if fault.name in BROKEN:
            clip = BROKEN[fault.name].clip(clip)
    return clip


def spoilt(faults: Sequence["Fault"], data: bytes, content_type: str) -> tuple[bytes, str]:
    """A file, and its media type, as the download's faults leave it; of several the first counts.

    What is broken already cannot be broken in another way as well.
    """
    for fault in faults:
        if fault.name == "truncate":
            return data[: int(len(data) * fault.value)], content_type
        if fault.name in SPOILT:
            return SPOILT[fault.name](data), TYPES.get(fault.name, content_type)
        if fault.name in BROKEN and content_type == FILM:
            broken = BROKEN[fault.name]
            return broken.spoil(data), broken.content_type
    return data, content_type
