"""The control API of inboxes, for tests in other languages."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from mockserver.control.telling import told
from mockserver.wire.http import Handler, Request, Response, reply

if TYPE_CHECKING:
    from mockserver.inbox.inbox import Inbox
    from mockserver.world import World


class Scripted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `PUT /__mock/inbox/{name}/script`."""

    script: str


def rows() -> Iterator[tuple[str, str, Handler]]:
    """The routes, without what is in front of them all."""
    yield "GET", "/inbox/{name}", show
    yield "PUT", "/inbox/{name}/script", script


async def show(world: "World", request: Request) -> Response:
    """Where an inbox is, what to sign with, how it answers, and what has come in."""
    inbox = world.inbox(request.params["name"])
    lines = [told(one) for one in inbox.received]
    return reply(_where(world, inbox, request) | {"received": lines, "pauses": inbox.pauses()})


async def script(world: "World", request: Request) -> Response:
    """Tells an inbox how to answer from now on."""
    inbox = world.inbox(request.params["name"])
    inbox.script(msgspec.json.decode(request.body, type=Scripted).script)
    return reply(_where(world, inbox, request))


def _where(world: "World", inbox: "Inbox", request: Request) -> dict[str, object]:
    return {
        "inbox": inbox.name,
        "url": inbox.url(world.settings.public_url or request.origin),
        "secret": inbox.secret,
        "script": world.inboxes[inbox.name].text,
    }
