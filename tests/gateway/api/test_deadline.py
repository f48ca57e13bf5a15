import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn

from gateway.api.deadline import BodyDeadline
from gateway.model.errors import SlowBodyError
from tests.gateway.api.conftest import KEY, Gate, Opened


class Pipe:
    """A request body that arrives when the test says so, and an application that reads it."""

    def __init__(self, **limits: Any) -> None:
        self.messages: asyncio.Queue[Any] = asyncio.Queue()
        self.read: list[bytes] = []
        self.answer_first = False
        self.app = BodyDeadline(self._application, **limits)

    async def _application(self, _: Any, receive: Any, send: Any) -> None:
        if self.answer_first:
            await send({"type": "http.response.start"})
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            self.read.append(message["body"])

    async def run(self) -> None:
        await self.app({"type": "http"}, self.messages.get, _ignore)

    def arrives(self, body: bytes, *, more: bool = True) -> None:
        self.messages.put_nowait({"type": "http.request", "body": body, "more_body": more})

    def leaves(self) -> None:
        self.messages.put_nowait({"type": "http.disconnect"})


async def _ignore(_: Any) -> None:
    return


async def test_a_body_that_never_ends_is_given_up() -> None:
    pipe = Pipe(seconds=0.02)
    pipe.arrives(b"{")
    with pytest.raises(SlowBodyError, match=r"after 0\.02 seconds") as caught:
        await pipe.run()
    assert caught.value.status == 408
    assert caught.value.headers == {"connection": "close"}
    assert pipe.read == [b"{"]


async def test_a_trickle_buys_no_time() -> None:
    pipe = Pipe(seconds=0.05)

    async def trickle() -> None:
        while True:
            pipe.arrives(b" ")
            await asyncio.sleep(0.005)

    dripping = asyncio.create_task(trickle())
    with pytest.raises(SlowBodyError):
        await asyncio.wait_for(pipe.run(), 10)
    dripping.cancel()


async def test_a_body_that_turns_out_large_has_longer() -> None:
    pipe = Pipe(seconds=0.0, large_seconds=60, large=4)
    pipe.arrives(b"1234")
    running = asyncio.create_task(pipe.run())
    await asyncio.sleep(0)
    pipe.arrives(b"5", more=False)
    pipe.leaves()
    await asyncio.wait_for(running, 10)
    assert pipe.read == [b"1234", b"5"]


async def test_a_large_body_has_an_end_too() -> None:
    pipe = Pipe(seconds=0.01, large_seconds=0.03, large=1)
    pipe.arrives(b"1234")
    with pytest.raises(SlowBodyError, match=r"0\.03"):
        await pipe.run()


@pytest.mark.parametrize("answering", [False, True])
async def test_waiting_for_a_caller_to_leave_has_no_deadline(
    answering: bool,  # noqa: FBT001
) -> None:
    pipe = Pipe(seconds=0.01)
    pipe.answer_first = answering
    pipe.arrives(b"", more=answering)
    running = asyncio.create_task(pipe.run())
    await asyncio.sleep(0.03)
    assert not running.done()
    pipe.leaves()
    await asyncio.wait_for(running, 10)


async def test_what_is_not_http_passes_untouched() -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append((scope, receive, send))

    scope = {"type": "lifespan"}
    await BodyDeadline(application, seconds=0)(scope, 1, 2)
    assert seen == [(scope, 1, 2)]


# --- over a real socket ------------------------------------------------------------


@asynccontextmanager
async def served(gate: Gate) -> AsyncIterator[int]:
    """The gateway on a port of its own, with the deadline brought near."""
    deadline = next(_layers(gate))
    deadline.limits = (0.2, 0.5, 1024)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        config = uvicorn.Config(gate.app, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        running = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield sock.getsockname()[1]
        finally:
            server.should_exit = True
            await running


def _layers(gate: Gate) -> Any:
    layer: Any = gate.app.asgi_handler
    while layer is not None:
        if isinstance(layer, BodyDeadline):
            yield layer
        layer = getattr(layer, "_app", None)


HEAD = (
    f"POST /v1/videos HTTP/1.1\r\nHost: gate.test\r\nAuthorization: Bearer {KEY}\r\n"
    "Content-Type: application/json\r\n"
)


@pytest.mark.parametrize(
    "request_start",
    [
        HEAD + 'Content-Length: 500\r\n\r\n{"prompt"',
        HEAD + "Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
        HEAD + "Content-Length: 5000\r\n\r\n" + " " * 2000,
        "POST /callbacks/pictory/token HTTP/1.1\r\nHost: gate.test\r\nContent-Length: 9\r\n\r\n",
    ],
    ids=["declared", "chunked", "large", "callback"],
)
async def test_a_slow_body_is_answered_with_408_and_the_connection_closed(
    opened: Opened, request_start: str
) -> None:
    async with opened(KEY) as gate, served(gate) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request_start.encode())
        answer = await asyncio.wait_for(reader.read(), 20)  # until it is closed
        writer.close()
        await writer.wait_closed()
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"request_timeout"' in answer
    assert b"connection: close" in answer
    assert b"application/problem+json" in answer
