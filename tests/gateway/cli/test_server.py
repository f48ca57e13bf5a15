"""Connections that never finish asking are closed; those that ask are served."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.cli.server import MAX_HEAD, PunctualProtocol, make_server

REQUEST = b"GET / HTTP/1.1\r\nhost: gate.test\r\n\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]}
    )
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
async def address(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[str, int]]:
    monkeypatch.setattr(PunctualProtocol, "head_seconds", 0.15)
    server = make_server(application)
    with socket.create_server(("127.0.0.1", 0)) as sock:
        serving = asyncio.create_task(server.serve(sockets=[sock]))
        yield sock.getsockname()
        server.should_exit = True
        await serving


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: gate"],
    ids=["nothing", "half a line", "half a head"],
)
async def test_half_a_request_is_cut_off(address: tuple[str, int], sent: bytes) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)

    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await writer.wait_closed()


async def test_half_of_a_later_request_is_cut_off_too(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(REQUEST)
    await reader.readuntil(b"ok")
    writer.write(b"GET / HT")

    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await writer.wait_closed()


async def test_a_whole_request_is_answered_and_the_connection_kept(
    address: tuple[str, int],
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(3):
        writer.write(REQUEST)
        assert (await reader.readuntil(b"ok")).startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()


async def test_a_head_without_end_is_refused(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"GET / HTTP/1.1\r\nx: " + b"a" * (2 * MAX_HEAD))

    answer = await asyncio.wait_for(reader.read(), 10)

    assert answer.startswith(b"HTTP/1.1 4")
    writer.close()
    await writer.wait_closed()


async def test_a_body_that_drips_on_after_its_answer_is_cut_off(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 1000\r\n\r\nx")
    await reader.readuntil(b"ok")
    writer.write(b"x")

    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await writer.wait_closed()
