"""`/__mock/ledger` and `/__mock/accounts`: what was charged, what twice, and who is on hold."""

from typing import TYPE_CHECKING
from urllib.parse import unquote

from mockserver.control import commands
from mockserver.control.guard import NotFoundError
from mockserver.pixverse import Pixverse
from mockserver.wire.http import Request, Response, reply

if TYPE_CHECKING:
    from mockserver.world import World


async def ledger(world: "World", _request: Request) -> Response:
    """The lines, sums by provider and by job, and what was charged twice."""
    from mockserver.verdict import double_charges  # noqa: PLC0415 - only who asks pays for it

    book = world.ledger
    return reply(
        {
            "charges": book.charges,
            "refunds": book.refunds,
            "total": book.total,
            "per_job": book.per_job,
            "double_charges": double_charges(world),
        }
    )


async def hold(world: "World", request: Request) -> Response:
    """Puts a PixVerse account on hold until it is configured anew."""
    email = unquote(request.params["email"])
    emails = world.provider(Pixverse).accounts.emails
    if email not in emails:
        raise NotFoundError(f"Account {email} is not configured; there are: {', '.join(emails)}")
    await commands.hold(world, email)
    return Response(status=204)
