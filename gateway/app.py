"""The composition root: settings in, a running gateway out.

The only module that knows which adapters exist and that puts the parts together.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from random import Random
from typing import Any

import msgspec
import structlog
from litestar import Litestar, MediaType, Response, route
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler

from gateway.api.auth import PUBLIC, Keys, require_key
from gateway.api.callbacks import provider_callback
from gateway.api.deadline import BodyDeadline
from gateway.api.edge import Edge
from gateway.api.files import kept_picture
from gateway.api.health import livez, readyz
from gateway.api.openapi import document, document_route
from gateway.api.operation import READ
from gateway.api.problems import HANDLERS
from gateway.api.videos import create_video, read_content, read_video
from gateway.config import Settings, to_accounts
from gateway.console import reference
from gateway.engine.links import Links
from gateway.engine.loop import Engine
from gateway.engine.tools import Pace, Tools
from gateway.model.clock import Clock
from gateway.model.ids import new_token
from gateway.net import Upstream
from gateway.observe.requests import RequestLog
from gateway.routing.routes import Routes
from gateway.storage import Database, ledger
from gateway.storage.media import MediaStore
from providers.contract import Account, Adapter, Capabilities
from providers.registry import ADAPTERS

LINK_KEY = "link_key"

_log = structlog.get_logger()


class SystemClock:
    """The machine's own time as it was at the start, going on evenly from there.

    A clock that is set while the gateway runs does not make jobs wait for the difference.
    """

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        return (time.monotonic_ns() + self._offset) // 1000


def capabilities() -> dict[str, Capabilities]:
    """The capability tables of all adapters, by provider."""
    return {name: adapter.capabilities for name, adapter in ADAPTERS.items()}


async def build_tools(
    settings: Settings,
    *,
    adapters: Mapping[str, Adapter] = ADAPTERS,
    clock: Clock | None = None,
    rng: Random | None = None,
    upstream: Upstream | None = None,
) -> Tools:
    """Open database, media folder and network as the settings say.

    Raises:
        StorageError: The database cannot be opened.
        OSError: The media folder cannot be made.
    """
    media = await asyncio.to_thread(MediaStore, settings.media.directory)
    database = await asyncio.to_thread(Database, settings.database.path)
    if outdated := database.outdated_library:
        _log.warning("old SQLite library; 3.51.3 or later is advised", sqlite=outdated)
    await asyncio.to_thread(database.migrate)
    await asyncio.to_thread(media.sweep)
    key = await database.write(lambda connection: ledger.kept(connection, LINK_KEY, new_token()))
    tables = {name: adapter.capabilities for name, adapter in adapters.items()}
    accounts = to_accounts(settings, tables)
    public_url = (settings.server.public_url or "").rstrip("/")
    return Tools(
        database=database,
        media=media,
        upstream=upstream or Upstream(settings.network.allow_private),
        clock=clock or SystemClock(),
        rng=rng or Random(),  # noqa: S311 - jitter is no secret
        sleep=asyncio.sleep,
        adapters=adapters,
        accounts={account.name: account for account in accounts},
        routes=_routes(settings, tables, accounts),
        links=Links(base=public_url, key=key) if public_url else None,
        pace=Pace(
            poll_seconds=settings.watch.poll_seconds,
            deadline_seconds=settings.watch.deadline_seconds,
            max_media_bytes=settings.media.max_bytes,
        ),
    )


def _routes(
    settings: Settings, tables: Mapping[str, Capabilities], accounts: Sequence[Account]
) -> Routes:
    """Routes as configured; without a `default` one, every target there is an account for."""
    used = {account.provider for account in accounts}
    routes = Routes(
        providers={name: table for name, table in tables.items() if name in used},
        routes=settings.routes,
        public_url=settings.server.public_url is not None,
    )
    if "default" in settings.routes:
        return routes
    return msgspec.structs.replace(routes, routes={**settings.routes, "default": routes.targets()})


def build_app(settings: Settings, tools: Tools) -> Litestar:
    """The ASGI application; its lifespan runs the engine and closes everything."""
    engine = Engine(tools)

    @asynccontextmanager
    async def running(_: Litestar) -> AsyncIterator[None]:
        try:
            await engine.start()
            yield
        finally:
            await engine.stop()
            await tools.upstream.aclose()
            await asyncio.to_thread(tools.database.close)

    handlers: list[HTTPRouteHandler] = [
        create_video,
        read_video,
        read_content,
        kept_picture,
        provider_callback,
        livez,
        readyz,
    ]
    table = document(_probe([*handlers, document_route(b"")]).routes, version("filmgate"))
    app = Litestar(
        route_handlers=[
            *handlers,
            document_route(msgspec.json.encode(table)),
            *_pages(reference.page(table), reference.style()),
        ],
        guards=[require_key],
        exception_handlers=HANDLERS,
        lifespan=[running],
        state=State(
            {
                "engine": engine,
                "api_keys": Keys(settings.server.api_keys),
                "allow_private": settings.network.allow_private,
            }
        ),
        openapi_config=None,
        logging_config=None,
    )
    # Around everything: 404 and 405 never enter Litestar's own middleware.
    app.asgi_handler = RequestLog(Edge(BodyDeadline(app.asgi_handler)))
    return app


def _probe(handlers: Sequence[HTTPRouteHandler]) -> Litestar:
    """The same routes once more, to be read before there is a document to be served."""
    return Litestar(route_handlers=list(handlers), openapi_config=None, logging_config=None)


def _pages(html: str, style: bytes) -> list[HTTPRouteHandler]:
    headers = {"content-security-policy": reference.POLICY}
    public: dict[str, Any] = {"http_method": READ, "status_code": 200, "opt": {**PUBLIC}}

    @route(reference.PATH, media_type=MediaType.HTML, **public)
    async def reference_page() -> Response[str]:
        return Response(html, media_type=MediaType.HTML, headers=headers)

    @route(f"{reference.PATH}/reference.css", media_type=MediaType.CSS, **public)
    async def reference_style() -> Response[bytes]:
        return Response(style, media_type=MediaType.CSS, headers=headers)

    return [reference_page, reference_style]


async def build(settings: Settings, **seams: Any) -> Litestar:
    """The application of these settings; see `build_tools` for the seams."""
    return build_app(settings, await build_tools(settings, **seams))
