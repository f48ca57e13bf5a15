"""Files from our own store as answers, whole or in parts."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from litestar import Request, Response
from litestar.response import Stream

from gateway.api.conditions import matches
from gateway.api.operation import Answer, Parameter
from gateway.api.ranges import Span, UnsatisfiableError, parse_range
from gateway.model.errors import NotFoundError, PreconditionFailedError, UnsatisfiableRangeError

CHUNK: Final = 256 * 1024

_TAG: Final = {"ETag": "Changes with the bytes, and only with them."}


def _header_parameter(name: str, meaning: str) -> Parameter:
    return Parameter(name=name, where="header", meaning=meaning, required=False)


CONDITIONS: Final = (
    _header_parameter("Range", "One part: `bytes=0-1023`, `bytes=1024-`, `bytes=-500`."),
    _header_parameter("If-Range", "An entity tag; with another one the whole file comes."),
    _header_parameter("If-None-Match", "Entity tags the caller has: 304 if it is one of them."),
    _header_parameter("If-Match", "Entity tags that will do: 412 if it is none of them."),
)
"""What `file_response` honours."""


def answers(what: str, media_type: str) -> dict[int, Answer]:
    """What `file_response` may answer with."""
    return {
        200: Answer(meaning=f"{what}, whole.", body=bytes, media_type=media_type, headers=_TAG),
        206: Answer(
            meaning="The part asked for.",
            body=bytes,
            media_type=media_type,
            headers={**_TAG, "Content-Range": "Which bytes, of how many."},
        ),
        304: Answer(meaning="Not changed since `If-None-Match`.", headers=_TAG),
    }


async def file_response(
    request: Request[Any, Any, Any], path: Path, media_type: str, tag: str, name: str = ""
) -> Response[Any]:
    """Answer with a file: conditions (RFC 9110, 13.2.2), then `Range`; HEAD without the bytes.

    Args:
        request: What was asked.
        path: The file.
        media_type: What it is.
        tag: Its entity tag without the quotes; other bytes have another one.
        name: What it is called when it is saved.

    Raises:
        NotFoundError: The file is gone.
        PreconditionFailedError: It is not the version asked for.
        UnsatisfiableRangeError: The range lies behind the end.
    """
    try:
        size = (await asyncio.to_thread(path.stat)).st_size
    except FileNotFoundError:
        raise NotFoundError("The file is no longer kept.") from None
    etag = f'"{tag}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=31536000, immutable",
    }
    if name:
        headers["content-disposition"] = disposition(name)
    if (wanted := _header(request, "if-match")) and not matches(wanted, etag, weak=False):
        raise PreconditionFailedError("If-Match holds another entity tag.")
    if (known := _header(request, "if-none-match")) and matches(known, etag, weak=True):
        return Response(b"", status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    # Ranges are defined for GET alone, and hold only for the version the caller has a part of.
    ranges = request.method == "GET" and request.headers.get("if-range", etag).strip() == etag
    asked = _header(request, "range") if ranges else None
    try:
        span = parse_range(asked, size)
    except UnsatisfiableError:
        raise UnsatisfiableRangeError(
            f"The content has {size} bytes.", headers={"content-range": f"bytes */{size}"}
        ) from None
    status = HTTPStatus.OK
    if span is None:
        span = Span(0, size)
    else:
        status = HTTPStatus.PARTIAL_CONTENT
        headers["content-range"] = f"bytes {span.start}-{span.start + span.length - 1}/{size}"
    headers["content-length"] = str(span.length)
    if request.method == "HEAD":
        return Response(b"", status_code=status, headers=headers, media_type=media_type)
    return Stream(_read(path, span), status_code=status, headers=headers, media_type=media_type)


def _header(request: Request[Any, Any, Any], name: str) -> str:
    """All lines of a header that is a list."""
    return ", ".join(request.headers.getall(name, []))


async def _read(path: Path, span: Span) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(path.open, "rb") as file:
        await asyncio.to_thread(file.seek, span.start)
        left = span.length
        while left:
            chunk = await asyncio.to_thread(file.read, min(CHUNK, left))
            if not chunk:
                return
            left -= len(chunk)
            yield chunk


def disposition(name: str) -> str:
    """`Content-Disposition` for a file of this name, whatever is in it (RFC 6266)."""
    plain = "".join(char if char.isascii() and char not in '"\\%' else "_" for char in name)
    value = f'inline; filename="{plain}"'
    return value if plain == name else f"{value}; filename*=UTF-8''{quote(name, safe='')}"
