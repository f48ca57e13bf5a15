import asyncio
import gzip
import hashlib
import threading
import tracemalloc
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from gateway.net.download import PIECE, download
from gateway.net.errors import DownloadFailed
from gateway.net.guard import guarded_client
from gateway.net.spool import Spool
from tests.gateway.net.loopback import Talk, loopback, ok, plain_client, says

PLENTY = 5.0
BRIEF = 0.2
LIMIT = 10_000
TOKEN = "very-secret"


def fake(
    body: bytes = b"", status: int = 200, headers: dict[str, str] | None = None
) -> httpx.AsyncClient:
    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    return httpx.AsyncClient(transport=httpx.MockTransport(handler))


def files(directory: Path) -> list[Path]:
    return list(directory.iterdir())


async def failure(
    client: httpx.AsyncClient, url: str, into: Path, deadline: float = PLENTY
) -> DownloadFailed:
    """The error of a download that must fail without a trace on disk."""
    async with client:
        with pytest.raises(DownloadFailed) as caught:
            await download(client, url, into, max_bytes=LIMIT, deadline=deadline)
    assert files(into.parent) == []
    assert TOKEN not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


async def test_a_file_arrives_whole_with_its_digest(tmp_path: Path) -> None:
    body = bytes(range(256)) * 20_000
    answer = ok(body, b"Content-Type: video/mp4")
    async with loopback(says(answer)) as server, plain_client() as client:
        got = await download(
            client, server.url("/v.mp4"), tmp_path / "v.mp4", max_bytes=len(body), deadline=PLENTY
        )
    assert got.path == tmp_path / "v.mp4"
    assert got.path.read_bytes() == body
    assert got.size == len(body)
    assert got.digest == hashlib.sha256(body).hexdigest()
    assert got.content_type == "video/mp4"
    assert files(tmp_path) == [got.path]
    assert b"\r\nAccept-Encoding: identity\r\n" in server.requests[0]


async def test_an_empty_file_is_a_file(tmp_path: Path) -> None:
    async with fake() as client:
        got = await download(client, "https://a.example/", tmp_path / "f", max_bytes=1, deadline=1)
    assert (got.size, got.content_type) == (0, None)
    assert got.path.read_bytes() == b""


async def test_an_older_file_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    into = tmp_path / "f"
    into.write_bytes(b"old")
    async with fake(b"x" * (LIMIT + 1)) as client:
        with pytest.raises(DownloadFailed):
            await download(client, "https://a.example/", into, max_bytes=LIMIT, deadline=PLENTY)
    assert into.read_bytes() == b"old"
    async with fake(b"new") as client:
        await download(client, "https://a.example/", into, max_bytes=LIMIT, deadline=PLENTY)
    assert into.read_bytes() == b"new"


async def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(32 * 16):
            yield bytes(PIECE // 16)

    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body())

    tracemalloc.start()
    try:
        async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
            got = await download(
                client, "https://a.example/", tmp_path / "f", max_bytes=64 * PIECE, deadline=30
            )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert got.size == 32 * PIECE
    assert peak < 8 * PIECE


@pytest.mark.parametrize(
    ("status", "retry"),
    [
        (204, False),
        (206, False),
        (302, False),
        (403, False),
        (404, True),
        (410, False),
        (429, True),
        (500, True),
        (503, True),
    ],
)
async def test_a_status_but_200_is_told_with_the_host(
    status: int, retry: bool, tmp_path: Path  # noqa: FBT001
) -> None:  # fmt: skip
    headers = {"location": "https://b.example/"} if status == 302 else None
    url = f"https://a.example/?token={TOKEN}"
    error = await failure(fake(b"no", status, headers), url, tmp_path / "f")
    assert error.reason.startswith(f"a.example: status {status}")
    assert error.retry is retry


@pytest.mark.parametrize("encoding", ["gzip", "br", "zstd", "identity, gzip"])
async def test_a_compressed_file_is_refused(encoding: str, tmp_path: Path) -> None:
    client = fake(gzip.compress(bytes(100_000)), headers={"content-encoding": encoding})
    error = await failure(client, "https://a.example/", tmp_path / "f")
    assert "compressed" in error.reason
    assert not error.retry


@pytest.mark.parametrize("headers", [{"content-length": str(LIMIT + 1)}, None])
async def test_a_file_too_large_is_refused_announced_or_not(
    headers: dict[str, str] | None, tmp_path: Path
) -> None:
    client = fake(b"x" * (LIMIT + 1), headers=headers)
    error = await failure(client, "https://a.example/", tmp_path / "f")
    assert error.reason == f"a.example: the file is larger than {LIMIT} bytes"
    assert not error.retry


async def test_fewer_bytes_than_announced_are_no_file(tmp_path: Path) -> None:
    client = fake(b"12345", headers={"content-length": "6"})
    error = await failure(client, "https://a.example/", tmp_path / "f")
    assert error.reason == "a.example: 5 bytes came instead of 6"
    assert error.retry


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(says(b"", then_reset=True), id="reset before the answer"),
        pytest.param(says(ok(b"x" * 99)[:-9], then_close=True), id="half a body"),
        pytest.param(says(ok(b"x" * 99)[:-9], then_reset=True), id="half a body, reset"),
    ],
)
async def test_a_broken_connection_leaves_nothing(talk: Talk, tmp_path: Path) -> None:
    async with loopback(talk) as server:
        error = await failure(plain_client(), server.url(f"/{TOKEN}"), tmp_path / "f")
    assert error.reason.startswith("127.0.0.1: ")
    assert error.retry


async def test_silence_amid_the_body_ends_at_the_deadline(tmp_path: Path) -> None:
    async with loopback(says(ok(b"x" * 99)[:-9])) as server:
        error = await failure(plain_client(), server.url(), tmp_path / "f", deadline=BRIEF)
    assert error.reason == "127.0.0.1: no whole answer within the deadline"
    assert error.retry


async def test_a_private_address_is_refused_with_the_setting_that_allows_it(tmp_path: Path) -> None:
    error = await failure(guarded_client(), f"https://10.1.2.3/{TOKEN}", tmp_path / "f")
    assert "network.allow_private" in error.reason
    assert error.reason.startswith("10.1.2.3: ")
    assert not error.retry


async def test_an_allowed_private_address_is_fetched_from(tmp_path: Path) -> None:
    into = tmp_path / "f"
    client = guarded_client([ip_network("127.0.0.1/32")])
    async with loopback(says(ok(b"inside"))) as server, client:
        await download(client, server.url(), into, max_bytes=LIMIT, deadline=PLENTY)
    assert into.read_bytes() == b"inside"


async def test_a_directory_that_is_missing_is_told(tmp_path: Path) -> None:
    into = tmp_path / "missing" / "f"
    async with fake(b"x") as client:
        with pytest.raises(DownloadFailed, match="cannot write the file: No such file") as caught:
            await download(client, "https://a.example/", into, max_bytes=LIMIT, deadline=PLENTY)
    assert caught.value.retry
    assert caught.value.ours


async def test_cancellation_amid_the_body_leaves_nothing(tmp_path: Path) -> None:
    written = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        yield bytes(PIECE)
        written.set()
        await asyncio.Event().wait()

    def handler(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=body())

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as client:
        task = asyncio.ensure_future(
            download(client, "https://a.example/", tmp_path / "f", max_bytes=9 * PIECE, deadline=9)
        )
        await written.wait()
        assert len(files(tmp_path)) == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert files(tmp_path) == []


def test_a_thread_that_comes_late_finds_the_spool_discarded(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "f")
    spool.write(b"1")
    spool.discard()
    late = threading.Thread(target=spool.write, args=(b"2",))
    late.start()
    late.join()
    spool.commit()
    assert files(tmp_path) == []
