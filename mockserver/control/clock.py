"""`/__mock/clock`: the hand on the clock."""

from typing import TYPE_CHECKING

import msgspec

from mockserver.control.guard import given, job_named
from mockserver.control.telling import told
from mockserver.engine.clock import iso
from mockserver.engine.durations import seconds_of
from mockserver.engine.jobs import Phase
from mockserver.wire.http import Request, Response, reply

if TYPE_CHECKING:
    from mockserver.world import World

PHASES = ("ended", *(phase.value for phase in Phase))


class Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far, or until when: one of `by`, `until_idle`, or `job` with its `phase`."""

    by: str | float | None = None
    """Seconds, or a text such as `15s`."""
    seconds: float | None = None
    """The same as a number."""
    until_idle: bool = False
    """Until nothing is due any more."""
    job: str | None = None
    """Until this job (its id, its key, or `job2`) has reached `phase`."""
    phase: str = "ended"
    """A phase, or `ended` for any of the last ones."""


def clock_document(world: "World") -> dict[str, object]:
    """What the clock shows."""
    clock = world.clock
    now = clock.now()
    return {
        "kind": clock.kind,
        "speed": clock.speed,
        "now": now,
        "utc": iso(clock.utc(now), milliseconds=True),
    }


async def show(world: "World", _request: Request) -> Response:
    """What the clock shows."""
    return reply(clock_document(world))


async def advance(world: "World", request: Request) -> Response:
    """Moves time; answers when all that fell due has settled, with what happened."""
    order = given(request, Advance)
    by = order.by if order.seconds is None else order.seconds
    ways = [by is not None, order.until_idle, order.job is not None]
    if sum(ways) != 1 or (order.by is not None and order.seconds is not None):
        raise ValueError("say how far by one of: `by`, `until_idle`, or a `job` and its `phase`")
    if order.job is not None:
        job = job_named(world, order.job)
        if order.phase not in PHASES:
            raise ValueError(f"phase is one of: {', '.join(PHASES)}")
        happened = await world.advance_until(job, order.phase)
    elif by is not None:
        happened = await world.advance(seconds_of(by) if isinstance(by, str) else by)
    else:
        happened = await world.run_until_idle()
    document = {"now": world.clock.now(), "happened": [told(line) for line in happened]}
    return reply(document)
