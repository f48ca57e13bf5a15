from ipaddress import ip_network
from pathlib import Path

import httpx
import pytest

from gateway import net
from gateway.net import DownloadFailed, Upstream
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
