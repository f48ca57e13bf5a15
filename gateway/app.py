"""The composition root: settings in, a running gateway out.

The only module that knows which adapters exist and that puts the parts together.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from random import Random
from types import MappingProxyType
from typing import Any, Final

import msgspec
import structlog
from litestar import Litestar, MediaType, Response, route
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Receive, Scope, Send

from gateway.api.accounts import list_accounts, pause_account, resume_account
from gateway.api.allow import allow_routes
from gateway.api.auth import PUBLIC, Keys, require_key
from gateway.api.callbacks import provider_callback
from gateway.api.contents import read_content
from gateway.api.create import create_video, extend_video, quote_video
from gateway.api.deadline import BodyDeadline
from gateway.api.decisions import adopt_video, fail_video, resubmit_video
from gateway.api.edge import Edge
from gateway.api.files import (
    delete_file,
    list_files,
    read_file,
    read_file_content,
    upload_file,
)
from gateway.api.health import livez, readyz
from gateway.api.masking import mask_of
from gateway.api.models import list_models, read_model
from gateway.api.openapi import document, document_route
from gateway.api.operation import READ
from gateway.api.overview import list_orphans, list_replicas
from gateway.api.problems import HANDLERS
from gateway.api.query import known_query
from gateway.api.showing import encoded
from gateway.api.signed import signed_file
from gateway.api.videos import cancel_video, delete_video, list_videos, read_video
from gateway.config import RouteSettings, Settings, to_accounts
from gateway.console import reference
from gateway.engine.links import Links
from gateway.engine.loop import Engine
from gateway.engine.tools import Pace, Tools
from gateway.model.clock import Clock
from gateway.model.ids import new_token
from gateway.net import Upstream
from gateway.observe.requests import RequestLog
from gateway.routing.catalogue import models
from gateway.routing.money import money
from gateway.routing.routes import Routes
from gateway.storage import Database
from gateway.storage.keep import kept
from gateway.storage.media import MediaStore
from providers.contract import Account, Adapter, Capabilities
from providers.registry import ADAPTERS

LINK_KEY = "link_key"
DAY: Final = 86_400.0
"""Seconds."""
DRIFT: Final = 50_000_000
"""Nanoseconds that a replica's clock may differ from the database's before it is set."""
LEAP: Final = 5 * 10**9
"""Nanoseconds; clocks that come apart by more were set."""
HALF_WRITTEN: Final = 3600.0
"""Seconds after which a file that is still coming in, into a shared folder, was left behind."""

HANDLED: Final[tuple[HTTPRouteHandler, ...]] = (
    create_video,
    quote_video,
    extend_video,
    list_videos,
    read_video,
    delete_video,
    cancel_video,
    read_content,
    adopt_video,
    resubmit_video,
    fail_video,
    list_accounts,
    pause_account,
    resume_account,
    list_orphans,
    list_replicas,
    upload_file,
    list_files,
    read_file,
    read_file_content,
    delete_file,
    signed_file,
    list_models,
    read_model,
    provider_callback,
    livez,
    readyz,
)
"""Every route that the OpenAPI document tells of, besides its own."""

_log = structlog.get_logger()


class SystemClock:
    """The machine's own time as it was at the start, going on evenly from there.

    A clock that is set back while the gateway runs does not make jobs wait for the difference:
    it is not followed. One that is ahead is, as when the machine was suspended, and what was to
    happen meanwhile is due. Deadlines pass with it. That is right after a sleep; where the clock
    was behind before, people are asked too soon about jobs that are watched all the same. No
    submission is taken as not made because of it: for that, time counts only between searches
    at which the provider's clock agreed with this one (see `engine.absence`).

    Once it follows a database's clock, it follows that one, both ways, and no other.
    """

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.monotonic_ns()
        self._shared = False
        self._set_back = False

    def follow(self, now: int) -> None:
        """Tell the time of the database that several replicas share, where it differs."""
        self._shared = True
        offset = now * 1000 - time.monotonic_ns()
        step = offset - self._offset
        if abs(step) > LEAP:
            _log.warning("the database's clock is elsewhere, and is followed", seconds=step / 1e9)
        if abs(step) > DRIFT:
            self._offset = offset

    def now(self) -> int:
        """Microseconds since 1970, UTC."""
        if not self._shared:
            self._catch_up()
        return (time.monotonic_ns() + self._offset) // 1000

    def wall(self) -> int:
        """The time as others have it, also where it was set back since."""
        return self.now() if self._shared else time.time_ns() // 1000

    def _catch_up(self) -> None:
        # In this order a thread that is held up in between takes no clock for ahead.
        offset = time.time_ns() - time.monotonic_ns()
        step = offset - self._offset
        if step > LEAP:
            self._offset = offset
            _log.warning(
                "the machine slept or its clock was set; it is followed", seconds=step / 1e9
            )
        is_back = step < -LEAP
        if is_back and not self._set_back:
            _log.warning(
                "the machine's clock was set back; it is not followed before the next start",
                seconds=step / 1e9,
            )
        self._set_back = is_back


def configured(
    adapters: Mapping[str, Adapter], given: Mapping[str, Mapping[str, str]]
) -> dict[str, Adapter]:
    """The adapters as `[providers.NAME]` wants them."""
    return {
        name: adapter.configured(given[name]) if given.get(name) and adapter.configured else adapter
        for name, adapter in adapters.items()
    }


def capabilities(
    given: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> dict[str, Capabilities]:
    """The capability tables of all adapters, by provider, as `[providers.NAME]` wants them."""
    return {name: adapter.capabilities for name, adapter in configured(ADAPTERS, given).items()}


def _as_it_is(_now: int) -> None:
    """A clock that nobody sets."""


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
    system = SystemClock()
    clock = clock or system
    database = await asyncio.to_thread(
        Database, settings.database.full_url.reveal(), clock=clock.now
    )
    if outdated := database.outdated_library:
        _log.warning("old SQLite library; 3.51.3 or later is advised", sqlite=outdated)
    await asyncio.to_thread(database.migrate)
    shared = database.dialect != "sqlite"
    await asyncio.to_thread(media.sweep, time.time() - HALF_WRITTEN if shared else math.inf)
    key = await database.write(lambda connection: kept(connection, LINK_KEY, new_token()))
    adapters = configured(adapters, settings.providers)
    tables = {name: adapter.capabilities for name, adapter in adapters.items()}
    accounts = to_accounts(settings, tables)
    routes = _routes(settings, tables, accounts)
    mask = mask_of(accounts)
    public_url = (settings.server.public_url or "").rstrip("/")
    days = settings.retention.days
    pace = Pace(
        poll_seconds=settings.watch.poll_seconds,
        deadline_seconds=settings.watch.deadline_seconds,
        rest_seconds=settings.watch.rest_seconds,
        max_media_bytes=settings.media.max_bytes,
        stalled_seconds=settings.watch.stalled_seconds,
        settle_seconds=settings.watch.settle_seconds,
        lease_seconds=settings.watch.lease_seconds,
        retention_seconds=days and days * DAY,
    )
    return Tools(
        database=database,
        media=media,
        upstream=upstream or Upstream(settings.network.allow_private),
        clock=clock,
        wall=system.wall if clock is system else None,
        follow=system.follow if shared and clock is system else _as_it_is,
        rng=rng or Random(),  # noqa: S311 - jitter is no secret
        sleep=asyncio.sleep,
        adapters=adapters,
        accounts={account.name: account for account in accounts},
        routes=routes,
        links=Links(base=public_url, key=key) if public_url else None,
        pace=pace,
        render=lambda job, history: encoded(
            job, history, money=routes.money, mask=mask, retention=pace.retention
        ),
        webhook_secret=settings.webhooks.secret,
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
        money=money(settings.money.currency, settings.money.credit, tables),
        known=tuple(tables),
    )
    if "default" in settings.routes:
        return routes
    every = RouteSettings(targets=routes.targets())
    return msgspec.structs.replace(routes, routes={**settings.routes, "default": every})


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

    table = document(
        _probe([*HANDLED, document_route(b"")]).routes,
        version("filmgate"),
        models(_everything(tools)),
    )
    app = Litestar(
        route_handlers=[
            # Before those they tell of, or the framework makes its own.
            *allow_routes(HANDLED),
            *HANDLED,
            document_route(msgspec.json.encode(table)),
            *_pages(reference.page(table), reference.style()),
        ],
        middleware=[_admitting],
        exception_handlers=HANDLERS,
        lifespan=[running],
        state=State(
            {
                "engine": engine,
                "api_keys": Keys(settings.server.api_keys, settings.server.operator_keys),
                "mask": mask_of(tools.accounts.values()),
                "allow_private": settings.network.allow_private,
            }
        ),
        openapi_config=None,
        logging_config=None,
    )
    # Around everything: 404 and 405 never enter Litestar's own middleware.
    app.asgi_handler = RequestLog(Edge(BodyDeadline(app.asgi_handler)))
    return app


def _admitting(app: ASGIApp) -> ASGIApp:
    """What stands before every route; no guard, since the framework copies a handler for each."""

    async def admitting(scope: Scope, receive: Receive, send: Send) -> None:
        connection: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(scope, receive, send)
        require_key(connection, scope["route_handler"])
        known_query(connection, scope["route_handler"])
        await app(scope, receive, send)

    return admitting


def _everything(tools: Tools) -> Routes:
    """Every target there is an adapter for, whoever has an account."""
    tables = {name: adapter.capabilities for name, adapter in tools.adapters.items()}
    return Routes(providers=tables, routes={}, public_url=True)


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
