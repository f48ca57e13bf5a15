"""How a request goes through a world: found, struck by faults, answered, written down."""

import asyncio
import hashlib
from functools import cache, partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mockserver.control.api import ROUTES as CONTROL
from mockserver.downloads import Downloads
from mockserver.engine.faults import Fault
from mockserver.engine.jobs import Job
from mockserver.engine.journal import KEPT_HEADERS, Exchange
from mockserver.engine.kinds import Target
from mockserver.engine.scheduler import OverError
from mockserver.engine.tape import Asked
from mockserver.inbox.wire import ROUTES as INBOXES
from mockserver.injection import struck_after, struck_before
from mockserver.lineage import digest, intent_of
from mockserver.provider import Provider
from mockserver.record.secrets import harmless, stand_in
from mockserver.wire.http import RefusedError, Request, Response, Route, Router

if TYPE_CHECKING:
    from mockserver.world import World

TARGETS: dict[str, Target] = {act: act for act in ("submit", "poll", "list", "upload", "download")}
WAITING = frozenset({"slow", "late", "callback-first"})
"""Faults under which a request waits, in virtual time or for the receiver of a callback."""
ENDING_SECONDS = 1.0
"""How long, in real time, the end of a world waits for requests to come to theirs."""


@cache
def router_of(providers: tuple[type[Provider], ...]) -> Router:
    """The routes of these providers, of their media and of the control API; made once."""
    rows = [row for provider in providers for row in provider.routes()]
    return Router([*rows, *Downloads.routes(), *INBOXES, *CONTROL])


class Exchanges:
    """The requests of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.answering: set[asyncio.Task[Response]] = set()
        """What is answered whether or not the client still waits."""

    async def ended(self) -> None:
        """Waits for what is answered, but not for long: it may wait for whoever asks this."""
        loop, mine = asyncio.get_running_loop(), asyncio.current_task()
        others = {task for task in self.answering if task.get_loop() is loop and task is not mine}
        if others:
            await asyncio.wait(others, timeout=ENDING_SECONDS)

    async def answer(self, request: Request) -> Response:
        """Answers a request, faults included, and writes it down."""
        self._world.engine.scheduler.wake()
        found = self._world.router.find(request.method, request.path)
        if isinstance(found, Response):
            if request.path.startswith("/__mock"):
                return found
            return await self._journaled(None, request, found)
        route, request.params = found
        if route.own_line:
            self._world.engine.tape.add(self._input(route, request, self._world.clock.now()))
        if route.act == "control" or route.own_line:
            return await _answered(route, self._world, request)
        return await self._journaled(route, request, None)

    async def _journaled(
        self, route: Route | None, request: Request, missing: Response | None
    ) -> Response:
        engine = self._world.engine
        looks = route is not None and (route.looks or route.act == "poll")
        # Whoever looks while a callback is being answered may be the one who answers it.
        if looks and engine.clock.kind == "per-poll" and not engine.notifier.delivering:
            await engine.scheduler.advance(self._world.settings.poll_seconds)
        journal, at = engine.journal, engine.clock.now()
        engine.tape.add(self._input(route, request, at))
        request.n = journal.next_number()
        faults = () if route is None else self._faults(route, request)
        work = partial(self._exchanged, route, request, missing, faults, at)
        if not any(fault.name in WAITING for fault in faults):
            return await work()

        # A task begins a turn later, at a moment of its own.
        begun = engine.tape.wait(partial(asyncio.sleep, 0), None)

        async def apart() -> Response:
            await begun
            return await work()

        # As behind a socket, a client that goes away does not stop what it has asked for.
        task = asyncio.create_task(apart())
        self.answering.add(task)
        task.add_done_callback(self.answering.discard)
        return await asyncio.shield(task)

    def _input(self, route: Route | None, request: Request, at: float) -> Asked:
        name = "" if route is None else route.provider
        kind = next((kind for kind in self._world.providers if kind.name == name), None)
        return Asked(
            at=at,
            method=request.method,
            path=request.path,
            query=request.query_text,
            headers=harmless(request.headers),
            key=None if kind is None else stand_in(kind, request),
            body=request.body,
            origin=request.origin,
        )

    async def _exchanged(
        self,
        route: Route | None,
        request: Request,
        missing: Response | None,
        faults: tuple[Fault, ...],
        at: float,
    ) -> Response:
        engine, n = self._world.engine, request.n or 0
        engine.scheduler.enter()
        try:
            if route is None:
                response = missing or Response(status=404)
            else:
                request.faults = faults
                response = await self._through(route, request, faults)
        except OverError:
            # As a server does that goes away; nothing is to be done in the life that follows.
            response = Response(status=0, lost="reset")
        finally:
            engine.scheduler.leave()
        media = bool(response.digest)
        engine.journal.write(
            Exchange(
                n=n,
                at=at,
                job=response.job,
                method=request.method,
                path=request.path,
                query=request.query_text,
                operation="" if route is None else route.operation,
                act="other" if route is None else route.act,
                provider="" if route is None else route.provider,
                account=response.account,
                key=request.key,
                intent=request.intent,
                headers={k: v for k, v in request.headers.items() if k in KEPT_HEADERS},
                body=request.body,
                status=response.status,
                replied_at=engine.clock.now(),
                reply_headers=response.headers,
                reply=b"" if media else response.body,
                reply_digest=response.digest,
                told=response.told,
                lost=response.lost,
                faults=tuple(fault.line for fault in faults),
            )
        )
        return response

    def _faults(self, route: Route, request: Request) -> tuple[Fault, ...]:
        engine, job = self._world.engine, None
        if route.act == "submit":
            kind = next(kind for kind in self._world.providers if kind.name == route.provider)
            own = self._world.downloads.has
            request.intent = intent_of(route.provider, route.operation, request, kind.volatile, own)
            count = engine.occurrence("intent", request.intent)
            request.key = digest(request.intent, count)
            key = request.key
        elif route.job_param:
            job = self._job_of(route, request)
            key = digest(route.operation, request.path) if job is None else job.order.key
            if job is not None and route.act == "download":
                # Which of a job's files comes first is the client's matter.
                key = digest(key, request.params[route.job_param].partition(".")[2])
        else:
            key = digest(route.operation, request.path, request.query_text)
            if route.act == "upload":
                key = digest(key, hashlib.sha256(request.body).hexdigest())
        target = TARGETS.get(route.act)
        if target is None:
            return ()
        scopes = [route.provider]
        if job is not None:
            order = job.order
            scopes += [order.provider, order.account, order.key, job.id, f"job{job.number}"]
        return engine.faults.strike(target, key, scopes)

    def _job_of(self, route: Route, request: Request) -> Job | None:
        text = request.params.get(route.job_param, "")
        if route.act == "download":
            return self._world.jobs.find(text.partition(".")[0])
        return self._world.jobs.get(route.provider, unquote(text))

    async def _through(self, route: Route, request: Request, faults: tuple[Fault, ...]) -> Response:
        engine = self._world.engine
        for fault in faults:
            if fault.name == "slow":
                await engine.scheduler.sleep(fault.value)
        response = struck_before(faults, self._world, route)
        if response is None:
            response = await _answered(route, self._world, request)
            response = await struck_after(faults, self._world, route, response)
        for fault in faults:
            if fault.name == "late":
                await engine.scheduler.sleep(fault.value)
        return response


async def _answered(route: Route, world: "World", request: Request) -> Response:
    try:
        return await route.handler(world, request)
    except RefusedError as refused:
        return refused.response
