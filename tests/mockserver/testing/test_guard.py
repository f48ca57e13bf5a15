import asyncio
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest
import requests

from mockserver.testing.guard import Attempt, NetworkBlockedError, NetworkGuard

# Addresses that are set aside for documentation and lead nowhere.
OUTSIDE = "192.0.2.7"
OUTSIDE_6 = "2001:db8::7"
NAME = "api.provider.example"

REAL = (socket.getaddrinfo, socket.gethostbyname, socket.gethostbyname_ex, socket.gethostbyaddr)
METHODS = {"connect", "connect_ex", "sendto", "sendmsg"}


def patched() -> bool:
    functions = (
        socket.getaddrinfo,
        socket.gethostbyname,
        socket.gethostbyname_ex,
        socket.gethostbyaddr,
    )
    return functions != REAL or bool(METHODS & set(vars(socket.socket)))


@pytest.fixture(autouse=True)
def _leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for proxy in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(proxy, raising=False)
        monkeypatch.delenv(proxy.upper(), raising=False)
    yield
    assert not patched()


@pytest.fixture
def guard() -> Iterator[NetworkGuard]:
    with NetworkGuard() as guard:
        yield guard


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served() -> Iterator[int]:
    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server.server_port
    server.shutdown()
    thread.join(10)
    server.server_close()


def causes(error: BaseException | None) -> str:
    """What an error and all that it came from say."""
    texts = []
    while error is not None:
        reason = getattr(error, "reason", None)
        texts += [str(error), str(reason)]
        error = error.__cause__ or error.__context__
    return "\n".join(texts)


def connect(sock: socket.socket) -> None:
    sock.connect((OUTSIDE, 443))


def connect_ex(sock: socket.socket) -> None:
    sock.connect_ex((OUTSIDE, 443))


def test_the_message_names_host_and_port_and_says_what_to_do(guard: NetworkGuard) -> None:
    with (
        socket.socket() as sock,
        pytest.raises(
            NetworkBlockedError,
            match=rf"connect {OUTSIDE}:443\. .*base URL at the mock server, or allow the host: "
            rf"NetworkGuard\(allow=\['{OUTSIDE}'\]\)",
        ),
    ):
        sock.connect((OUTSIDE, 443))

    assert guard.attempts == [Attempt("connect", OUTSIDE, 443)]


def test_a_client_sees_it_as_a_connection_error() -> None:
    assert issubclass(NetworkBlockedError, ConnectionError)


@pytest.mark.parametrize("call", [connect, connect_ex])
def test_a_tcp_socket_cannot_leave_the_machine(
    guard: NetworkGuard, call: Callable[[socket.socket], None]
) -> None:
    with socket.socket() as sock, pytest.raises(NetworkBlockedError):
        call(sock)

    assert guard.attempts == [Attempt(call.__name__, OUTSIDE, 443)]


def test_an_ipv6_socket_cannot_leave_the_machine(guard: NetworkGuard) -> None:
    with (
        socket.socket(socket.AF_INET6) as sock,
        pytest.raises(NetworkBlockedError, match=rf"\[{OUTSIDE_6}\]:443"),
    ):
        sock.connect((OUTSIDE_6, 443, 0, 0))

    assert guard.attempts == [Attempt("connect", OUTSIDE_6, 443)]


def test_an_ipv4_address_in_ipv6_clothes_is_judged_as_what_it_is(guard: NetworkGuard) -> None:
    assert guard.permits("::ffff:127.0.0.1")
    assert not guard.permits(f"::ffff:{OUTSIDE}")


def test_a_socket_that_connects_by_name_is_stopped_before_the_look_up(guard: NetworkGuard) -> None:
    with socket.socket() as sock, pytest.raises(NetworkBlockedError):
        sock.connect((NAME, 80))

    assert guard.attempts == [Attempt("connect", NAME, 80)]


def test_a_datagram_cannot_leave_the_machine(guard: NetworkGuard) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with pytest.raises(NetworkBlockedError):
            sock.sendto(b"?", (OUTSIDE, 53))
        with pytest.raises(NetworkBlockedError):
            sock.sendto(b"?", 0, (OUTSIDE, 54))
        with pytest.raises(NetworkBlockedError):
            sock.sendmsg([b"?"], [], 0, (OUTSIDE, 55))

    assert [(one.call, one.port) for one in guard.attempts] == [
        ("sendto", 53),
        ("sendto", 54),
        ("sendmsg", 55),
    ]


def test_a_datagram_on_loopback_arrives(guard: NetworkGuard) -> None:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
    ):
        there.bind(("127.0.0.1", 0))
        here.sendto(b"one", there.getsockname())
        here.sendmsg([b"two"], [], 0, there.getsockname())
        here.connect(there.getsockname())
        here.sendmsg([b"three"])
        assert [there.recv(9) for _ in range(3)] == [b"one", b"two", b"three"]

    assert guard.attempts == []


def test_a_unix_socket_is_let_pass(guard: NetworkGuard) -> None:
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with one, other, socket.socket(socket.AF_UNIX) as sock:
        one.sendmsg([b"hello"])
        assert other.recv(9) == b"hello"
        with pytest.raises(FileNotFoundError):
            sock.connect("/nowhere/at/all.sock")

    assert guard.attempts == []


@pytest.mark.parametrize(
    ("function", "host", "more"),
    [
        ("getaddrinfo", NAME, (443,)),
        ("getaddrinfo", NAME.encode(), (b"443",)),
        ("gethostbyname", NAME, ()),
        ("gethostbyname_ex", NAME, ()),
        ("gethostbyaddr", NAME, ()),
        ("gethostbyaddr", OUTSIDE, ()),
    ],
)
def test_a_look_up_that_others_would_have_to_answer_is_blocked(
    guard: NetworkGuard, function: str, host: str | bytes, more: tuple[object, ...]
) -> None:
    with pytest.raises(NetworkBlockedError, match=f"network blocked in this test: {function} "):
        getattr(socket, function)(host, *more)

    name = host if isinstance(host, str) else host.decode()
    assert [(one.call, one.host) for one in guard.attempts] == [(function, name)]


def test_a_look_up_by_keywords_is_blocked_too(guard: NetworkGuard) -> None:
    with pytest.raises(NetworkBlockedError):
        socket.getaddrinfo(host=NAME, port="https")

    assert guard.attempts == [Attempt("getaddrinfo", NAME, "https")]


def test_look_ups_of_this_machine_are_let_pass(guard: NetworkGuard) -> None:
    assert socket.gethostbyname("localhost") == "127.0.0.1"
    assert socket.getaddrinfo(None, 80)
    assert socket.getaddrinfo("127.0.0.1", 80)
    assert socket.getaddrinfo(OUTSIDE, 80), "an address is no question to anybody"
    assert guard.permits("films.localhost")
    assert guard.permits("LOCALHOST.")
    socket.getfqdn("0.0.0.0")  # noqa: S104

    assert guard.attempts == []


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::"])  # noqa: S104
def test_addresses_of_this_machine_are_let_pass(guard: NetworkGuard, host: str) -> None:
    assert guard.permits(host)


def test_a_name_that_only_begins_or_ends_like_localhost_is_foreign(guard: NetworkGuard) -> None:
    assert not guard.permits("localhost.example")
    assert not guard.permits("notlocalhost")


def test_an_address_in_create_connection_is_blocked(guard: NetworkGuard) -> None:
    with pytest.raises(NetworkBlockedError, match=f"{OUTSIDE}:443"):
        socket.create_connection((OUTSIDE, 443))

    assert guard.attempts == [Attempt("connect", OUTSIDE, 443)]


async def test_asyncio_cannot_connect_by_address_or_name(guard: NetworkGuard) -> None:
    loop = asyncio.get_running_loop()

    with pytest.raises(NetworkBlockedError, match=f"{OUTSIDE}:443"):
        await loop.create_connection(asyncio.Protocol, OUTSIDE, 443)
    with pytest.raises(NetworkBlockedError, match=f"{NAME}:443"):
        await asyncio.open_connection(NAME, 443)
    with socket.socket() as sock:
        sock.setblocking(False)  # noqa: FBT003
        with pytest.raises(NetworkBlockedError, match=f"{OUTSIDE}:80"):
            await loop.sock_connect(sock, (OUTSIDE, 80))
    with pytest.raises(NetworkBlockedError, match=f"{OUTSIDE}:53"):
        await loop.create_datagram_endpoint(asyncio.DatagramProtocol, remote_addr=(OUTSIDE, 53))

    assert [(one.host, one.port) for one in guard.attempts] == [
        (OUTSIDE, 443),
        (NAME, 443),
        (OUTSIDE, 80),
        (OUTSIDE, 53),
    ]


def get_with_httpx(url: str) -> int:
    return httpx.get(url).status_code


def get_with_async_httpx(url: str) -> int:
    async def get() -> int:
        async with httpx.AsyncClient() as client:
            return (await client.get(url)).status_code

    return asyncio.run(get())


def get_with_requests(url: str) -> int:
    return requests.get(url, timeout=5).status_code


def get_with_urllib(url: str) -> int:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310
        status: int = response.status
        return status


Get = Callable[[str], int]
CLIENTS = [get_with_httpx, get_with_async_httpx, get_with_requests, get_with_urllib]
CLIENT_ERRORS = (httpx.ConnectError, requests.ConnectionError, urllib.error.URLError)


@pytest.mark.parametrize("host", [NAME, OUTSIDE])
@pytest.mark.parametrize("get", CLIENTS)
def test_http_clients_fail_at_once_and_their_errors_lead_to_host_and_port(
    guard: NetworkGuard, get: Get, host: str
) -> None:
    with pytest.raises(CLIENT_ERRORS) as failure:
        get(f"http://{host}:8080/")

    assert f"{host}:8080" in causes(failure.value)
    assert [(one.host, one.port) for one in guard.attempts] == [(host, 8080)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("get", CLIENTS)
def test_http_clients_reach_a_server_on_loopback(
    guard: NetworkGuard, served: int, get: Get, host: str
) -> None:
    assert get(f"http://{host}:{served}/") == 200
    assert guard.attempts == []


def test_attempts_remain_known_when_the_client_swallows_the_error(guard: NetworkGuard) -> None:
    for port in (80, 443):
        with socket.socket() as sock:
            try:
                sock.connect((OUTSIDE, port))
            except OSError:
                continue

    assert [str(one) for one in guard.attempts] == [
        f"connect {OUTSIDE}:80",
        f"connect {OUTSIDE}:443",
    ]


def test_allowed_addresses_networks_and_names_may_be_reached() -> None:
    guard = NetworkGuard(allow=["10.0.0.0/8", OUTSIDE, "2001:db8::/32", "API.Provider.example."])

    assert guard.permits("10.1.2.3")
    assert guard.permits(OUTSIDE)
    assert guard.permits(OUTSIDE_6)
    assert guard.permits(NAME)
    assert not guard.permits("11.0.0.1")
    assert not guard.permits("192.0.2.8")
    assert not guard.permits(f"other.{NAME}")


def test_an_allowed_connection_goes_on_to_the_real_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    peers: list[object] = []

    with monkeypatch.context() as patch:
        patch.setattr(socket.socket, "connect", lambda _, peer: peers.append(peer))
        with NetworkGuard(allow=[OUTSIDE]) as guard, socket.socket() as sock:
            sock.connect((OUTSIDE, 443))

    assert peers == [(OUTSIDE, 443)]
    assert guard.attempts == []


def test_an_allowed_name_may_be_reached_where_it_was_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def look_up(_host: str, port: int) -> list[object]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (OUTSIDE, port))]

    with monkeypatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", look_up)
        with NetworkGuard(allow=[NAME]) as guard:
            assert not guard.permits(OUTSIDE)
            socket.getaddrinfo(NAME, 443)
            assert guard.permits(OUTSIDE)


@pytest.mark.parametrize("entry", ["", "http://api.example", "api.example:443", "10.0.0.0/99"])
def test_an_allow_list_takes_no_urls_ports_or_wrong_networks(entry: str) -> None:
    with pytest.raises(ValueError, match="no host name, address or network"):
        NetworkGuard(allow=[entry])


def test_in_a_nested_use_the_innermost_guard_alone_decides_and_remembers() -> None:
    with NetworkGuard() as outer, NetworkGuard(allow=[NAME]) as middle:
        with NetworkGuard() as inner, pytest.raises(NetworkBlockedError):
            socket.gethostbyname(NAME)
        with pytest.raises(NetworkBlockedError):
            socket.gethostbyname("other.example")

    assert [one.host for one in inner.attempts] == [NAME]
    assert [one.host for one in middle.attempts] == ["other.example"]
    assert outer.attempts == []


def test_an_outer_guard_stands_again_after_an_inner_one() -> None:
    with NetworkGuard() as outer:
        with NetworkGuard(allow=[NAME]):
            pass
        with pytest.raises(NetworkBlockedError):
            socket.gethostbyname(NAME)

    assert [one.host for one in outer.attempts] == [NAME]


def test_it_is_gone_after_an_exception() -> None:
    def crash() -> None:
        with NetworkGuard():
            assert patched()
            raise LookupError

    with pytest.raises(LookupError):
        crash()

    assert not patched()


def test_other_threads_are_guarded_and_no_attempt_is_lost(guard: NetworkGuard) -> None:
    def try_often() -> None:
        for _ in range(100):
            with socket.socket() as sock:
                sock.settimeout(0.01)
                try:
                    sock.connect((OUTSIDE, 443))
                except OSError:
                    continue

    threads = [threading.Thread(target=try_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert len(guard.attempts) == 400


def test_wrong_arguments_are_told_as_python_tells_them(guard: NetworkGuard) -> None:
    with socket.socket() as sock:
        with pytest.raises(TypeError):
            sock.connect()  # type: ignore[call-arg]
        with pytest.raises(TypeError):
            sock.sendto(b"?")  # type: ignore[call-overload]

    assert guard.attempts == []
