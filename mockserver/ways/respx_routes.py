"""The mock behind a router of respx, for suites that have one."""

import inspect
import re
from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING

import httpx

from mockserver.ways.transport import App, Transport

if TYPE_CHECKING:
    import respx

NAME = "filmgate-mock"
"""What the route is called: `router["filmgate-mock"].calls`."""
MISSING = "the mock as respx routes needs respx: pip install 'filmgate[testing]'"


def add_to(router: "respx.Router", app: App, base_paths: Iterable[str]) -> "respx.Route":
    """Adds a route that answers every request to the mock's paths, at any host; the route.

    Requests to other paths are left to the router's other routes.

    Raises:
        RuntimeError: respx is not installed.
    """
    try:
        import respx  # noqa: PLC0415 - not everybody has it
    except ImportError:
        raise RuntimeError(MISSING) from None
    paths = "|".join(re.escape(path) for path in (*base_paths, "/media", "/inbox", "/__mock"))
    transport = Transport(app)
    waiting, not_waiting = respx.Router.aresolve.__code__, respx.Router.resolve.__code__

    def awaited() -> bool:
        # A route is not told whether an asynchronous client asks; who calls it knows.
        frame = inspect.currentframe()
        while frame is not None:
            if frame.f_code in {waiting, not_waiting}:
                return frame.f_code is waiting
            frame = frame.f_back
        return False

    def answer(request: httpx.Request) -> httpx.Response | Awaitable[httpx.Response]:
        if awaited():
            return transport.handle_async_request(request)
        response = transport.handle_request(request)
        # One without its request would be copied, and lose what is still to come.
        response.request = request
        return response

    route = router.route(name=NAME, path__regex=rf"^(/~[^/]+)?({paths})(/|$)")
    route.side_effect = answer
    return route
