"""Request bodies: read whole, within their limits, and as strict JSON."""

import asyncio
import json
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.exceptions import InternalServerException

from gateway.model.errors import BadJsonError, BadRequestError, UnsupportedTypeError

JSON: Final = "application/json"
MAX_PARTS: Final = 50_000
"""Commas and brackets a body may hold. The longest prompt has fewer, and pictures have none;
but 50 MB of `[[],[],…]` would be gigabytes of Python objects."""
LONG: Final = 256 * 1024
"""Bytes from which on a body is decoded in a thread, so that other requests go on."""


async def read_json(request: Request[Any, Any, Any]) -> object:
    """The body, decoded.

    A content type is asked for, not assumed: a page on another site can make a browser
    send a body without one, but not one that says it is JSON.

    Raises:
        UnsupportedTypeError: The headers do not say that it is plain JSON.
        BadJsonError: It is not JSON, or JSON that two readers would read differently.
        BadRequestError: The caller left before the body was whole.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip()
    if kind.lower() != JSON:
        found = f"not {kind[:100]!r}" if kind else "and say so in Content-Type"
        raise UnsupportedTypeError(f"Send {JSON}, {found}.", headers={"accept": JSON})
    coding = request.headers.get("content-encoding", "identity").strip()
    if coding.lower() != "identity":
        raise UnsupportedTypeError(
            "Send the body as it is, without Content-Encoding.",
            headers={"accept-encoding": "identity"},
        )
    body = await read_body(request)
    if len(body) < LONG:
        return decode(body)
    return await asyncio.to_thread(decode, body)


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The bytes of the body; the route's limit and the deadline hold.

    Raises:
        BadRequestError: The caller left before the body was whole.
    """
    try:
        return await request.body()
    except InternalServerException:
        # What the framework makes of a connection that closes: no fault of ours to log.
        raise BadRequestError("The connection closed before the body was complete.") from None


def decode(body: bytes) -> object:
    """Strict JSON: UTF-8, no NaN, and no object with the same name twice.

    Raises:
        BadJsonError: It is anything else.
    """
    if not body:
        raise BadJsonError("The body is empty.")
    if sum(body.count(mark) for mark in (b"[", b"{", b",")) > MAX_PARTS:
        raise BadJsonError("The body has too many parts.")
    try:
        decoded: object = msgspec.json.decode(body)
        # msgspec keeps the last of two members with one name, without a word.
        json.loads(body, object_pairs_hook=_once, parse_int=float)
    except msgspec.DecodeError as error:
        raise BadJsonError(f"The body is not JSON: {error}.") from None
    except UnicodeDecodeError:
        raise BadJsonError("The body is not UTF-8.") from None
    except RecursionError:
        raise BadJsonError("The body is nested too deeply.") from None
    return decoded


def _once(members: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise BadJsonError(f"The body has an object with two members named {name[:64]!r}.")
        seen.add(name)
