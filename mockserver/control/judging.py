"""`/__mock/verdict` and `/__mock/coverage`: how the client did, and what it was never shown."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from mockserver.wire.http import Request, Response, reply

if TYPE_CHECKING:
    from mockserver.world import World


async def verdict(world: "World", _request: Request) -> Response:
    """What the client did that a good one would not have done."""
    from mockserver.verdict import verdict as judged  # noqa: PLC0415 - only who asks pays for it

    return reply(judged(world))


def _whole(request: Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    if not text.isdecimal():
        raise ValueError(f"{name} takes a whole number")
    return int(text)


def _good_client(world: "World", request: Request) -> None:
    allowed = request.query.get("allow", "")
    world.assert_good_client(
        allow=[name for name in allowed.split(",") if name],
        warnings_are_errors=request.query.get("warnings") == "errors",
    )


def _no_double_charge(world: "World", _request: Request) -> None:
    world.assert_no_double_charge()


def _spent(world: "World", request: Request) -> None:
    world.assert_spent(
        at_most=_whole(request, "at_most"),
        exactly=_whole(request, "exactly"),
        provider=request.query.get("provider"),
    )


def _chain(world: "World", request: Request) -> None:
    segments = _whole(request, "segments")
    if segments is None:
        raise ValueError("say how many: `?segments=3`")
    world.assert_chain(segments)


ASSERTIONS: Mapping[str, Callable[["World", Request], None]] = {
    "good-client": _good_client,
    "no-double-charge": _no_double_charge,
    "spent": _spent,
    "chain": _chain,
}
"""What can be asserted from another language: 200 where it holds, 409 with the reason."""


async def asserted(world: "World", request: Request) -> Response:
    """Whether something holds that a test asserts."""
    name = request.params["name"]
    if name not in ASSERTIONS:
        raise ValueError(f"there are: {', '.join(ASSERTIONS)}")
    try:
        ASSERTIONS[name](world, request)
    except AssertionError as fault:
        return reply({"error": str(fault)}, 409)
    return reply({"holds": name})


async def coverage(world: "World", _request: Request) -> Response:
    """Which of the providers' behaviours the client has met, and which it has not."""
    from mockserver.coverage import coverage as met  # noqa: PLC0415 - only who asks pays for it

    return reply(met(world).as_data())
