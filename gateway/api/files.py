"""Files from our own store, whole or in parts; and the signed links for providers."""

import asyncio
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, route
from litestar.params import FromPath
from litestar.response import Stream

from gateway.api.auth import PUBLIC
from gateway.api.conditions import matches
from gateway.api.operation import READ, Answer, Operation, Parameter
from gateway.api.ranges import Span, UnsatisfiableError, parse_range
from gateway.engine.loop import Engine
from gateway.model.clock import SECOND
from gateway.model.errors import NotFoundError, PreconditionFailedError, UnsatisfiableRangeError
from gateway.model.media import SNIFF_BYTES, sniff

CHUNK: Final = 256 * 1024


async def file_response(
    request: Request[Any, Any, Any], path: Path, media_type: str, digest: str
) -> Response[Any]:
    """Answer with a file: conditions (RFC 9110, 13.2.2), then `Range`; HEAD without the bytes.

    Raises:
        NotFoundError: The file is gone.
        PreconditionFailedError: It is not the version asked for.
        UnsatisfiableRangeError: The range lies behind the end.
    """
    try:
        size = (await asyncio.to_thread(path.stat)).st_size
    except FileNotFoundError:
        raise NotFoundError("The file is no longer kept.") from None
    etag = f'"{digest}"'
    headers = {
        "etag": etag,
        "accept-ranges": "bytes",
        "cache-control": "private, max-age=31536000, immutable",
    }
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


@route(
    "/v1/files/{digest:str}/content",
    http_method=READ,
    status_code=200,
    opt={
        **PUBLIC,
        "operation": Operation(
            summary="A kept picture, by a signed link",
            tag="files",
            detail="For providers that fetch pictures by URL. The gateway makes these links; "
            "they carry a signature and expire.",
            parameters=(
                Parameter(name="digest", where="path", meaning="SHA-256 of the picture."),
                Parameter(name="expires", where="query", meaning="Seconds since 1970."),
                Parameter(name="signature", where="query", meaning="The gateway's own."),
            ),
            answers={
                200: Answer(meaning="The picture.", body=bytes, media_type="image/*"),
                206: Answer(meaning="The part asked for.", body=bytes, media_type="image/*"),
                304: Answer(meaning="Not changed since `If-None-Match`."),
            },
            problems=(404, 412, 416),
        ),
    },
)
async def kept_picture(request: Request[Any, Any, Any], digest: FromPath[str]) -> Response[Any]:
    """Serve a picture to whoever holds a link that is still good; 404 to everybody else."""
    engine: Engine = request.app.state.engine
    tools = engine.tools
    expires = request.query_params.get("expires", "")
    signature = request.query_params.get("signature", "")
    if (
        tools.links is None
        or not (expires.isascii() and expires.isdigit() and len(expires) < 16)  # noqa: PLR2004
        or not tools.links.good(digest, int(expires), signature, tools.clock.now() // SECOND)
    ):
        raise NotFoundError("No such file, or the link has expired.")
    path = tools.media.path(digest)
    media_type = await asyncio.to_thread(_type_of, path)
    return await file_response(request, path, media_type, digest)


def _type_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return sniff(file.read(SNIFF_BYTES)) or "application/octet-stream"
    except FileNotFoundError:
        raise NotFoundError("The file is no longer kept.") from None
