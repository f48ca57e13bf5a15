"""Signed links to kept files, for providers that fetch pictures and films by URL."""

import asyncio
import re
from pathlib import Path
from typing import Any, Final

from litestar import Request, Response, route
from litestar.params import FromPath

from gateway.api.auth import PUBLIC
from gateway.api.operation import READ, Operation, Parameter
from gateway.api.sending import CONDITIONS, answers, file_response
from gateway.engine.links import EXTENSIONS
from gateway.engine.loop import Engine
from gateway.model.clock import SECOND
from gateway.model.errors import NotFoundError
from gateway.model.media import SNIFF_BYTES, sniff

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@route(
    "/v1/files/signed/{name:str}",
    http_method=READ,
    status_code=200,
    opt={
        **PUBLIC,
        "operation": Operation(
            summary="A kept picture or film, by a signed link",
            tag="files",
            detail="For providers that fetch by URL. The gateway makes these links; they carry "
            "a signature and expire.",
            any_query=True,
            parameters=(
                Parameter(
                    name="name", where="path", meaning="SHA-256 of the file, and its extension."
                ),
                Parameter(name="expires", where="query", meaning="Seconds since 1970."),
                Parameter(name="signature", where="query", meaning="The gateway's own."),
                *CONDITIONS,
            ),
            answers=answers("The file", "image/*, video/*"),
            problems=(404, 412, 416),
        ),
    },
)
async def signed_file(request: Request[Any, Any, Any], name: FromPath[str]) -> Response[Any]:
    """Serve a file to whoever holds a link that is still good; 404 to everybody else."""
    engine: Engine = request.app.state.engine
    tools = engine.tools
    digest, dot, extension = name.partition(".")
    expires = request.query_params.get("expires", "")
    signature = request.query_params.get("signature", "")
    if (
        tools.links is None
        or not _DIGEST.fullmatch(digest)
        or dot + extension not in {"", *EXTENSIONS.values()}
        or not (expires.isascii() and expires.isdigit() and len(expires) < 16)  # noqa: PLR2004
        or not tools.links.good(digest, int(expires), signature, tools.clock.now() // SECOND)
    ):
        raise NotFoundError("No such file, or the link has expired.")
    path = tools.media.path(digest)
    kind = await asyncio.to_thread(_type_of, path)
    return await file_response(request, path, kind, digest)


def _type_of(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return sniff(file.read(SNIFF_BYTES)) or "application/octet-stream"
    except FileNotFoundError:
        raise NotFoundError("The file is no longer kept.") from None
