"""What holds for every answer, whichever route gave it, or none.

A layer around the finished application, since 404 and 405 never enter the framework's own.
"""

from typing import Any, Final

Header = tuple[bytes, bytes]

ALWAYS: Final[tuple[Header, ...]] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
)
"""Unless the answer says otherwise. Jobs are private and change; a 404 may be gone next time."""

DATA: Final[tuple[Header, ...]] = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
"""For JSON, which is not for looking at in a frame. Pages bring their own policy."""


class Edge:
    """Wraps an ASGI application: headers for all answers, and no body in answers to HEAD."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI connection; anything but HTTP passes through untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        bodiless = scope["method"] == "HEAD"

        async def sending(message: Any) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": completed(message.get("headers", ()))}
            elif bodiless and message["type"] == "http.response.body":
                message = {**message, "body": b""}
            await send(message)

        await self._app(scope, receive, sending)


def completed(headers: Any) -> list[Header]:
    """The headers, with those of ours that they lack."""
    given = [(bytes(name), bytes(value)) for name, value in headers]
    names = {name.lower(): value for name, value in given}
    wanted = ALWAYS + (DATA if b"json" in names.get(b"content-type", b"") else ())
    return [*given, *(pair for pair in wanted if pair[0] not in names)]
