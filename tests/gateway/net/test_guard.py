import ssl
from collections.abc import Sequence
from ipaddress import ip_network

import httpcore
import httpx
import pytest
from typing_extensions import override

from gateway.net import guard
from gateway.net.errors import Blocked
from gateway.net.guard import GuardBroken, check_url, guarded_client, self_test
from tests.gateway.net.loopback import loopback, ok, says

PUBLIC = "93.184.215.14"
ANSWER = [b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"]
LOCAL = [ip_network("127.0.0.0/8")]


class Names:
    """A resolver that answers a different list each time, the last one for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, int]] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


class Opener(httpcore.AsyncMockBackend):
    """Opens no sockets, but remembers to which addresses it should have."""

    def __init__(self, *unreachable: str) -> None:
        super().__init__(list(ANSWER))
        self.opened: list[tuple[str, int]] = []
        self.unreachable = unreachable
        self.stream = Stream(list(ANSWER))

    async def connect_tcp(
        self, host: str, port: int, *_: object, **__: object
    ) -> httpcore.AsyncNetworkStream:
        self.opened.append((host, port))
        if host in self.unreachable:
            raise httpcore.ConnectError("nobody there")
        self.stream = Stream(list(ANSWER))
        return self.stream


class Stream(httpcore.AsyncMockStream):
    """Remembers the TLS name and what was written."""

    tls_name: str | None = None
    written = b""

    @override
    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.tls_name = server_hostname
        return self

    @override
    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written += buffer


@pytest.mark.parametrize(
    "url",
    [
        "https://2852039166/",
        "https://0x7f.1/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://0/",
        "https://0177.0.0.1/",
        "https://127.0.0.1./",
        "https://①②⑦.0.0.1/",
        "https://127。0。0。1/",
        "https://%31%32%37.0.0.1/",
        "https://[::ffff:127.0.0.1]/",
        "https://[::ffff:7f00:1]/",
        "https://[::1]/",
        "https://[::]/",
        "https://[fe80::1%25eth0]/",
        "https://[64:ff9b::7f00:1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://user@example.com/",
        "https://user:word@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com%23@127.0.0.1/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com:80/",
        "https://example.com:99999/",
        "https://example.com:443x/",
        "http://example.com/",
        "http://example.com:443/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://example.com/",
        "//example.com/",
        "example.com",
        "https:///path",
        "https:example.com",
        "https://a..b/",
        "https://exa mple.com/",
        "https://example.com/a\tb",
        "https://example.com/a\r\nHost: b",
        "https://example.com/\x00",
        "https://example.com/" + "a" * 2048,
        " https://example.com/",
        "",
    ],
)
async def test_hostile_spellings_are_refused_before_any_look_up(url: str) -> None:
    with pytest.raises(Blocked):
        check_url(url)
    names, opener = Names([PUBLIC]), Opener()
    async with guarded_client(resolve=names, opener=opener) as client:
        with pytest.raises((Blocked, httpx.InvalidURL, httpx.UnsupportedProtocol)):
            await client.get(url)
    assert names.asked == []
    assert opener.opened == []


def test_an_empty_user_name_is_refused_too() -> None:
    with pytest.raises(Blocked, match="user name"):
        check_url("https://@example.com/")


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com:443/a?b=c#d",
        "HTTPS://EXAMPLE.com/",
        "https://münchen.example/",
        "https://a_b.example./x",
        "https://1.1.1.1/",
        "https://[2606:4700:4700::1111]/",
        "https://3com.example/@user",
        "https://example.com/" + "a" * (2048 - 20),
    ],
)
def test_an_ordinary_https_url_passes(url: str) -> None:
    check_url(url)


async def test_it_connects_to_the_judged_address_but_keeps_the_name_for_tls_and_host() -> None:
    names, opener = Names([PUBLIC], ["127.0.0.1"]), Opener()
    async with guarded_client(resolve=names, opener=opener) as client:
        answer = await client.get("https://media.example/a?b=c#fragment")
    assert answer.text == "hi"
    assert names.asked == [("media.example", 443)]
    assert opener.opened == [(PUBLIC, 443)]
    assert opener.stream.tls_name == "media.example"
    assert opener.stream.written.startswith(b"GET /a?b=c HTTP/1.1\r\nHost: media.example\r\n")


async def test_a_name_that_turns_private_is_refused_at_the_next_connection() -> None:
    names, opener = Names([PUBLIC], ["169.254.169.254"]), Opener()
    async with guarded_client(resolve=names, opener=opener) as client:
        await client.get("https://rebind.example/")
        with pytest.raises(Blocked):
            await client.get("https://rebind.example/")
    assert opener.opened == [(PUBLIC, 443)]


@pytest.mark.parametrize("found", [[PUBLIC, "10.0.0.1"], ["::1", PUBLIC], ["::ffff:127.0.0.1"]])
async def test_one_bad_address_spoils_the_name(found: list[str]) -> None:
    opener = Opener()
    async with guarded_client(resolve=Names(found), opener=opener) as client:
        with pytest.raises(Blocked):
            await client.get("https://mixed.example/")
    assert opener.opened == []


async def test_the_next_judged_address_is_tried_when_one_does_not_answer() -> None:
    opener = Opener(PUBLIC)
    names = Names([PUBLIC, "1.1.1.1"])
    async with guarded_client(resolve=names, opener=opener) as client:
        await client.get("https://media.example/")
    assert opener.opened == [(PUBLIC, 443), ("1.1.1.1", 443)]


async def test_a_name_without_addresses_cannot_be_connected_to() -> None:
    async with guarded_client(resolve=Names([])) as client:
        with pytest.raises(httpcore.ConnectError):
            await client.get("https://nobody.example/")


async def test_a_failing_look_up_is_a_connect_error() -> None:
    async def resolve(_host: str, _port: int) -> Sequence[str]:
        raise OSError("no such name")

    async with guarded_client(resolve=resolve) as client:
        with pytest.raises(httpcore.ConnectError):
            await client.get("https://nobody.example/")


async def test_the_system_resolver_is_judged_too() -> None:
    async with guarded_client() as client:
        with pytest.raises(Blocked):
            await client.get("https://localhost/")


async def test_an_allowed_network_is_reached_over_plain_http_on_any_port() -> None:
    async with loopback(says(ok(b"inside"))) as server, guarded_client(LOCAL) as client:
        assert (await client.get(server.url())).text == "inside"


@pytest.mark.parametrize(
    "url", ["http://pub.example/", "http://pub.example:443/", "https://pub.example:8443/"]
)
async def test_an_allowance_does_not_open_other_ports_of_public_hosts(url: str) -> None:
    opener = Opener()
    async with guarded_client(LOCAL, resolve=Names([PUBLIC]), opener=opener) as client:
        with pytest.raises(Blocked, match="only https"):
            await client.get(url)
    assert opener.opened == []


async def test_a_public_name_still_works_beside_an_allowance() -> None:
    opener = Opener()
    async with guarded_client(LOCAL, resolve=Names([PUBLIC]), opener=opener) as client:
        await client.get("https://pub.example/")
    assert opener.opened == [(PUBLIC, 443)]


async def test_redirects_are_handed_back_and_not_followed() -> None:
    to = b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"
    async with loopback(says(to)) as server, guarded_client(LOCAL) as client:
        answer = await client.get(server.url())
    assert answer.status_code == 302
    assert server.connections == 1


async def test_proxies_in_the_environment_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    async with loopback(says(ok())) as proxy, loopback(says(ok(b"direct"))) as server:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
            monkeypatch.setenv(name, proxy.url())
        async with guarded_client(LOCAL) as client:
            assert (await client.get(server.url())).text == "direct"
            with pytest.raises(Blocked):
                await client.get("https://10.0.0.1/")
    assert proxy.connections == 0


async def test_unix_sockets_are_out_of_reach() -> None:
    backend = guard.PinnedBackend((), Names([]), inside=False)
    with pytest.raises(Blocked):
        await backend.connect_unix_socket("/run/docker.sock")


async def test_the_self_test_passes_with_the_guard() -> None:
    await self_test()


async def test_the_self_test_stops_a_start_without_judging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "judge", lambda _address, _allow: None)
    with pytest.raises(GuardBroken, match="tried"):
        await self_test(
            lambda _allow, *, resolve: guarded_client(resolve=resolve, opener=Opener("127.0.0.1"))
        )


async def test_the_self_test_stops_a_start_with_an_unguarded_client() -> None:
    def make(*_: object, **__: object) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(lambda _: httpx.Response(200)))

    with pytest.raises(GuardBroken, match="fetched"):
        await self_test(make)
