"""`/__mock/faults`: what can go wrong, what is to, and what did."""

from typing import TYPE_CHECKING

import msgspec

from mockserver.control import commands
from mockserver.engine.kinds import KINDS
from mockserver.wire.http import Request, Response, reply

if TYPE_CHECKING:
    from mockserver.world import World


async def show(world: "World", _request: Request) -> Response:
    """Every kind of fault with an example, the plan, and what struck so far."""
    faults = world.engine.faults
    kinds = [
        {
            "name": name,
            "stage": kind.stage,
            "targets": sorted(kind.targets),
            "example": kind.example,
            "meaning": kind.meaning,
        }
        for name, kind in KINDS.items()
    ]
    return reply({"kinds": kinds} | _plan(world) | {"struck": faults.lines})


def _plan(world: "World") -> dict[str, object]:
    faults = world.engine.faults
    return {
        "faults": [fault.line for fault in faults.plan],
        "chaos": [chance.line for chance in faults.chaos],
    }


async def add(world: "World", request: Request) -> Response:
    """Adds faults: a JSON array of lines."""
    lines = msgspec.json.decode(request.body, type=list[str])
    await commands.add_faults(world, lines)
    return reply(_plan(world))


async def clear(world: "World", _request: Request) -> Response:
    """Lets everything go well from here on."""
    await commands.clear_faults(world)
    return Response(status=204)
