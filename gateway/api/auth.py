"""Who may use the API: Bearer keys, checked before any handler that is not public."""

from collections.abc import Iterable
from typing import Any, Final

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from gateway.model.errors import UnauthorizedError
from gateway.model.ids import digest
from providers.contract import Secret

PUBLIC: Final = {"public": True}
"""`opt` of a handler that needs no key. Everything else does."""

LOCAL: Final = "local"
"""The owner of jobs where no keys are configured (only a loopback host may be bound then)."""


class Keys:
    """The configured API keys. Looked up by digest, so timing tells nothing about a key."""

    def __init__(self, keys: Iterable[Secret]) -> None:
        self._owners = {digest(key.reveal()): f"key_{digest(key.reveal())[:12]}" for key in keys}

    def owner(self, authorization: str | None) -> str:
        """Whose jobs a request may see.

        Raises:
            UnauthorizedError: Keys are configured, and this is none of them.
        """
        if not self._owners:
            return LOCAL
        scheme, _, given = (authorization or "").partition(" ")
        # Header values are read as Latin-1: this gives back the bytes that were sent.
        sent = given.strip(" \t").encode("latin-1", "backslashreplace")
        found = self._owners.get(digest(sent))
        if scheme.lower() != "bearer" or found is None:
            wrong = ', error="invalid_token"' if authorization else ""
            raise UnauthorizedError(
                "Send one of the configured keys as `Authorization: Bearer …`.",
                headers={"www-authenticate": f'Bearer realm="filmgate"{wrong}'},
            )
        return found


async def require_key(
    connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler
) -> None:
    """The guard of the whole application."""
    if handler.opt.get("public"):
        return
    keys: Keys = connection.app.state.api_keys
    connection.scope["state"]["owner"] = keys.owner(connection.headers.get("authorization"))
