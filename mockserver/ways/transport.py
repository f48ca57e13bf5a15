"""The mock as a transport of httpx: no socket, any host, production base URLs unchanged."""

import asyncio
import contextlib
import math
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, MutableMapping
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, TypeAlias

import httpx

from mockserver.app import WORLD
from mockserver.engine.scheduler import expecting
from mockserver.ways.portal import move_in, portal
from mockserver.wire.http import Receive, Scope, Send

if TYPE_CHECKING:
    from mockserver.world import World

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]


class Transport(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Answers the requests of an `httpx.AsyncClient` or an `httpx.Client` in this process.

    The path decides, whatever the host: `https://api.pictory.ai/pictoryapis/…` works as it stands.

    A client's read time-out holds in the world's time. Where that stands still, a reply that is
    due later than the client is ready to wait, or never, is a `httpx.ReadTimeout` at once, and
    time stays where it is; a reply due earlier waits until somebody moves time, though for no more
    real seconds either. Where time goes by itself the error comes when it has. The server's side
    goes on, as behind a socket.

    A lost reply raises `ReplyLost`, a `httpx.RemoteProtocolError`; a reply that is cut off does so
    while its body is read.

    With an `httpx.Client` the mock runs in a thread of its own, and the world stays there.

    Args:
        app: the mock, or an ASGI application in which it is mounted.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answers a client that awaits."""
        assert isinstance(request.stream, httpx.AsyncByteStream)  # noqa: S101 - httpx's promise
        body = b"".join([part async for part in request.stream])
        reply = await _asked(self._app, request, body)
        return reply.response(_AwaitedBody(reply))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Answers a client that does not."""
        body = request.read()
        reply = portal().call(lambda: _asked(self._app, request, body, move_in))
        return reply.response(_Body(reply))


async def _asked(
    app: App,
    request: httpx.Request,
    body: bytes,
    greet: "Callable[[World], None]" = lambda _: None,
) -> "_Reply":
    reply = _Reply(app, request, body, greet)
    try:
        await reply.begin()
    except BaseException:
        reply.leave()
        raise
    return reply


def scope_of(request: httpx.Request, extensions: Message) -> Message:
    """A request as ASGI has it."""
    url = request.url
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": url.scheme,
        "path": url.path,
        "raw_path": url.raw_path.partition(b"?")[0],
        "query_string": url.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "server": (url.host, url.port),
        "client": ("127.0.0.1", 0),
        "extensions": extensions,
    }


class _Reply:
    """A reply as it comes in, message by message."""

    def __init__(
        self,
        app: App,
        request: httpx.Request,
        body: bytes,
        greet: "Callable[[World], None]",
    ) -> None:
        self._request = request
        self._body: bytes | None = body
        self._greet = greet
        self.world: World | None = None
        """Where it comes from, as soon as that is known."""
        self._since = 0.0
        """Since when, in the world's time, the client waits."""
        self._patience: float | None = request.extensions.get("timeout", {}).get("read")
        self._came: deque[Message] = deque()
        self._changed = asyncio.Event()
        self._gone = asyncio.Event()
        self._due = 0.0
        """When the next message is to come, in the world's time, as far as is known."""
        self._status = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._loop = asyncio.get_running_loop()
        context = copy_context()
        context.run(expecting.set, self._expect)
        # Not cancelled with the client that asks: as behind a socket, the work goes on.
        self._task = self._loop.create_task(
            app(scope_of(request, {WORLD: self._found}), self._receive, self._send),
            context=context,
        )
        self._task.add_done_callback(self._ended)
        _under_way.add(self._task)

    # --- the server's side

    def _found(self, world: "World") -> None:
        self.world = world
        self._since = world.clock.now()
        self._greet(world)

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        # Whoever asks for more after that waits for the client to go.
        self._due = math.inf
        self._changed.set()
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self._came.append(message)
        self._changed.set()

    def _expect(self, moment: float) -> None:
        # A world may live in another thread, and go on when the client's loop is long gone.
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._expected, moment)

    def _expected(self, moment: float) -> None:
        self._due = moment
        self._changed.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        _under_way.discard(task)
        self._changed.set()
        if not task.cancelled():
            # Where the client has gone already, nobody else asks how it ended.
            task.exception()

    # --- the client's side

    async def begin(self) -> None:
        """Waits for status and headers.

        Raises:
            ReplyLost: they do not come.
            httpx.ReadTimeout: they do not come in time.
        """
        # A turn or two, in which the mock finds out which world is meant.
        while not (self.world or self._here):  # noqa: ASYNC110
            await asyncio.sleep(0)
        message = await self._next()
        if message is None:
            raise httpx.RemoteProtocolError("the mock ended without a reply")
        self._status, self._headers = message["status"], message["headers"]

    async def part(self) -> bytes | None:
        """The next part of the body; None after the last one.

        Raises:
            ReplyLost: the reply was cut off.
            httpx.ReadTimeout: the part does not come in time.
        """
        if self.world is not None:
            self._since = self.world.clock.now()
        message = await self._next()
        return None if message is None else message.get("body", b"")

    async def _next(self) -> Message | None:
        if not self._here:
            await self._wait()
        if self._came:
            return self._came.popleft()
        self._task.result()
        return None

    async def _wait(self) -> None:
        world, patience = self.world, self._patience
        clock = None if world is None or world.clock.speed else world.clock
        end = math.inf if clock is None or patience is None else self._since + patience
        # Real time has its say where time stands still as well: nobody may ever move it.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._until(lambda: self._here or self._due > end)
        if self._here:
            return
        why = f"no reply within {patience:g} s"
        if world is not None and clock is not None and self._due <= end:
            why += f": time was not moved on from {self._since:g} s to {self._due:g} s"
        elif world is not None and clock is not None and clock.kind == "auto-skip":
            await world.pausing()(max(0.0, end - clock.now()))
        self.leave()
        raise httpx.ReadTimeout(why, request=self._request)

    @property
    def _here(self) -> bool:
        """Whether there is something to read, be it the end."""
        return bool(self._came) or self._task.done()

    async def _until(self, reached: Callable[[], bool]) -> None:
        while not reached():
            self._changed.clear()
            await self._changed.wait()

    def leave(self) -> None:
        """The client goes away."""
        self._gone.set()

    def response(self, rest: "_AwaitedBody | _Body") -> httpx.Response:
        """What the client gets; the body comes as it is read, unless it is here already."""
        stream: httpx.ByteStream | _AwaitedBody | _Body = rest
        if self._task.done() and self._task.exception() is None:
            stream = httpx.ByteStream(b"".join(part.get("body", b"") for part in self._came))
        return httpx.Response(self._status, headers=self._headers, stream=stream)


_under_way: set[asyncio.Task[None]] = set()
"""What the mock works on; tasks that nobody holds are lost."""


class _AwaitedBody(httpx.AsyncByteStream):
    def __init__(self, reply: _Reply) -> None:
        self._reply = reply

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (part := await self._reply.part()) is not None:
            yield part

    async def aclose(self) -> None:
        self._reply.leave()


class _Body(httpx.SyncByteStream):
    def __init__(self, reply: _Reply) -> None:
        self._reply = reply

    def __iter__(self) -> Iterator[bytes]:
        while (part := portal().call(self._reply.part)) is not None:
            yield part

    def close(self) -> None:
        async def leave() -> None:
            self._reply.leave()

        portal().call(leave)
