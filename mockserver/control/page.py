"""`/__mock/ui`: the page that shows a world; its files lie in `mockserver/page`."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from mockserver.control.guard import NotFoundError
from mockserver.wire.http import Request, Response

if TYPE_CHECKING:
    from mockserver.world import World

INDEX = "index.html"
TYPES: Mapping[str, str] = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; "
        "media-src blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-cache",
}


@cache
def assets() -> Mapping[str, bytes]:
    """The page's files by name."""
    folder = files("mockserver") / "page"
    return {
        one.name: one.read_bytes()
        for one in folder.iterdir()
        if one.name.rpartition(".")[2] in TYPES
    }


async def index(_world: "World", request: Request) -> Response:
    """The page itself; links in it are relative, so its own address ends with a slash."""
    if not request.path.endswith("/"):
        return Response(status=308, headers={"location": "ui/"})
    return shown(INDEX)


async def asset(_world: "World", request: Request) -> Response:
    """One of its files."""
    return shown(request.params["file"])


def shown(name: str) -> Response:
    """A file of the page.

    Raises:
        NotFoundError: there is no such file.
    """
    data = assets().get(name)
    if data is None:
        raise NotFoundError(f"The page has no file {name!r}")
    return Response(body=data, headers={"content-type": TYPES[name.rpartition(".")[2]], **HEADERS})
