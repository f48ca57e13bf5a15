"""Request bodies: within their limits, and as strict JSON or as the form that stands for it."""

import asyncio
import json
import math
from collections.abc import Callable
from typing import Any, Final
from weakref import WeakSet

import msgspec
from litestar import Request
from multipart import parse_options_header

from gateway.api.auth import is_from_elsewhere
from gateway.api.faults import BadFormError
from gateway.api.form import FormReader
from gateway.model.errors import (
    BadJsonError,
    BadRequestError,
    TooLargeError,
    UnavailableError,
    UnsupportedTypeError,
)

JSON: Final = "application/json"
FORM: Final = "multipart/form-data"
MAX_PARTS: Final = 50_000
"""Commas and brackets a body may hold. The longest prompt has fewer, and pictures have none;
but 50 MB of `[[],[],…]` would be gigabytes of Python objects."""
LONG: Final = 256 * 1024
"""Bytes from which on a body is decoded in a thread, so that other requests go on."""
LARGE: Final = 1_000_000
"""Bytes beyond which a body counts as large; each of them is in memory some times over."""
_COLONS: Final = (b'":', b" :", b"\t:", b"\n:", b"\r:")
AT_ONCE: Final = 4
"""Large bodies at a time, over all requests."""

_large: Final[WeakSet[asyncio.Task[Any]]] = WeakSet()
"""Who has a large body in hand. A request is a task of its own, and done with it at its end
however that comes, so nobody has to give anything back."""


async def read_body_of(request: Request[Any, Any, Any]) -> object:
    """The body, as its Content-Type says: JSON, or a form as the JSON that it stands for.

    A content type is asked for, not assumed: a page on another site can make a browser
    send a body without one, but not one that says it is JSON.

    Raises:
        UnsupportedTypeError: The headers say neither.
        BadJsonError: It is not JSON, or JSON that two readers would read differently.
        BadFormError: It is not a form that can be read.
        BadRequestError: The caller left before the body was whole.
    """
    kind = media_type(request)
    if kind == JSON:
        return await _read_json(request)
    if kind == FORM:
        return await read_form(request)
    raise wrong_type(kind, JSON, FORM)


async def _read_json(request: Request[Any, Any, Any]) -> object:
    check_coding(request)
    body = await read_body(request)
    if len(body) < LONG:
        return decode(body)
    return await asyncio.to_thread(decode, body)


async def read_form(request: Request[Any, Any, Any]) -> dict[str, object]:
    """A `multipart/form-data` body; it is read piece by piece, as it comes.

    Raises:
        UnsupportedTypeError: It is compressed, or a page of another site sent it.
        BadFormError: It is not a form that can be read.
        BadRequestError: The caller left before the body was whole.
    """
    check_coding(request)
    _check_origin(request)
    _, options = parse_options_header(request.headers.get("content-type", ""))
    reader = FormReader(options.get("boundary", ""))
    fault: BadFormError | None = None

    def take(chunk: bytes) -> None:
        nonlocal fault
        # The rest is read all the same: who is still sending does not hear the answer.
        if fault is None:
            try:
                reader.feed(chunk)
            except BadFormError as error:
                fault = error

    await read_pieces(request, take)
    if fault is not None:
        raise fault
    return reader.end()


def media_type(request: Request[Any, Any, Any]) -> str:
    """The Content-Type without its parameters, in lower case; empty where there is none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def may_be_long(request: Request[Any, Any, Any]) -> bool:
    """Whether the body has `LONG` bytes, or comes without saying how many."""
    length = request.headers.get("content-length", "")
    return not length.isdecimal() or int(length) >= LONG


def wrong_type(kind: str, *taken: str) -> UnsupportedTypeError:
    """The error for a body of type `kind` where only `taken` are read."""
    found = f"not {kind[:100]!r}" if kind else "and say so in Content-Type"
    return UnsupportedTypeError(
        f"Send {' or '.join(taken)}, {found}.", headers={"accept": ", ".join(taken)}
    )


def check_coding(request: Request[Any, Any, Any]) -> None:
    """Refuse a compressed body: what it would unpack to is known too late.

    Raises:
        UnsupportedTypeError: It is one.
    """
    coding = request.headers.get("content-encoding", "identity").strip()
    if coding.lower() != "identity":
        raise UnsupportedTypeError(
            "Send the body as it is, without Content-Encoding.",
            headers={"accept-encoding": "identity"},
        )


def _check_origin(request: Request[Any, Any, Any]) -> None:
    """Where no key is asked for, refuse a form that a browser sends for some other site."""
    if is_from_elsewhere(request):
        raise UnsupportedTypeError(
            "A form from a page of another site is not read; send application/json.",
            headers={"accept": JSON},
        )


async def read_body(request: Request[Any, Any, Any]) -> bytes:
    """The bytes of the body; the route's limit and the deadline hold.

    Raises:
        BadRequestError: The caller left before the body was whole.
    """
    pieces: list[bytes] = []
    await read_pieces(request, pieces.append)
    return b"".join(pieces)


async def read_pieces(request: Request[Any, Any, Any], take: Callable[[bytes], None]) -> None:
    """Hand over the body as it comes; the route's limit and the deadline hold.

    Raises:
        TooLargeError: It has more bytes than the route takes; the rest is not read.
        BadRequestError: The caller left before the body was whole.
        UnavailableError: It is large, and enough of those are in memory; the rest is not read.
    """
    most = request.route_handler.resolve_request_max_body_size() or math.inf
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise _too_large(most)
    size, more = 0, True
    while more:
        message: Any = await request.receive()
        if message["type"] == "http.disconnect":
            raise BadRequestError("The connection closed before the body was complete.")
        chunk = message.get("body", b"")
        size += len(chunk)
        if size > most:
            raise _too_large(most)
        if size > LARGE:
            _take_place()
        take(chunk)
        more = message.get("more_body", False)


def _too_large(most: float) -> TooLargeError:
    return TooLargeError(f"At most {most} bytes are taken.")


def _take_place() -> None:
    """Be one of those with a large body, until the task ends. Safe to repeat."""
    task = asyncio.current_task()
    if task is None or task in _large:
        return
    if sum(not one.done() for one in _large) >= AT_ONCE:
        raise UnavailableError(
            "Several large bodies are being read already. Try again shortly.",
            headers={"retry-after": "1"},
        )
    _large.add(task)


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
        # msgspec keeps the last of two members with one name, without a word. Each member has
        # a colon behind a quote or a blank: where there are no more of them, nothing was left out.
        if sum(map(body.count, _COLONS)) != _members(decoded):
            json.loads(body, object_pairs_hook=_once, parse_int=float)
    except msgspec.DecodeError as error:
        raise BadJsonError(f"The body is not JSON: {error}.") from None
    except UnicodeDecodeError:
        raise BadJsonError("The body is not UTF-8.") from None
    except RecursionError:
        raise BadJsonError("The body is nested too deeply.") from None
    return decoded


def _members(value: object) -> int:
    """How many members all objects in a decoded value have together."""
    if isinstance(value, dict):
        return len(value) + sum(map(_members, value.values()))
    return sum(map(_members, value)) if isinstance(value, list) else 0


def _once(members: list[tuple[str, object]]) -> None:
    seen: set[str] = set()
    for name, _ in members:
        if name in seen:
            raise BadJsonError(f"The body has an object with two members named {name[:64]!r}.")
        seen.add(name)
