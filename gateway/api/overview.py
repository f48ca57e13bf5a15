"""What an operator should know of: films that nobody gets, and the gateways that run."""

from typing import Any, Final, Literal

import msgspec
from litestar import Request, Response, route

from gateway.api.auth import OPERATORS
from gateway.api.listing import Listing
from gateway.api.operation import READ, Answer, Operation
from gateway.api.query import PAGING, ascending, read_after, read_limit
from gateway.api.showing import orphaned
from gateway.api.stored import json_response, surroundings
from gateway.api.views import Orphaned
from gateway.model.clock import SECOND
from gateway.storage import Connection, orphans, replicas
from gateway.storage.orphans import Reason

_PROBLEMS: Final = (400, 401, 403, 503)


class OrphanList(Listing[Orphaned], frozen=True, kw_only=True):
    """A page of the jobs at providers that were paid for and whose film nobody gets.

    `counts` are of all that there are, for each reason, whatever `data` is limited to.
    """

    counts: dict[Reason, int]


class ReplicaView(msgspec.Struct, frozen=True, kw_only=True):
    """A gateway process that shares the database.

    `alive` is what the database can prove; `seen_at` is its last sign of life. `here` is the
    one that answers. Times are seconds since 1970.
    """

    id: str
    host: str
    alive: bool
    here: bool
    started_at: int
    seen_at: int


class ReplicaList(msgspec.Struct, frozen=True, kw_only=True):
    """The gateways that run, or ran and have left work behind."""

    object: Literal["list"] = "list"
    data: tuple[ReplicaView, ...]


@route(
    "/v1/orphans",
    http_method=READ,
    status_code=200,
    opt={
        **OPERATORS,
        "operation": Operation(
            summary="List films that nobody gets",
            tag="operators",
            detail="A page of them, and how many there are for each reason: `charged_twice` counts "
            "what a provider made, and charged, besides what was asked of it.",
            parameters=PAGING,
            answers={200: Answer(meaning="A page of them.", body=OrphanList)},
            problems=_PROBLEMS,
        ),
    },
)
async def list_orphans(request: Request[Any, Any, Any]) -> Response[bytes]:
    """What was paid for in vain, a page at a time."""
    after, limit, upwards = read_after(request), read_limit(request), ascending(request)
    page, counts = await surroundings(request)[0].database.read(
        lambda connection: (
            orphans.page(connection, after=after, limit=limit, ascending=upwards),
            orphans.counts(connection),
        )
    )
    data = tuple(map(orphaned, page.items))
    return json_response(OrphanList.of(data, has_more=page.has_more, counts=counts))


@route(
    "/v1/replicas",
    http_method=READ,
    status_code=200,
    opt={
        **OPERATORS,
        "operation": Operation(
            summary="List the gateways that run",
            tag="operators",
            answers={200: Answer(meaning="All that share the database.", body=ReplicaList)},
            problems=_PROBLEMS,
        ),
    },
)
async def list_replicas(request: Request[Any, Any, Any]) -> Response[bytes]:
    """Who else is at work."""
    tools, _ = surroundings(request)

    def read(connection: Connection) -> tuple[ReplicaView, ...]:
        return tuple(
            ReplicaView(
                id=one.id,
                host=one.host,
                alive=tools.database.lives(connection, one.id),
                here=one.id == tools.replica,
                started_at=one.started_at // SECOND,
                seen_at=one.seen_at // SECOND,
            )
            for one in replicas.listed(connection)
        )

    return json_response(ReplicaList(data=await tools.database.read(read)))
