"""The HTTP layer: requests, responses and a route table on bare ASGI.

Bare ASGI because the mock must see paths as they were sent: useapi.net treats `:` and `%3A` in an
id differently, and frameworks decode that away.
"""

import asyncio
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    MutableMapping,
)
from typing import Any
from urllib.parse import parse_qsl, unquote

import httpx
import msgspec

from mockserver.engine.faults import Fault
from mockserver.engine.journal import Act, Lost

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 32 * 1024 * 1024
BODILESS = frozenset({204, 304})
"""Statuses whose answers have no body and no length (RFC 9110, 6.4.1 and 8.6)."""


class BodyTooLargeError(Exception):
    """The request's body is larger than this server reads."""


class ClientGoneError(Exception):
    """The client hung up before its request was complete."""


class ReplyLost(httpx.RemoteProtocolError):
    """The reply was cut off, or never begun, on purpose.

    Over a socket the client sees half a reply and its own library's error. In process nothing
    stands between the server and the client, so the exception is the one httpx would have made.
    """


class Request(msgspec.Struct, kw_only=True):
    """One request, its body read whole."""

    method: str
    path: str
    """As sent: still percent-encoded, without the query."""
    query_text: str = ""
    """As sent."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case; of repeated ones the last."""
    body: bytes
    origin: str
    """Scheme and authority the client used, and where the mock is mounted."""
    params: dict[str, str] = {}
    n: int | None = None
    """The journal's line."""
    key: str = ""
    """Of submits: a digest of what is asked for, and of how often it has been."""
    intent: str = ""
    """The same without the count."""
    faults: tuple[Fault, ...] = ()
    """Those that strike it."""

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Response(msgspec.Struct, kw_only=True):
    """One response; what is not of HTTP is for the journal, and for faults."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}
    job: str | None = None
    account: str = ""
    told: tuple[tuple[str, str], ...] = ()
    """Job ids and phases that the body tells of."""
    digest: str = ""
    """Of media: what stands in the journal for the body."""
    lost: Lost = ""
    share: float = 0.5
    """How much of the body is sent before it is cut."""
    trickle: float = 0.0
    """Virtual seconds over which the body is sent, in pieces."""
    stream: AsyncIterator[bytes] | None = None
    """What is sent piece by piece instead of the body, until it ends or the client goes."""


Handler = Callable[[Any, Request], Awaitable[Response]]
"""Answers a request in a world, its first argument."""


class RefusedError(Exception):
    """A handler ends early with this response."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


class Route(msgspec.Struct, frozen=True):
    """A row of the route table; `{name}` stands for one path segment."""

    method: str
    template: str
    operation: str
    handler: Handler
    slash: bool = False
    """A trailing slash is accepted as well."""
    act: Act = "other"
    provider: str = ""
    job_param: str = ""
    """The path parameter that holds a job's id."""
    looks: bool = False
    """Clients that wait look at their jobs here, as they do wherever `act` is `poll`."""
    own_line: bool = False
    """The handler writes a line of its own into the journal."""


def reply(value: object, status: int = 200, *, job: str | None = None) -> Response:
    """A JSON response; of some statuses one without a body."""
    if status in BODILESS:
        return Response(status=status, job=job)
    return Response(
        status=status,
        body=msgspec.json.encode(value),
        headers={"content-type": "application/json"},
        job=job,
    )


def bound(template: str, path: str, *, slash: bool) -> dict[str, str] | None:
    """The path's parameters, raw, when it fits the template."""
    wanted = template.split("/")
    got = path.split("/")
    if slash and len(got) == len(wanted) + 1 and not got[-1]:
        got.pop()
    if len(wanted) != len(got):
        return None
    params = {}
    for want, have in zip(wanted, got, strict=True):
        if want.startswith("{"):
            if not have:
                return None
            params[want[1:-1]] = have
        elif want != have:
            return None
    return params


class Router:
    """Finds the route of a request; HEAD is answered by GET."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._plain: dict[str, dict[str, Route]] = {}
        self._bound: list[Route] = []
        for route in self.routes:
            if "{" in route.template:
                self._bound.append(route)
                continue
            for path in (
                (route.template, f"{route.template}/") if route.slash else (route.template,)
            ):
                self._plain.setdefault(path, {}).setdefault(route.method, route)

    def find(self, method: str, path: str) -> tuple[Route, dict[str, str]] | Response:
        """The route and the path's parameters; 404 or 405 when no row fits."""
        method = "GET" if method == "HEAD" else method
        found: dict[str, tuple[Route, dict[str, str]]] = {
            name: (route, {}) for name, route in self._plain.get(path, {}).items()
        }
        if method not in found:
            for route in self._bound:
                params = bound(route.template, path, slash=route.slash)
                if params is not None:
                    found.setdefault(route.method, (route, params))
        if method in found:
            return found[method]
        if found:
            response = reply({"error": "Method Not Allowed"}, 405)
            response.headers["allow"] = ", ".join(sorted(found))
            return response
        return reply({"error": f"No such path: {path}"}, 404)


def mounted(raw: str, path: str) -> str:
    """What a framework took off the path that was sent, before it passed the rest on.

    Some tell of it in `root_path`; others, Litestar among them, only by a shorter `path`.
    """
    whole = unquote(raw).rstrip("/")
    rest = path.rstrip("/")
    if whole == rest or not whole.endswith(rest):
        return ""
    segments = whole.removesuffix(rest).count("/")
    return "/".join(raw.split("/")[: segments + 1])


async def read(scope: Scope, receive: Receive) -> Request:
    """The request with its whole body.

    Raises:
        BodyTooLargeError: the body is over the limit.
        ClientGoneError: the body never came to its end.
    """
    headers = {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
    body = bytearray()
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGoneError
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > MAX_BODY_BYTES:
            raise BodyTooLargeError
    host = headers.get("host") or "{}:{}".format(*(scope.get("server") or ("localhost", 80)))
    path = (scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1")
    root = scope.get("root_path", "").rstrip("/")
    if root and path.startswith(f"{root}/"):
        path = path.removeprefix(root)
    if mount := mounted(path, scope["path"]):
        root, path = root + mount, path.removeprefix(mount) or "/"
    query = scope["query_string"].decode("latin-1")
    return Request(
        method=scope["method"],
        path=path,
        query_text=query,
        query=dict(parse_qsl(query, keep_blank_values=True)) if query else {},
        headers=headers,
        body=bytes(body),
        origin=f"{scope.get('scheme', 'http')}://{host}{root}",
    )


PIECES = 10
"""Into how many parts a body is sent that comes slowly."""

Sleep = Callable[[float], Awaitable[None]]
"""Waits for so many virtual seconds."""


async def write(
    response: Response, receive: Receive, send: Send, sleep: Sleep, *, head: bool = False
) -> None:
    """Sends the response, or as much of it as is to arrive.

    Raises:
        ReplyLost: after a reply that was to be lost; the server then breaks the connection.
    """
    if response.lost == "hang":
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    if response.lost == "reset":
        raise ReplyLost("the mock broke the connection on purpose, before its reply")
    headers: Mapping[str, str] = response.headers
    bare = response.status in BODILESS
    if response.stream is None and not bare:
        headers = {"content-length": str(len(response.body)), **headers}
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    if response.stream is not None and not head:
        await _stream(response.stream, receive, send)
    body = b"" if head or bare else response.body
    if response.lost == "cut":
        part = body[: int(len(body) * response.share)]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        raise ReplyLost("the mock cut its reply off on purpose")
    if response.trickle:
        size = max(1, -(-len(body) // PIECES))
        for at in range(0, len(body), size):
            await send(
                {"type": "http.response.body", "body": body[at : at + size], "more_body": True}
            )
            await sleep(response.trickle / PIECES)
        body = b""
    await send({"type": "http.response.body", "body": body})


async def _stream(pieces: AsyncIterator[bytes], receive: Receive, send: Send) -> None:
    """Sends pieces until there are no more or nobody is there to get them."""

    async def pump() -> None:
        async for piece in pieces:
            await send({"type": "http.response.body", "body": piece, "more_body": True})

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = {asyncio.create_task(pump()), asyncio.create_task(gone())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
