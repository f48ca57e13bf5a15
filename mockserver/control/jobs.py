"""`/__mock/jobs`: what becomes of each order, and a hand on it."""

from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from mockserver.control import commands
from mockserver.control.guard import ConflictError, NotFoundError, given, job_named
from mockserver.control.telling import told
from mockserver.downloads import BASE_PATH as MEDIA
from mockserver.engine.jobs import FailureKind, Job, Phase
from mockserver.wire.http import Request, Response, reply

if TYPE_CHECKING:
    from mockserver.world import World


class Finish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a job ends; the body may be left out."""

    failure: FailureKind | None = None
    """None ends it well."""


def job_row(world: "World", job: Job) -> dict[str, object]:
    """A job without its bytes."""
    order = job.order
    return {
        "id": job.id,
        "name": f"job{job.number}",
        "key": order.key,
        "provider": order.provider,
        "account": order.account,
        "phase": job.phase,
        "progress": job.progress(world.clock.now()),
        "prompt": order.prompt,
        "cost": order.cost,
        "unit": order.unit,
        "accepted_at": job.accepted_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "due_at": round(job.accepted_at + order.queue_seconds + order.run_seconds, 3),
        "failure": job.failure,
        "callback": None if order.callback is None else order.callback.url,
        "media": media_of(world, job),
    }


def media_of(world: "World", job: Job) -> dict[str, str] | None:
    """The paths of its files on this server; None where there are none."""
    if job.phase is not Phase.COMPLETED or job.cleaned:
        return None
    stem = f"{world.prefix}{MEDIA}/{job.order.media_name}"
    return {"film": f"{stem}.mp4", "last_frame": f"{stem}.last.png"}


async def every(world: "World", _request: Request) -> Response:
    """Every job of every provider, oldest first."""
    return reply({"jobs": [job_row(world, job) for job in world.jobs]})


async def one(world: "World", request: Request) -> Response:
    """One job, what was ordered, and the journal's lines about it."""
    job = job_named(world, unquote(request.params["job"]))
    order = job.order
    lines = [
        line
        for line in world.journal
        if line.job == job.id or job.id in dict(getattr(line, "told", ()))
    ]
    return reply(
        job_row(world, job)
        | {
            "params": order.params,
            "width": order.width,
            "height": order.height,
            "seconds": order.seconds,
            "sources": [{"role": one.role, "url": one.url} for one in order.sources],
            "cleaned": job.cleaned,
            "tracked": job.tracked,
            "lines": [told(line) for line in lines],
        }
    )


async def film(world: "World", request: Request) -> Response:
    """The film of a job, without a trace in the journal."""
    return await _looked_at(world, request, "mp4", "video/mp4")


async def last_frame(world: "World", request: Request) -> Response:
    """The last frame of a job's film, without a trace in the journal."""
    return await _looked_at(world, request, "last.png", "image/png")


async def _looked_at(world: "World", request: Request, ending: str, kind: str) -> Response:
    job = job_named(world, unquote(request.params["job"]))
    order = job.order
    link = f"{order.origin}{world.prefix}{MEDIA}/{order.media_name}.{ending}"
    data = await world.downloads.local(link)
    if data is None:
        raise NotFoundError(f"job{job.number} has no film: it is {job.phase.value}")
    return Response(body=data, headers={"content-type": kind})


async def finish(world: "World", request: Request) -> Response:
    """Ends a job now, well or with a failure."""
    order = given(request, Finish)
    job = job_named(world, unquote(request.params["job"]))
    _must_live(job)
    await commands.finish(world, job.id, order.failure)
    return reply(job_row(world, job))


async def drop_callback(world: "World", request: Request) -> Response:
    """Lets the next callback of a job get lost."""
    job = job_named(world, unquote(request.params["job"]))
    _must_live(job)
    if job.order.callback is None or not job.tracked:
        raise ConflictError(f"job{job.number} has no callback that could be dropped")
    name = f"job{job.number}"
    line = f"callback@{name}#{world.engine.faults.count('callback', name) + 1}:drop"
    if line not in {fault.line for fault in world.engine.faults.plan}:
        await commands.add_faults(world, [line])
    return reply({"fault": line})


def _must_live(job: Job) -> None:
    if job.ended:
        raise ConflictError(f"job{job.number} has ended already: it is {job.phase.value}")
