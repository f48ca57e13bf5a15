import asyncio
from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from gateway import net
from gateway.net import DownloadFailed, NotSent, Upstream, guard
from tests.gateway.net.loopback import Watched, loopback, ok, says

LOCAL = [ip_network("127.0.0.0/8")]


async def test_unpaid_runs_keep_their_connection() -> None:
    upstream = Upstream([])
    async with loopback(says(ok())) as server:
        for _ in range(3):
            await upstream.run(Watched(server.url()).flow)
        assert server.connections == 1
        await upstream.aclose()


async def test_a_paid_run_opens_a_new_connection_each_time() -> None:
    upstream = Upstream([])
    async with loopback(says(ok())) as server:
        await upstream.run(Watched(server.url()).flow)
        for _ in range(3):
            await upstream.run(Watched(server.url(), server.url()).flow, paid=True)
        assert server.connections == 1 + 3 * 2
        await upstream.aclose()


async def test_proxies_in_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with loopback(says(ok())) as proxy, loopback(says(ok(b"direct"))) as server:
        monkeypatch.setenv("ALL_PROXY", proxy.url())
        monkeypatch.setenv("HTTP_PROXY", proxy.url())
        upstream = Upstream([])
        (answer,) = await upstream.run(Watched(server.url()).flow)
        await upstream.aclose()
    assert answer.body == b"direct"
    assert proxy.connections == 0


async def test_a_file_link_into_the_private_network_is_refused_unless_allowed(
    tmp_path: Path,
) -> None:
    async with loopback(says(ok(b"inside"))) as server:
        strict, open_ = Upstream([]), Upstream(LOCAL)
        with pytest.raises(DownloadFailed):
            await strict.fetch(server.url(), tmp_path / "a", max_bytes=10, deadline=5)
        got = await open_.fetch(server.url(), tmp_path / "b", max_bytes=10, deadline=5)
        await strict.aclose()
        await open_.aclose()
    assert got.size == 6
    assert server.connections == 1


async def test_slow_links_of_callers_hold_up_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guard, "CONNECTIONS", 2)

    async def talk(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"/slow" in server.requests[-1]:
            begun.release()
            await asyncio.Event().wait()
        writer.write(ok(b"film"))

    upstream, begun = Upstream(LOCAL), asyncio.Semaphore(0)
    async with loopback(talk) as server, asyncio.TaskGroup() as group:
        slow = [
            group.create_task(
                upstream.fetch_input(
                    server.url("/slow"), tmp_path / str(n), max_bytes=10, deadline=60
                )
            )
            for n in range(guard.CONNECTIONS)
        ]
        for _ in slow:
            await begun.acquire()
        got = await upstream.fetch(server.url(), tmp_path / "film", max_bytes=10, deadline=5)
        assert got.size == 4

        with pytest.raises(DownloadFailed, match="connections are busy") as caught:
            await upstream.fetch_input(server.url(), tmp_path / "b", max_bytes=10, deadline=0.4)
        assert caught.value.ours
        for one in slow:
            one.cancel()
    await upstream.aclose()


async def test_a_notice_brings_back_the_head_of_the_answer_and_reads_no_further() -> None:
    async with loopback(
        says(b"HTTP/1.1 429 Slow\r\nRetry-After: 7\r\nContent-Length: 999999999\r\n\r\nendless")
    ) as server:
        upstream = Upstream(LOCAL)
        told = await upstream.tell(server.url("/hook"), [("webhook-id", "m")], b"{}", deadline=5)
        await upstream.aclose()
    assert told == (429, "7")
    assert b"POST /hook HTTP/1.1" in server.requests[0]
    assert b"webhook-id: m" in server.requests[0].lower()


async def test_a_notice_into_the_private_network_is_refused_unless_allowed() -> None:
    async with loopback(says(ok())) as server:
        upstream = Upstream([])
        with pytest.raises(NotSent):
            await upstream.tell(server.url(), (), b"{}", deadline=5)
        await upstream.aclose()
    assert server.connections == 0


async def test_transports_can_stand_in_for_the_network(tmp_path: Path) -> None:
    def provider(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text="provider")

    def media(_request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=httpx.ByteStream(b"media"))

    upstream = Upstream(
        [],
        provider_transport=httpx.MockTransport(provider),
        media_transport=httpx.MockTransport(media),
    )
    for paid in (False, True):
        (answer,) = await upstream.run(Watched("https://a.example/").flow, paid=paid)
        assert answer.body == b"provider"
    got = await upstream.fetch("https://b.example/", tmp_path / "f", max_bytes=10, deadline=5)
    assert got.path.read_bytes() == b"media"
    await upstream.aclose()


def test_every_public_name_is_there() -> None:
    assert sorted(net.__all__) == net.__all__
    assert all(hasattr(net, name) for name in net.__all__)
