"""Is the process alive, and can it keep a promise? Neither asks a provider."""

import asyncio
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, Response, route

from gateway.api.auth import PUBLIC
from gateway.api.operation import READ, Answer, Operation
from gateway.api.stored import json_response
from gateway.engine.intake import check_room
from gateway.engine.loop import Engine
from gateway.model.errors import UnavailableError
from gateway.storage import StorageError

LONGEST_STALL: Final = 60.0
"""Seconds the engine may fail in a row before the gateway calls itself not ready."""

PROBE_SECONDS: Final = 2.0
"""Load balancers do not wait for the database as long as jobs do."""

_log = structlog.get_logger()


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a healthy gateway."""

    status: str = "ok"


@route(
    "/livez",
    http_method=READ,
    status_code=200,
    opt={
        **PUBLIC,
        "operation": Operation(
            summary="The process answers",
            tag="health",
            answers={200: Answer(meaning="Alive.", body=Health)},
            problems=(400,),
        ),
    },
)
async def livez() -> Response[bytes]:
    """Alive."""
    return json_response(Health())


@route(
    "/readyz",
    http_method=READ,
    status_code=200,
    opt={
        **PUBLIC,
        "operation": Operation(
            summary="Jobs can be accepted",
            tag="health",
            detail="The database takes writes and the disk has room.",
            answers={200: Answer(meaning="Ready.", body=Health)},
            problems=(400, 503),
        ),
    },
)
async def readyz(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Ready, or a 503 that says what is missing."""
    engine: Engine = request.app.state.engine
    probe = engine.tools.database.write(lambda connection: connection.exec_driver_sql("SELECT 1"))
    try:
        await asyncio.wait_for(probe, PROBE_SECONDS)
    except (StorageError, TimeoutError) as error:
        # Anybody may ask here; what SQLite says is for the log.
        _log.error("not ready", error=str(error) or "the database is busy")
        raise UnavailableError("The database takes no writes.") from error
    await check_room(engine.tools)
    if engine.stalled_seconds > LONGEST_STALL:
        raise UnavailableError("The engine does not get on with its work; the log says why.")
    return json_response(Health())
