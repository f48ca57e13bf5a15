"""Answers whose bytes are all there before the first is sent."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from litestar import Response
from litestar.types import ASGIApp, Receive, Scope, Send


class Whole(Response[bytes]):
    """Sends its bytes as they are.

    The framework's own response merges headers, cookies, background tasks and encoders of
    every layer first, which takes longer than all of the routing; nothing here uses those.

    Args:
        content: The body.
        status_code: HTTP status; one that goes with a body.
        media_type: Of the body.
        headers: Others, of Latin-1 text.
    """

    def __init__(
        self,
        content: bytes,
        *,
        status_code: int,
        media_type: str,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        super().__init__(content, status_code=status_code, media_type=media_type)
        told = {**headers, "content-type": media_type, "content-length": str(len(content))}
        encoded = [(name.encode("latin-1"), text.encode("latin-1")) for name, text in told.items()]
        self._start = {"type": "http.response.start", "status": status_code, "headers": encoded}

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]
        """What sends it."""
        return self._send

    async def _send(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI
        await send(self._start)  # type: ignore[arg-type]
        body = {"type": "http.response.body", "body": self.content, "more_body": False}
        await send(body)  # type: ignore[arg-type]
