"""A body that does not arrive is not waited for.

A caller who sends one byte a minute would hold a connection, and what was read so far, for
hours. The deadline is for the body as a whole, counted from the request's head: a trickle
does not renew it. What a caller *says* about the size buys no time; only a body that has
turned out to be large gets the longer deadline.
"""

import asyncio
from typing import Any, Final

from gateway.model.errors import SlowBodyError

SECONDS: Final = 10.0
LARGE_SECONDS: Final = 60.0
LARGE: Final = 64 * 1024
"""Bytes from which on a body counts as large: pictures came inside it."""


class BodyDeadline:
    """Wraps an ASGI application, whose `receive()` then raises `SlowBodyError` when late.

    Args:
        app: The application; it renders the error as it does any other.
        seconds: For a body of the usual size.
        large_seconds: For one of which `large` bytes or more have come in time.
        large: Bytes.
    """

    def __init__(
        self,
        app: Any,
        *,
        seconds: float = SECONDS,
        large_seconds: float = LARGE_SECONDS,
        large: int = LARGE,
    ) -> None:
        self._app = app
        self.limits = (seconds, large_seconds, large)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one ASGI connection; anything but HTTP passes through untouched."""
        if scope["type"] == "http":
            timed = _Timed(receive, send, self.limits)
            receive, send = timed.receive, timed.send
        await self._app(scope, receive, send)


class _Timed:
    def __init__(self, receive: Any, send: Any, limits: tuple[float, float, int]) -> None:
        self._receive = receive
        self._send = send
        self._seconds, self._large_seconds, self._large = limits
        self._began = asyncio.get_running_loop().time()
        self._came = 0
        self._settled = False
        """The body is whole, or is no longer of interest: the answer is on its way."""

    async def receive(self) -> Any:
        if self._is_settled():
            return await self._receive()
        seconds = self._large_seconds if self._came >= self._large else self._seconds
        try:
            async with asyncio.timeout_at(self._began + seconds):
                message = await self._receive()
        except TimeoutError:
            if self._is_settled():
                return await self._receive()
            # The rest of the body may come any time: nothing else fits on this connection.
            raise SlowBodyError(
                f"The body was not complete after {seconds:g} seconds.",
                headers={"connection": "close"},
            ) from None
        self._came += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False):
            self._settled = True
        return message

    async def send(self, message: Any) -> None:
        self._settled = True
        await self._send(message)

    def _is_settled(self) -> bool:
        return self._settled
