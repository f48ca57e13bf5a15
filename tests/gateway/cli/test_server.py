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
    size, more = 0, scope["path"] != "/early"
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    told = f"<{scope['method']} {scope['path']} {size} {len(scope['headers'])}>".encode()
    length = (b"content-length", b"%d" % len(told))
    await send({"type": "http.response.start", "status": 200, "headers": [length]})
    await send({"type": "http.response.body", "body": told})


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PunctualProtocol, "head_seconds", 0.15)


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
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
@pytest.mark.usefixtures("_impatient")
async def test_half_a_request_is_cut_off(address: tuple[str, int], sent: bytes) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)

    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await writer.wait_closed()


@pytest.mark.usefixtures("_impatient")
async def test_half_of_a_later_request_is_cut_off_too(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(REQUEST)
    await reader.readuntil(b">")
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
        assert (await reader.readuntil(b">")).startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "sent",
    [
        # One byte too many, and all of them read before the answer.
        b"GET / HTTP/1.1\r\nx: ".ljust(MAX_HEAD + 1, b"a"),
        b"GET /".ljust(MAX_HEAD + 1, b"a"),
        (REQUEST[:-2] + b"x: a\r\n" * MAX_HEAD)[: MAX_HEAD + 1],
        REQUEST[:-2] + b"x: " + b"a" * MAX_HEAD + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: gate.test\r\nhost: other.test\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost : gate.test\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nhost: gate.test\r\n\r\n",
        REQUEST[:-2] + b"content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        REQUEST[:-2] + b"content-length: 4\r\ncontent-length: 5\r\n\r\n",
        b"hello\r\n\r\n",
    ],
    ids=[
        "header without end",
        "path without end",
        "headers without end",
        "large but whole",
        "no host",
        "two hosts",
        "blank before the colon",
        "path that is no ASCII",
        "two ways to end a body",
        "two lengths",
        "not HTTP",
    ],
)
async def test_a_head_that_nobody_should_send_is_refused(
    address: tuple[str, int], sent: bytes
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(sent)

    answer = await asyncio.wait_for(reader.read(), 10)

    assert answer.startswith(b"HTTP/1.1 400")
    assert b"HTTP/1.1 200" not in answer
    writer.close()
    await writer.wait_closed()


async def test_a_large_body_and_the_head_behind_it_are_both_read(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    size = 3 * MAX_HEAD
    writer.write(
        b"POST / HTTP/1.1\r\nhost: gate.test\r\ncontent-length: %d\r\n\r\n" % size
        + b"x" * size
        + REQUEST[:5]
    )
    await reader.readuntil(b">")
    writer.write(REQUEST[5:])

    assert (await reader.readuntil(b">")).startswith(b"HTTP/1.1 200")
    writer.close()
    await writer.wait_closed()


OFFER = (
    b"POST / HTTP/1.1\r\nhost: gate.test\r\nconnection: Upgrade, HTTP2-Settings\r\n"
    b"Upgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAAP__\r\ncontent-length: %d\r\n\r\n"
) % len(REQUEST)


@pytest.mark.parametrize("pause", [0.0, 0.05], ids=["at once", "later"])
async def test_the_body_of_who_offers_another_protocol_is_read_as_a_body(
    address: tuple[str, int], pause: float
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    for _ in range(2):
        writer.write(OFFER)
        await asyncio.sleep(pause)
        writer.write(REQUEST)
        answer = await reader.readuntil(b">")
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.endswith(b"<POST / %d 4>" % len(REQUEST))
    writer.close()
    await writer.wait_closed()


async def test_an_offer_that_comes_in_two_parts_is_refused_where_a_body_follows(
    address: tuple[str, int],
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    middle = OFFER.index(b"h2c")
    writer.write(OFFER[:middle])
    await asyncio.sleep(0.05)
    writer.write(OFFER[middle:])

    assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 400")
    writer.close()
    await writer.wait_closed()


CHUNKED = b"POST / HTTP/1.1\r\nhost: gate.test\r\ntransfer-encoding: chunked\r\n\r\n"


async def test_trailers_are_no_headers(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(CHUNKED)
    await asyncio.sleep(0.05)
    writer.write(b"2\r\nab\r\n0\r\nauthorization: Bearer other\r\nhost: other.test\r\n\r\n")

    assert (await reader.readuntil(b">")).endswith(b"<POST / 2 2>")
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize(
    "more", [b"a: b\r\n", b"a"], ids=["many trailers", "a trailer without end"]
)
async def test_trailers_have_an_end(address: tuple[str, int], more: bytes) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(CHUNKED)
    await asyncio.sleep(0.05)
    writer.write(b"0\r\nx: ")
    await asyncio.sleep(0.05)
    writer.write((b"\r\n" + more * MAX_HEAD)[: MAX_HEAD + 1])

    assert (await asyncio.wait_for(reader.read(), 10)).startswith(b"HTTP/1.1 400")
    writer.close()
    await writer.wait_closed()


async def test_an_answer_before_the_body_that_was_only_announced_ends_the_connection(
    address: tuple[str, int],
) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(
        b"POST /early HTTP/1.1\r\nhost: gate.test\r\nexpect: 100-continue\r\n"
        b"content-length: 400\r\n\r\n"
    )
    answer = await asyncio.wait_for(reader.read(), 10)

    assert answer.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in answer
    writer.close()
    await writer.wait_closed()


@pytest.mark.usefixtures("_impatient")
async def test_a_body_that_drips_on_after_its_answer_is_cut_off(address: tuple[str, int]) -> None:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"POST /early HTTP/1.1\r\nhost: gate.test\r\ncontent-length: 1000\r\n\r\nx")
    await reader.readuntil(b">")
    writer.write(b"x")

    assert await asyncio.wait_for(reader.read(), 10) == b""
    writer.close()
    await writer.wait_closed()
