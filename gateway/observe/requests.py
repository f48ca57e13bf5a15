"""The outermost layer of the web application: an id and one log line for every request.

It wraps the finished ASGI application, not a router's middleware: 404, 405 and whatever
breaks inside are seen here as well.
"""

import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final, TypeAlias

import structlog
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars
from uuid_utils import uuid7

# ASGI's own types. Frameworks write them in ways that do not match each other, so what
# crosses the boundary is `Any`.
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Send: TypeAlias = Callable[[Any], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

HEADER: Final = b"x-request-id"
CLIENT_GONE: Final = 499
"""Logged when the client left before an answer began; never sent."""
BROKEN: Final = 500

_SANE: Final = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CALLBACK: Final = re.compile(r"(/callbacks/+[^/]+/+).+", re.IGNORECASE | re.DOTALL)

_log = structlog.get_logger()


class RequestLog:
    """Wraps an ASGI application.

    Args:
        app: The application.
        clock: Seconds from any start, for durations.
    """

    def __init__(self, app: AsgiApp, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI connection; anything but HTTP passes through untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        around = get_contextvars()
        clear_contextvars()
        exchange = _Exchange(scope, receive, send, self._clock)
        bind_contextvars(request_id=exchange.request_id)
        try:
            await exchange.run(self._app)
        finally:
            # In-process callers have a context of their own, which is theirs again now.
            clear_contextvars()
            bind_contextvars(**around)


class _Exchange:
    """One request and what became of it."""

    def __init__(
        self, scope: Message, receive: Receive, send: Send, clock: Callable[[], float]
    ) -> None:
        self.request_id = _request_id(scope)
        self._scope = scope
        self._receive = receive
        self._send = send
        self._clock = clock
        self._began = clock()
        self._status: int | None = None
        self._bytes = 0
        self._ended = False
        self._client_gone = False

    async def run(self, app: AsgiApp) -> None:
        error: BaseException | None = None
        try:
            await app(self._scope, self._receiving, self._sending)
        except Exception as raised:
            error = raised
            if self._status is not None:
                raise  # half an answer is out: the server has to cut the connection
            if not self._client_gone:
                await self._answer_broken()
        except BaseException:
            self._client_gone = self._client_gone or self._status is None
            raise
        finally:
            self._write_line(error)

    async def _receiving(self) -> Message:
        message: Message = await self._receive()
        if message["type"] == "http.disconnect" and not self._ended:
            self._client_gone = True
        return message

    async def _sending(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = [pair for pair in message.get("headers", ()) if pair[0].lower() != HEADER]
            message = {**message, "headers": [*headers, (HEADER, self.request_id.encode())]}
        await self._send(message)
        if message["type"] == "http.response.body":
            self._bytes += len(message.get("body", b""))
            self._ended = not message.get("more_body", False)

    async def _answer_broken(self) -> None:
        """The last resort: an application with an error handler never lets it come to this."""
        headers = [
            (b"content-type", b"application/problem+json"),
            # How far it came is not known: a second try might pay a second time.
            (b"x-should-retry", b"false"),
        ]
        body = b'{"type":"about:blank","title":"Internal Server Error","status":500}'
        await self._sending({"type": "http.response.start", "status": BROKEN, "headers": headers})
        await self._sending({"type": "http.response.body", "body": body})

    def _write_line(self, error: BaseException | None) -> None:
        unanswered = CLIENT_GONE if self._client_gone else BROKEN
        status = unanswered if self._status is None else self._status
        fields: dict[str, object] = {
            "method": self._scope["method"],
            "path": masked_path(self._scope["path"]),
            "status": status,
            "duration_ms": round((self._clock() - self._began) * 1000, 1),
            "bytes": self._bytes,
        }
        if self._scope.get("query_string"):
            fields["query"] = "***"
        if self._scope.get("path_template"):
            fields["route"] = self._scope["path_template"]
        if self._scope.get("client"):
            fields["client"] = self._scope["client"][0]
        if not self._ended:
            fields["complete"] = False
        write = _log.error if error is not None or status >= BROKEN else _log.info
        if error is not None:
            fields["exc_info"] = error
        write("request", **fields)


def masked_path(path: str) -> str:
    """`path` without the token that a callback's address ends with."""
    return _CALLBACK.sub(r"\1***", path) if "callback" in path.lower() else path


def _request_id(scope: Message) -> str:
    """The caller's own id if it is fit for logs and headers, else a new one."""
    given = next((value for name, value in scope["headers"] if name.lower() == HEADER), b"")
    return given.decode() if _SANE.fullmatch(given) else f"req_{uuid7().hex}"
