"""OPTIONS for paths that several handlers share.

The framework answers OPTIONS by itself, but names the methods of the first handler only.
"""

from collections.abc import Iterable

from litestar import HttpMethod, Response, route
from litestar.handlers import HTTPRouteHandler


def allow_routes(handlers: Iterable[HTTPRouteHandler]) -> list[HTTPRouteHandler]:
    """A handler of OPTIONS for each path that is in more than one of these."""
    shared: dict[str, list[HTTPRouteHandler]] = {}
    for handler in handlers:
        for path in handler.paths:
            shared.setdefault(path, []).append(handler)
    return [
        _allow_route(path, {str(method) for one in found for method in one.http_methods})
        for path, found in sorted(shared.items())
        if len(found) > 1
    ]


def _allow_route(path: str, methods: set[str]) -> HTTPRouteHandler:
    headers = {"allow": ", ".join(sorted({*methods, "OPTIONS"}))}

    @route(path, http_method=HttpMethod.OPTIONS, status_code=204)
    async def allowed_methods() -> Response[None]:
        return Response(None, status_code=204, headers=headers)

    return allowed_methods
