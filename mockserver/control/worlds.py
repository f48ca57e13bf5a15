"""`/__mock/worlds` and `/__mock/snapshots`: isolated universes, made, copied, kept and dropped."""

from typing import TYPE_CHECKING, Literal, get_args, get_origin, get_type_hints

import msgspec

from mockserver.control.guard import ConflictError, NotFoundError, given
from mockserver.naming import is_name, prefix_of
from mockserver.record.replay import replay
from mockserver.record.worldfile import save
from mockserver.settings import Settings
from mockserver.wire.http import Request, Response, reply

if TYPE_CHECKING:
    from mockserver.app import MockServer
    from mockserver.world import World

NAME_RULE = "a name has letters, digits, `.` and `_`, begins with a letter or digit, and is short"


class Rewind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From which world, and until when; the whole past where neither is given."""

    source: str = ""
    """A world of this server; the one that the request goes to where it is left out."""
    line: int | None = None
    """Until this line of the journal is there."""
    at: float | None = None
    """Until this moment, in virtual seconds."""


def server_of(world: "World") -> "MockServer":
    """Where the siblings of a world live.

    Raises:
        ConflictError: it stands by itself.
    """
    if world.server is None:
        raise ConflictError("this world stands by itself; there are no others")
    return world.server


def name_in(request: Request) -> str:
    """The name in the path.

    Raises:
        ValueError: nothing can be called that.
    """
    name = request.params["name"]
    if not is_name(name):
        raise ValueError(f"{name!r} cannot be a name: {NAME_RULE}")
    return name


def described(world: "World", name: str) -> dict[str, object]:
    """How a world is reached, and how much is in it."""
    return {
        "world": name,
        "path": prefix_of(name) if world.server else world.prefix,
        "keys": {kind.name: world.key(kind.name) for kind in world.providers},
        "jobs": len(world.jobs),
        "lines": world.journal.length,
        "now": world.clock.now(),
    }


async def every(world: "World", _request: Request) -> Response:
    """The worlds that are there."""
    worlds = {world.name: world} if world.server is None else world.server.worlds
    return reply({"worlds": [described(worlds[name], name) for name in sorted(worlds)]})


async def make(world: "World", request: Request) -> Response:
    """Makes a world, or makes it anew, with settings of its own."""
    server, name = server_of(world), name_in(request)
    wanted = msgspec.json.decode(request.body or b"{}", type=dict[str, object])
    settings = settings_with(server.settings, wanted)
    await server.forget(name)
    return reply(described(server.world(name, settings), name), 201)


def settings_with(settings: Settings, wanted: dict[str, object]) -> Settings:
    """Settings with some of them changed.

    Raises:
        ValueError: there is no such setting, or it cannot have that value.
    """
    known = Settings.__struct_fields__
    if unknown := wanted.keys() - set(known):
        raise ValueError(
            f"unknown settings: {', '.join(sorted(unknown))}; there are: {', '.join(known)}"
        )
    try:
        return msgspec.convert(msgspec.to_builtins(settings) | wanted, Settings)
    except msgspec.ValidationError as fault:
        hints = get_type_hints(Settings)
        choices = [
            f"; {name} is one of: {', '.join(map(str, get_args(hints[name])))}"
            for name in wanted
            if get_origin(hints[name]) is Literal
        ]
        raise ValueError(f"{fault}{''.join(choices)}") from None


async def forget(world: "World", request: Request) -> Response:
    """Drops a world."""
    server, name = server_of(world), request.params["name"]
    if name not in server.worlds:
        there = ", ".join(sorted(server.worlds)) or "none"
        raise NotFoundError(f"There is no world {name!r}; there are: {there}")
    await server.forget(name)
    return Response(status=204)


async def fork(world: "World", request: Request) -> Response:
    """Makes a world with the same past."""
    server, name = server_of(world), name_in(request)
    if name == world.name:
        raise ConflictError("a fork needs a name of its own")
    await server.forget(name)
    made = world.fork(name)
    server.add(made)
    return reply(described(made, name), 201)


async def replayed(world: "World", request: Request) -> Response:
    """Makes a world that has lived through the past of another, or of a world file, up to a moment.

    The body is a world file, with `?line=` or `?at=` in the query, or says which world to rewind.
    """
    server, name = server_of(world), name_in(request)
    data, until = _past(server, world, request)
    made = await replay(
        data, until=until, outside=server.outside, media=server.media, here=server.settings
    )
    await server.forget(name)
    server.add(made.fork(name))
    return reply(described(server.worlds[name], name), 201)


def _past(
    server: "MockServer", world: "World", request: Request
) -> tuple[bytes, float | int | None]:
    if b'"format"' in request.body[:200]:
        wanted = msgspec.convert(request.query, Rewind, strict=False)
        data = request.body
    else:
        wanted = given(request, Rewind)
        source = server.worlds.get(wanted.source or world.name)
        if source is None:
            there = ", ".join(sorted(server.worlds)) or "none"
            raise NotFoundError(f"There is no world {wanted.source!r}; there are: {there}")
        data = save(source)
    if wanted.line is not None and wanted.at is not None:
        raise ValueError("say until which `line` or until which moment, `at`; not both")
    return data, wanted.at if wanted.line is None else wanted.line


# --- snapshots


async def snapshots(world: "World", _request: Request) -> Response:
    """What was kept of this world."""
    kept = {name: described(one, name) for name, one in world.snapshots.items()}
    rows = [
        {key: row[key] for key in ("jobs", "lines", "now")} | {"snapshot": name}
        for name, row in kept.items()
    ]
    return reply({"snapshots": rows})


async def keep(world: "World", request: Request) -> Response:
    """Keeps the world as it stands, under a name; an earlier one of that name is replaced."""
    name = name_in(request)
    world.snapshots[name] = world.fork()
    return reply({"snapshot": name, "now": world.clock.now()}, 201)


async def restore(world: "World", request: Request) -> Response:
    """Goes back to what was kept; it can be gone back to again."""
    snapshot = _kept(world, request)
    await world.restore(snapshot)
    return reply({"snapshot": request.params["name"], "now": world.clock.now()})


async def drop(world: "World", request: Request) -> Response:
    """Forgets a snapshot."""
    _kept(world, request)
    del world.snapshots[request.params["name"]]
    return Response(status=204)


def _kept(world: "World", request: Request) -> "World":
    name = request.params["name"]
    if name not in world.snapshots:
        there = ", ".join(world.snapshots) or "none"
        raise NotFoundError(f"There is no snapshot {name!r}; there are: {there}")
    return world.snapshots[name]
