"""The HTTP layer: requests, responses and a route table on bare ASGI.

Bare ASGI because the mock must see paths as they were sent: useapi.net treats `:` and `%3A` in an
id differently, and frameworks decode that away.
"""

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MAX_BODY_BYTES = 32 * 1024 * 1024


class BodyTooLargeError(Exception):
    """The request's body is larger than this server reads."""


class ClientGoneError(Exception):
    """The client hung up before its request was complete."""


class ReplyLost(httpx.RemoteProtocolError):
    """The reply was cut off on purpose.

    Over a socket the client sees half a reply and its own library's error. In process nothing
    stands between the server and the client, so the exception is the one httpx would have made.
    """


class Request(msgspec.Struct, kw_only=True):
    """One request, its body read whole."""

    method: str
    path: str
    """As sent: still percent-encoded, without the query."""
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case; of repeated ones the last."""
    body: bytes
    origin: str
    """Scheme and authority the client used."""
    params: dict[str, str] = {}

    @property
    def content_type(self) -> str:
        """The media type alone, in lower case."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()


class Response(msgspec.Struct, kw_only=True):
    """One response; `job` and `lost` are for the journal."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = {}
    job: str | None = None
    lost: bool = False


Handler = Callable[[Request], Awaitable[Response]]


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


def reply(value: object, status: int = 200, *, job: str | None = None) -> Response:
    """A JSON response."""
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
    """Finds the handler of a request; HEAD is answered by GET."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)

    async def answer(self, request: Request) -> tuple[str, Response]:
        """The operation's name and the response; 404 and 405 when no row fits."""
        allowed = []
        method = "GET" if request.method == "HEAD" else request.method
        for route in self.routes:
            params = bound(route.template, request.path, slash=route.slash)
            if params is None:
                continue
            if route.method == method:
                request.params = params
                try:
                    return route.operation, await route.handler(request)
                except RefusedError as refused:
                    return route.operation, refused.response
            allowed.append(route.method)
        if allowed:
            response = reply({"error": "Method Not Allowed"}, 405)
            response.headers["allow"] = ", ".join(sorted(allowed))
            return "", response
        return "", reply({"error": f"No such path: {request.path}"}, 404)


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
    return Request(
        method=scope["method"],
        path=(scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1"),
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        headers=headers,
        body=bytes(body),
        origin=f"{scope.get('scheme', 'http')}://{host}",
    )


async def write(response: Response, send: Send, *, head: bool = False) -> None:
    """Sends the response, or the first half of it when it is to be lost.

    Raises:
        ReplyLost: always, after half a lost reply.
    """
    headers = {"content-length": str(len(response.body)), **response.headers}
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [(k.encode("latin-1"), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    if response.lost:
        half = response.body[: len(response.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})
        raise ReplyLost("the mock cut its reply off on purpose")
    await send({"type": "http.response.body", "body": b"" if head else response.body})
