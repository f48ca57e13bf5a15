import asyncio
import socket
import traceback
from collections.abc import AsyncIterator

import httpcore
import httpx
import pytest
from typing_extensions import override

from gateway.net.drive import MAX_ANSWER, drive
from gateway.net.errors import NetFault, NoAnswer, NotSent
from gateway.net.exchange import USER_AGENT
from gateway.net.guard import guarded_client
from providers.contract import Flow, HttpRequest, HttpResponse, Unanswered
from tests.gateway.net.loopback import Talk, Watched, loopback, ok, plain_client, says

PLENTY = 5.0
BRIEF = 0.2
SECRET = "sk-very-secret"
HALF_A_CHUNK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"


def closed_port() -> int:
    """A port where nobody listens: bound and let go a moment ago."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port: int = s.getsockname()[1]
        return port


def fake(handler: object) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.MockTransport(handler))  # type: ignore[arg-type]


async def test_a_flow_gets_each_answer_and_its_result_comes_back() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201, headers={"X-Kind": "new"}, content=request.url.path.encode())

    watched = Watched("https://a.example/one", "https://a.example/two")
    async with fake(handler) as client:
        answers = await drive(client, watched.flow, deadline=PLENTY)
    assert [answer.body for answer in answers] == [b"/one", b"/two"]
    assert answers[0].status == 201
    assert answers[0].headers["x-kind"] == "new"
    assert watched.closed


async def test_the_request_goes_out_as_the_flow_wrote_it() -> None:
    request = HttpRequest(
        method="POST", url="", headers=(("Authorization", "key"), ("X-Two", "2")), body=b'{"a": 1}'
    )
    async with loopback(says(ok())) as server, plain_client() as client:
        url = server.url("/v1/jobs?next=%2Fa%20b")
        watched = Watched(
            HttpRequest(method="POST", url=url, headers=request.headers, body=request.body)
        )
        await drive(client, watched.flow, deadline=PLENTY)
    head = server.requests[0].decode()
    assert head.startswith("POST /v1/jobs?next=%2Fa%20b HTTP/1.1\r\n")
    for line in (
        f"Host: 127.0.0.1:{server.port}",
        "Authorization: key",
        "X-Two: 2",
        "Content-Length: 8",
        "Accept-Encoding: identity",
        f"User-Agent: {USER_AGENT}",
    ):
        assert f"\r\n{line}\r\n" in head
    assert USER_AGENT.startswith("filmgate/")


async def test_cookies_of_one_answer_are_not_sent_with_the_next_request() -> None:
    async with (
        loopback(says(ok(b"", b"Set-Cookie: session=1"))) as server,
        plain_client() as client,
    ):
        await drive(client, Watched(server.url(), server.url()).flow, deadline=PLENTY)
    assert b"ookie" not in server.requests[1]


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_redirects_are_answers_like_any_other(status: int) -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/"
        return httpx.Response(status, headers={"location": "https://elsewhere.example/x"})

    async with fake(handler) as client:
        (answer,) = await drive(client, Watched("https://a.example/").flow, deadline=PLENTY)
    assert answer.status == status


@pytest.mark.parametrize(
    "location", ["http://[bad", "http://a:b:c/", "//:0/", "gopher://x", "\\\\"]
)
async def test_a_malformed_redirect_is_never_taken_for_a_request_not_sent(location: str) -> None:
    async with fake(lambda _: httpx.Response(302, headers={"location": location})) as client:
        try:
            (answer,) = await drive(client, Watched("https://a.example/").flow, deadline=PLENTY)
        except NoAnswer:
            return
    assert answer.status == 302


async def test_a_refused_connection_means_not_sent() -> None:
    watched = Watched(f"http://127.0.0.1:{closed_port()}/")
    async with plain_client() as client:
        with pytest.raises(NotSent, match=r"^127\.0\.0\.1: cannot connect \(Connection refused\)$"):
            await drive(client, watched.flow, deadline=PLENTY)
    assert watched.closed


async def test_a_client_closed_by_a_shutdown_means_not_sent() -> None:
    client = plain_client()
    await client.aclose()
    with pytest.raises(NotSent, match="shutting down"):
        await drive(client, Watched("https://a.example/").flow, deadline=PLENTY)


async def test_a_server_that_never_shakes_hands_means_not_sent() -> None:
    """TCP is accepted, TLS never answered: no byte of the request has left."""
    async with loopback(says(b"")) as server, plain_client() as client:
        watched = Watched(f"https://127.0.0.1:{server.port}/")
        with pytest.raises(NotSent, match="in time"):
            await drive(client, watched.flow, deadline=BRIEF)


async def test_a_blocked_address_means_not_sent_and_no_retry() -> None:
    async with guarded_client() as client:
        with pytest.raises(NotSent, match=r"10\.0\.0\.1: the address is not public") as caught:
            await drive(client, Watched("https://10.0.0.1/").flow, deadline=PLENTY)
    assert not caught.value.retry


@pytest.mark.parametrize(
    "request_",
    [
        HttpRequest(method="GET", url="ftp://a.example/"),
        HttpRequest(method="GET", url="no-url"),
        HttpRequest(method="GET", url="https://a.example:port/"),
        HttpRequest(method="GET", url="https://a.example/\n"),
        HttpRequest(method="GET", url="https://a.example/", headers=(("X", "ключ"),)),
    ],
)
async def test_a_malformed_request_means_not_sent_and_no_retry(request_: HttpRequest) -> None:
    async with plain_client() as client:
        with pytest.raises(NotSent) as caught:
            await drive(client, Watched(request_).flow, deadline=PLENTY)
    assert not caught.value.retry


async def test_a_header_that_is_not_http_means_not_sent_and_stays_untold() -> None:
    async with loopback(says(ok())) as server, plain_client() as client:
        request = HttpRequest(
            method="GET", url=server.url(), headers=(("Authorization", f"{SECRET}\r\nX: y"),)
        )
        with pytest.raises(NotSent) as caught:
            await drive(client, Watched(request).flow, deadline=PLENTY)
    assert server.requests == []
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize(
    "talk",
    [
        pytest.param(says(b"", then_reset=True), id="reset before the answer"),
        pytest.param(says(b"", then_close=True), id="closed before the answer"),
        pytest.param(says(ok(b"x" * 100)[:-50], then_close=True), id="half a body"),
        pytest.param(says(ok(b"x" * 100)[:-50], then_reset=True), id="half a body, reset"),
        pytest.param(says(HALF_A_CHUNK, then_close=True), id="half a chunk"),
        pytest.param(says(b"SSH-2.0-OpenSSH\r\n\r\n", then_close=True), id="not http"),
        pytest.param(says(ok(b"\x1f\x8b", b"Content-Encoding: gzip")), id="compressed"),
        pytest.param(says(ok(b"x" * (MAX_ANSWER + 1))), id="too large"),
    ],
)
async def test_an_answer_that_is_not_whole_leaves_everything_open(talk: Talk) -> None:
    async with loopback(talk) as server, plain_client() as client:
        watched = Watched(server.url(f"/?key={SECRET}"))
        with pytest.raises(NoAnswer, match=r"^127\.0\.0\.1: ") as caught:
            await drive(client, watched.flow, deadline=PLENTY)
    assert len(server.requests) == 1
    assert watched.closed
    assert SECRET not in told(caught.value)


async def test_a_flow_may_go_on_without_an_answer_that_did_not_come() -> None:
    faults: list[Unanswered] = []

    def lenient() -> Flow[HttpResponse]:
        try:
            yield HttpRequest(method="GET", url=f"https://a.example/{SECRET}")
        except Unanswered as fault:
            faults.append(fault)
        return (yield HttpRequest(method="GET", url="https://a.example/two"))

    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path != "/two":
            raise httpx.ReadTimeout(SECRET)
        return httpx.Response(201)

    async with fake(handler) as client:
        answer = await drive(client, lenient(), deadline=PLENTY)
    assert answer.status == 201
    (fault,) = faults
    assert isinstance(fault, NoAnswer)
    assert SECRET not in str(fault)


async def test_the_largest_answer_passes() -> None:
    async with loopback(says(ok(b"x" * MAX_ANSWER))) as server, plain_client() as client:
        (answer,) = await drive(client, Watched(server.url()).flow, deadline=PLENTY)
    assert len(answer.body) == MAX_ANSWER


async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(ok(b"x" * 1000)[:-1000])
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(BRIEF / 10)


@pytest.mark.parametrize("talk", [says(b""), drip], ids=["silence", "a slow drip"])
async def test_the_deadline_is_for_the_whole_answer(talk: Talk) -> None:
    async with loopback(talk) as server, plain_client() as client:
        watched = Watched(server.url())
        started = asyncio.get_running_loop().time()
        with pytest.raises(NoAnswer, match="deadline"):
            await drive(client, watched.flow, deadline=BRIEF)
        assert asyncio.get_running_loop().time() - started < PLENTY
    assert watched.closed


async def test_the_deadline_is_for_each_request_and_not_for_the_flow() -> None:
    async def slow(_request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(BRIEF)
        return httpx.Response(200)

    watched = Watched(*["https://a.example/"] * 3)
    async with fake(slow) as client:
        assert len(await drive(client, watched.flow, deadline=BRIEF * 5 / 2)) == 3


async def test_cancellation_is_passed_on_and_closes_the_flow() -> None:
    asked = asyncio.Event()

    async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        asked.set()

    async with loopback(silent) as server, plain_client() as client:
        watched = Watched(server.url())
        task = asyncio.ensure_future(drive(client, watched.flow, deadline=PLENTY))
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert watched.closed


class Raises(httpx.AsyncBaseTransport):
    def __init__(self, error: Exception) -> None:
        self.error = error

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        raise self.error


NEVER_SEEN = [
    "ConnectError",
    "ConnectTimeout",
    "PoolTimeout",
    "UnsupportedProtocol",
    "LocalProtocolError",
]
IN_DOUBT = ["ReadTimeout", "ReadError", "WriteTimeout", "WriteError", "RemoteProtocolError"]


@pytest.mark.parametrize("library", [httpx, httpcore])
@pytest.mark.parametrize("name", NEVER_SEEN + IN_DOUBT)
async def test_each_error_of_the_libraries_is_sorted(library: object, name: str) -> None:
    error = getattr(library, name)(f"GET https://a.example/?key={SECRET}")
    wanted = NotSent if name in NEVER_SEEN else NoAnswer
    async with httpx.AsyncClient(transport=Raises(error)) as client:
        with pytest.raises(wanted) as caught:
            await drive(client, Watched("https://a.example/").flow, deadline=PLENTY)
    assert SECRET not in told(caught.value)


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(SECRET),
        ValueError(SECRET),
        OSError(SECRET),
        TimeoutError(),
        httpx.InvalidURL(SECRET),
    ],
)
async def test_an_error_nobody_thought_of_leaves_everything_open(error: Exception) -> None:
    async with httpx.AsyncClient(transport=Raises(error)) as client:
        with pytest.raises(NoAnswer) as caught:
            await drive(client, Watched("https://a.example/").flow, deadline=PLENTY)
    assert SECRET not in told(caught.value)


async def test_an_error_amid_the_body_leaves_everything_open() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"{"
        raise httpcore.ConnectError("not while connecting, whatever it is called")

    async with fake(lambda _: httpx.Response(200, content=body())) as client:
        with pytest.raises(NoAnswer):
            await drive(client, Watched("https://a.example/").flow, deadline=PLENTY)


def told(error: NetFault) -> str:
    """All that a log would show."""
    return "".join(traceback.format_exception(error))
