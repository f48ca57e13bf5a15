"""`/__mock`: where everything stands, what can be asked for, and a fresh start."""

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from mockserver.control import openapi
from mockserver.control.clock import clock_document
from mockserver.control.guard import NotFoundError
from mockserver.magic.directives import DIRECTIVES
from mockserver.magic.table import TRIGGERS
from mockserver.openapi import PROVIDERS, document_of
from mockserver.pixverse import Pixverse
from mockserver.wire.http import Request, Response, reply

if TYPE_CHECKING:
    from mockserver.world import World

BASE_PATH = "/__mock"
OWN = "control"


async def summary(world: "World", _request: Request) -> Response:
    """Where everything stands, which directives prompts may hold, and every trigger."""
    accounts = world.provider(Pixverse).accounts
    return reply(
        {
            "world": world.name,
            "life": world.life,
            "page": f"{world.prefix}{BASE_PATH}/ui",
            "clock": clock_document(world),
            "jobs": Counter(job.phase.value for job in world.jobs),
            "charged": world.ledger.total,
            "requests": len(world.journal.requests),
            "deliveries": len(world.journal.deliveries),
            "accounts": accounts.every(),
            "held": sorted(accounts.held),
            "faults": world.engine.faults.lines,
            "directives": {row.example: row.meaning for row in DIRECTIVES.values()},
            "triggers": TRIGGERS,
            "openapi": [f"{BASE_PATH}/openapi/{name}.json" for name in (*PROVIDERS, OWN)],
        }
    )


async def settings(world: "World", _request: Request) -> Response:
    """How this world behaves; of the token only whether there is one."""
    shown = msgspec.to_builtins(world.settings)
    return reply(shown | {"control_token": world.settings.control_token is not None})


async def magic(_world: "World", _request: Request) -> Response:
    """The table of magic values."""
    return reply({"triggers": TRIGGERS})


async def document(world: "World", request: Request) -> Response:
    """An OpenAPI document: of a provider, or of this API, `control.json`."""
    known = [f"{name}.json" for name in (*PROVIDERS, OWN)]
    file = request.params["file"]
    if file not in known:
        raise NotFoundError(f"There is no document {file!r}; there are: {', '.join(known)}")
    origin = world.settings.public_url or request.origin
    name = file.removesuffix(".json")
    if name == OWN:
        return reply(openapi.document(world.routes, origin))
    return reply(document_of(name, world.routes, origin))


async def reset(world: "World", _request: Request) -> Response:
    """Forgets jobs, uploads, ledger and journal; a clock that is moved by hand starts anew."""
    await world.reset()
    return Response(status=204)
