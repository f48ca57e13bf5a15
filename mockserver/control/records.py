"""`/__mock/journal`, `/__mock/events` and files: what happened, told, live, and to take along."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

import msgspec

from mockserver.control.clock import clock_document
from mockserver.control.guard import NotFoundError, flag, job_named, number
from mockserver.control.telling import KINDS, told
from mockserver.record.har import har
from mockserver.record.worldfile import save
from mockserver.wire.http import Request, Response, reply

if TYPE_CHECKING:
    from mockserver.world import World

BEAT_SECONDS = 15.0
"""How often, in real time, a stream with nothing to tell says that it is there."""
RETRY_MILLISECONDS = 1000
BATCH = 200
"""Lines that go out in one piece at most."""


async def journal(world: "World", request: Request) -> Response:
    """Everything that happened, or what did after line `since`, of one job or one kind."""
    lines = world.journal.since(number(request, "since"))
    if name := request.query.get("job"):
        job = job_named(world, name)
        lines = tuple(line for line in lines if line.job == job.id)
    if kind := request.query.get("kind"):
        if kind not in KINDS:
            raise ValueError(f"kind is one of: {', '.join(KINDS)}; got {kind!r}")
        lines = tuple(line for line in lines if isinstance(line, KINDS[kind]))
    brief = flag(request, "brief")
    return reply({"lines": [told(line, brief=brief) for line in lines]})


async def line(world: "World", request: Request) -> Response:
    """One line of the journal."""
    text = request.params["n"]
    found = world.journal.get(int(text)) if text.isascii() and text.isdecimal() else None
    if found is None:
        raise NotFoundError(f"There is no line {text}; the last one is {world.journal.length}")
    return reply(told(found))


async def events(world: "World", request: Request) -> Response:
    """Each line as it is filled in, as server-sent events, until the client or the world goes."""
    since = number(request, "since")
    if (last := request.headers.get("last-event-id", "")).isdecimal():
        since = int(last)
    return Response(
        headers={"content-type": "text/event-stream", "cache-control": "no-store"},
        stream=stream(world, since, brief=flag(request, "brief")),
    )


async def stream(world: "World", since: int, *, brief: bool) -> AsyncGenerator[bytes, None]:
    """The events themselves.

    A line that takes time has its number from its beginning on, so the numbers may come out of
    order. What is resumed from is therefore how many lines have been told, the events' own id.

    Args:
        world: whose journal it is.
        since: how many lines have been told already.
        brief: without bodies and headers.
    """
    past = world.journal
    start = {"world": world.name, "life": world.life, "clock": clock_document(world)}
    yield f"retry: {RETRY_MILLISECONDS}\n".encode() + event("world", start)
    sent = since if since <= len(past.written) else 0
    while True:
        lines = past.written[sent : sent + BATCH]
        if lines:
            yield b"".join(
                event("line", told(line, brief=brief), sent + place)
                for place, line in enumerate(lines, start=1)
            )
            sent += len(lines)
            continue
        try:
            if not await asyncio.wait_for(past.grown(sent), BEAT_SECONDS):
                return
        except TimeoutError:
            yield b": nothing new\n\n"


def event(name: str, data: object, n: int | None = None) -> bytes:
    """One server-sent event."""
    head = "" if n is None else f"id: {n}\n"
    return f"{head}event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"


async def journal_har(world: "World", _request: Request) -> Response:
    """All exchanges and callbacks as a HAR file."""
    return _file(msgspec.json.encode(har(world)), f"{world.name}.har")


async def world_file(world: "World", _request: Request) -> Response:
    """The world as a file that can be lived through again."""
    return _file(save(world), f"{world.name}.world")


def _file(data: bytes, name: str) -> Response:
    headers = {
        "content-type": "application/json",
        "content-disposition": f'attachment; filename="{name}"',
    }
    return Response(body=data, headers=headers)
