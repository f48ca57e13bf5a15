"""Who may use the API, and what of it: Bearer keys, checked before any handler.

A handler says by its `opt` that it is `PUBLIC`, or for `OPERATORS`; all others are for everybody
with a key.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from gateway.model.errors import ForbiddenError, UnauthorizedError
from gateway.model.ids import digest
from providers.contract import Secret

PUBLIC: Final = {"public": True}
"""`opt` of a handler that needs no key. Everything else does."""

OPERATORS: Final = {"operators": True}
"""`opt` of a handler that only an operator's key opens."""

LOCAL: Final = "local"
"""The owner of jobs where no keys are configured (only a loopback host may be bound then)."""


class Caller(NamedTuple):
    """Who asks: the owner of the jobs they make, and whether they are an operator."""

    owner: str
    operator: bool = False

    @property
    def of(self) -> str | None:
        """Whose jobs they may look at and change; None for everybody's."""
        return None if self.operator else self.owner


class Keys:
    """The configured API keys. Looked up by digest, so timing tells nothing about a key.

    Args:
        keys: Those of callers.
        operators: Those that open the operator's routes as well.
    """

    def __init__(self, keys: Iterable[Secret], operators: Iterable[Secret] = ()) -> None:
        self._callers = {
            digest(key.reveal()): Caller(f"key_{digest(key.reveal())[:12]}", operator)
            for operator, group in ((False, keys), (True, operators))
            for key in group
        }

    def caller(self, authorization: str | None) -> Caller:
        """Who shows this. Where no keys are configured everybody is the operator.

        Raises:
            UnauthorizedError: Keys are configured, and this is none of them.
        """
        if not self._callers:
            return Caller(LOCAL, operator=True)
        scheme, _, given = (authorization or "").partition(" ")
        # Header values are read as Latin-1: this gives back the bytes that were sent.
        sent = given.strip(" \t").encode("latin-1", "backslashreplace")
        found = self._callers.get(digest(sent))
        if scheme.lower() != "bearer" or found is None:
            wrong = ', error="invalid_token"' if authorization else ""
            raise UnauthorizedError(
                "Send one of the configured keys as `Authorization: Bearer …`.",
                headers={"www-authenticate": f'Bearer realm="filmgate"{wrong}'},
            )
        return found


def require_key(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """What every request has to pass; it finds out who asks.

    Raises:
        UnauthorizedError: The route takes a key, and there is none that is known.
        ForbiddenError: The route takes an operator's key.
    """
    if handler.opt.get("public"):
        return
    keys: Keys = connection.app.state.api_keys
    caller = keys.caller(connection.headers.get("authorization"))
    if handler.opt.get("operators") and not caller.operator:
        raise ForbiddenError("This takes one of `server.operator_keys`.")
    connection.scope["state"]["caller"] = caller


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Who asks, on a route that is not public."""
    caller: Caller = request.scope["state"]["caller"]
    return caller


def is_from_elsewhere(request: Request[Any, Any, Any]) -> bool:
    """Whether a browser sends this for a page of another site, where no key is asked for.

    Browsers ask nobody before they send a form, or nothing, anywhere; but they name the
    page's origin.
    """
    origin = request.headers.get("origin")
    if origin is None or caller_of(request).owner != LOCAL:
        return False
    try:
        site = urlsplit(origin).netloc
    except ValueError:
        site = ""
    return not site or site.lower() != request.headers.get("host", "").lower()


def check_site(request: Request[Any, Any, Any]) -> None:
    """For what takes no body, or none that would have a browser ask first.

    Raises:
        ForbiddenError: A page of another site sends it, where no key is asked for.
    """
    if is_from_elsewhere(request):
        raise ForbiddenError("A page of another site may not ask for this.")
