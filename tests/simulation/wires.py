"""The network of a history: requests to the mock, files, notices, callbacks; any of it may break.

Stands in for `gateway.net.Upstream` in one process. What is sent arrives outside of the process:
the provider goes on with it whatever becomes of the sender.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from urllib.parse import parse_qsl, urlsplit

import httpx

from gateway.net import Answered, Download, DownloadFailed, NoAnswer, NotSent, Upstream
from mockserver import World
from mockserver.wire.http import Request, Response
from providers.contract import Flow, HttpRequest, HttpResponse
from tests.simulation.disk import Fate
from tests.simulation.loop import Process, SimLoop, outside

T = TypeVar("T")

MOCK: Final = "http://mock.test"
GATE: Final = "http://127.0.0.1:8080"
PASSING: Final = frozenset({404, 408, 425, 429})


class Net:
    """What lies between the processes of a history."""

    def __init__(self, loop: SimLoop, fate: Fate, world: World) -> None:
        self.loop, self.fate, self.world = loop, fate, world
        self.heard: defaultdict[str, set[bytes]] = defaultdict(set)
        """By the id of a notice: what its receiver read, one element where all tries said one."""
        self.delivered: set[str] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    def pause(self) -> float:
        """How long something is on its way."""
        rng = self.loop.rng
        return rng.choice((0.0, 0.001, 0.05, rng.uniform(0, 1)))

    async def answered(self, request: Request) -> Response:
        """What the provider makes of a request; it does not stop when nobody waits any more."""
        task = self.apart(self.world.answer(request))
        return await asyncio.shield(task)

    def apart(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        """Run something that belongs to no process."""
        task = self.loop.create_task(work, context=outside())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class Wires:
    """`Upstream`, as far as the engine uses it, in one process."""

    def __init__(self, net: Net, process: Process) -> None:
        self.net, self.process = net, process

    def typed(self) -> Upstream:
        """Itself, for those who want the real one."""
        return cast("Upstream", self)

    def check(self, url: str) -> None:
        """Every link will do."""

    async def aclose(self) -> None:
        """Nothing is open."""

    async def run(
        self, flow: Flow[T], *, lane: str = "", paid: bool = False, deadline: float = 30.0
    ) -> T:
        del lane
        try:
            request = next(flow)
            while True:
                request = flow.send(await self._ask(request, deadline, paid=paid))
        except StopIteration as stop:
            value: T = stop.value
            return value
        finally:
            flow.close()

    async def _ask(self, request: HttpRequest, deadline: float, *, paid: bool) -> HttpResponse:
        await self._connect(deadline)
        if paid:
            # No await from here to the sending, but a process may be stopped between any two
            # of its steps.
            self.net.fate.meet(self.process, "send")
            await self._stopped()
        response = await self._exchange(_read(request), deadline)
        if paid:
            self.net.fate.meet(self.process, "answered")
            self.process.check()
        clock = self.net.world.clock
        date = format_datetime(clock.utc(clock.now()).replace(microsecond=0), usegmt=True)
        headers = {"date": date, **response.headers}
        return HttpResponse(status=response.status, headers=headers, body=response.body)

    async def _connect(self, deadline: float) -> None:
        self.process.check()
        if self.net.fate.spoils("connect"):
            await asyncio.sleep(self.net.loop.rng.choice((0.0, deadline / 4)))
            raise NotSent("mock.test", "cannot connect")
        if pause := self.net.pause():
            await asyncio.sleep(pause)

    async def _stopped(self) -> None:
        """Stand still while the process is halted: nothing in it, no time-out, comes between."""
        self.process.check()
        if self.process.halted:
            turn = self.net.loop.create_future()
            self.net.loop.call_soon(_settle, turn, context=self.process.context)
            await turn
            self.process.check()

    async def _exchange(self, request: Request, deadline: float) -> Response:
        host = "mock.test"
        try:
            async with asyncio.timeout(deadline):
                response = await self.net.answered(request)
                if response.lost == "hang":
                    await asyncio.sleep(deadline + 1)
                if response.lost or response.status == 0:
                    raise NoAnswer(host, "the answer is not valid HTTP or ended early")
                if (pause := self.net.pause()) or response.trickle:
                    await asyncio.sleep(pause + response.trickle)
        except TimeoutError:
            raise NoAnswer(host, "no whole answer within the deadline") from None
        if self.net.fate.spoils("answer"):
            raise NoAnswer(host, "the connection broke before the whole answer came")
        return response

    async def fetch(self, url: str, into: Path, *, max_bytes: int, deadline: float) -> Download:
        del max_bytes
        try:
            await self._connect(deadline)
            response = await self._exchange(_read(HttpRequest(method="GET", url=url)), deadline)
        except (NotSent, NoAnswer) as error:
            raise DownloadFailed(str(error), retry=True) from None
        if response.status != 200:
            passing = response.status in PASSING or response.status >= 500
            raise DownloadFailed(f"status {response.status}", retry=passing)
        if self.net.fate.spoils("disk"):
            raise OSError(28, "No space left on device")
        await asyncio.to_thread(into.write_bytes, response.body)
        return Download(
            path=into,
            size=len(response.body),
            digest=hashlib.sha256(response.body).hexdigest(),
            content_type=response.headers.get("content-type"),
        )

    fetch_input = fetch

    async def tell(
        self, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, deadline: float
    ) -> Answered:
        del url
        await self._connect(deadline)
        notice = dict(headers)["webhook-id"]
        if self.net.fate.spoils("notice"):
            return Answered(503, None)
        self.net.heard[notice].add(body)
        if self.net.fate.spoils("answer"):
            raise NoAnswer("client.test", "the connection broke")
        self.net.delivered.add(notice)
        self.process.check()
        return Answered(200, None)


class Callbacks(httpx.AsyncBaseTransport):
    """The way of a provider's callbacks to whichever process answers at our address."""

    def __init__(self, call: Callable[[str, str, bytes], Coroutine[Any, Any, int]]) -> None:
        self._call = call

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        *_, provider, token = request.url.path.split("/")
        return httpx.Response(await self._call(provider, token, await request.aread()))


def _read(request: HttpRequest) -> Request:
    parts = urlsplit(request.url)
    return Request(
        method=request.method,
        path=parts.path,
        query_text=parts.query,
        query=dict(parse_qsl(parts.query, keep_blank_values=True)),
        headers={name.lower(): value for name, value in request.headers},
        body=request.body,
        origin=MOCK,
    )


def _settle(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)
