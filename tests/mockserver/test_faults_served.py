"""Faults on a real socket, and the options of the command line that ask for them."""

import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from click.testing import CliRunner

from mockserver.cli import main
from tests.mockserver.drivers import PICTORY, USEAPI, VIDEOS
from tests.mockserver.served import served

SUBMIT = "/pictoryapis/v1/aistudio/videos"


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """A served mock whose time is moved by hand; each test has a world of its own."""
    with served("--clock", "frozen") as (url, _):
        yield url


class Served:
    """A world of the served mock."""

    def __init__(self, origin: str, world: str, *lines: str) -> None:
        self.origin = origin
        self.http = httpx.Client(base_url=f"{origin}/~{world}", trust_env=False, timeout=5)
        self.http.post("/__mock/faults", json=lines).raise_for_status()

    def submit(self, **options: Any) -> httpx.Response:
        return self.http.post(SUBMIT, json={"prompt": "A drone"}, headers=PICTORY, **options)

    def jobs(self) -> int:
        return len(self.http.get("/__mock/jobs").json()["jobs"])

    def advance(self, seconds: float) -> None:
        self.http.post("/__mock/clock/advance", json={"by": seconds}).raise_for_status()

    def film(self) -> str:
        job = self.submit().json()["data"]["jobId"]
        self.advance(50)
        answer = self.http.get(f"/pictoryapis/v1/jobs/{job}", headers=PICTORY)
        return str(answer.json()["data"]["url"])


Serve = Callable[..., Served]


@pytest.fixture
def serve(origin: str) -> Iterator[Serve]:
    """Opens a world by its name, with these faults."""
    with ExitStack() as stack:

        def open_(world: str, *lines: str) -> Served:
            made = Served(origin, world, *lines)
            stack.callback(made.http.close)
            return made

        yield open_


def drained(answer: httpx.Response) -> tuple[bytes, bool]:
    """What comes of a body, and whether it is all."""
    got = bytearray()
    try:
        for piece in answer.iter_raw():
            got += piece
    except httpx.RemoteProtocolError:
        return bytes(got), False
    return bytes(got), True


@pytest.mark.parametrize(("fault", "jobs"), [("reset", 0), ("accept-then-reset", 1)])
def test_a_reset_resets_the_socket_without_a_byte(serve: Serve, fault: str, jobs: int) -> None:
    world = serve(f"reset{jobs}", f"submit#1:{fault}")
    parts = urlsplit(world.origin)
    body = b'{"prompt": "A drone"}'
    head = (
        f"POST /~reset{jobs}{SUBMIT} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        "Authorization: pictai_x\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection((parts.hostname, parts.port), 5) as connection:
        connection.sendall(head.encode() + body)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

    assert world.jobs() == jobs
    assert world.submit().status_code == 200


def test_a_cut_reply_ends_within_its_body(serve: Serve) -> None:
    world = serve("cut", "submit#1:accept-then-cut", "download#1:cut=50%")
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        world.submit()
    assert world.jobs() == 1
    url = world.film()
    with world.http.stream("GET", url) as answer:
        size = int(answer.headers["content-length"])
        got, whole = drained(answer)

    assert not whole
    assert len(got) == size // 2
    assert world.http.get(url).content[: len(got)] == got


@pytest.mark.parametrize(("fault", "jobs"), [("timeout", 0), ("accept-then-timeout", 1)])
def test_a_hanging_reply_leaves_it_to_the_client_to_give_up(
    serve: Serve, fault: str, jobs: int
) -> None:
    world = serve(f"hang{jobs}", f"submit#1:{fault}")
    with pytest.raises(httpx.ReadTimeout):
        world.submit(timeout=0.2)

    assert world.jobs() == jobs
    assert world.submit().status_code == 200


def test_a_late_reply_waits_for_the_worlds_clock(serve: Serve) -> None:
    world = serve("late", "submit#1:late=60s")
    with ThreadPoolExecutor(1) as threads:
        reply = threads.submit(world.submit)
        while not world.jobs():
            assert not reply.done()
        world.advance(59)
        assert not reply.done()
        world.advance(1)

        assert reply.result(5).status_code == 200


def test_a_client_that_hung_up_meets_a_job_that_was_made_all_the_same(serve: Serve) -> None:
    world = serve("slow", "submit#1:slow=60s")
    with pytest.raises(httpx.ReadTimeout):
        world.submit(timeout=0.2)
    assert world.jobs() == 0
    world.advance(60)

    assert world.jobs() == 1


def test_a_film_trickles_with_the_worlds_clock(serve: Serve) -> None:
    world = serve("trickle", "download#1:trickle=10s")
    url = world.film()
    with world.http.stream("GET", url) as answer:
        pieces = answer.iter_raw()
        got = next(pieces)
        size = int(answer.headers["content-length"])
        assert len(got) <= -(-size // 10)
        world.advance(10)
        for piece in pieces:
            got += piece

    assert got == httpx.get(url, trust_env=False).content


# --- the command line


def test_the_options_of_the_command_line_reach_the_wire() -> None:
    options = [
        *("--fault", "submit#1:status=503", "--fault", "submit#2:accept-then-status=502"),
        *("--chaos", "list:reset=100%", "--capacity", "none, 1 at 1h", "--credits", "170"),
        *("--link-seconds", "10", "--clock", "frozen"),
    ]
    with (
        served(*options) as (url, process),
        httpx.Client(base_url=url, trust_env=False, headers=PICTORY) as http,
    ):
        body = {"prompt": "A drone over it"}
        assert [http.post(SUBMIT, json=body).status_code for _ in range(4)] == [503, 502, 200, 402]
        with pytest.raises(httpx.TransportError):
            http.get("/pictoryapis/v1/jobs")
        http.post("/__mock/clock/advance", json={"by": "51s"})
        job = http.get("/__mock/jobs").json()["jobs"][-1]["id"]
        film = http.get(f"/pictoryapis/v1/jobs/{job}").json()["data"]["url"]
        assert http.get(film).status_code == 200
        http.post("/__mock/clock/advance", json={"by": "10s"})
        assert http.get(film).status_code == 404
        http.post("/__mock/clock/advance", json={"by": "1h"})
        answers = [
            http.post(f"{VIDEOS}/create-v4", json={"prompt": "dawn"}, headers=USEAPI)
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [200, 429]
        process.terminate()
        assert process.wait(timeout=20) == 0
        assert process.stdout is not None
        # What was lost on purpose is no error of the server.
        assert not {"Traceback", "ASGI"} & set(process.stdout.read().split())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fault", "submt:reset"], "none of: submit"),
        (["--fault", "submit:reset", "--fault", "reset"], "is no fault"),
        (["--chaos", "poll:reset"], "does not end with a rate"),
        (["--capacity", "many"], "no step of a capacity"),
        (["--credits", "-1"], "--credits"),
        (["--link-seconds", "-1"], "--link-seconds"),
    ],
)
def test_options_that_cannot_be_read_are_refused_before_listening(
    options: list[str], said: str
) -> None:
    result = CliRunner().invoke(main, options)

    assert result.exit_code == 2
    assert said in result.output
