"""`filmgate generate` before a gateway whose answers get lost: one video, however often it asks."""

import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import httpx
import pytest
from click.testing import CliRunner, Result

from gateway.cli import main
from tests.gateway.cli.programs import Program, filmgate, started

NO_RETRY = {"retry-after": "5", "x-should-retry": "false"}


class Say(NamedTuple):
    """An answer in place of the gateway's own; status 0 is none at all, the connection closes.

    With `first` the gateway has done what it was asked for all the same.
    """

    status: int = 0
    headers: Mapping[str, str] = MappingProxyType({})
    first: bool = False
    content: bytes = b""


class Front(ThreadingHTTPServer):
    """What stands before a gateway, and has its own answers to the first requests for a video."""

    daemon_threads = True

    def __init__(self, gate: str, *script: Say) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.gate, self.script = gate, list(script)
        self.keys: list[str | None] = []
        self.gone: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Front

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        say = None
        if (self.command, self.path) == ("POST", "/v1/videos"):
            self.server.keys.append(self.headers.get("idempotency-key"))
            say = self.server.script.pop(0) if self.server.script else None
        if self.command == "DELETE":
            self.server.gone.append(self.path)
        if say is None:
            answer = self._passed_on(body)
            kind = answer.headers.get("content-type", "")
            self._answer(answer.status_code, {"content-type": kind}, answer.content)
            return
        if say.first:
            self._passed_on(body)
        if say.status:
            self._answer(say.status, say.headers, say.content)
        else:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _passed_on(self, body: bytes) -> httpx.Response:
        kept = {"content-type", "idempotency-key"}
        headers = {name: text for name, text in self.headers.items() if name.lower() in kept}
        return httpx.request(
            self.command, self.server.gate + self.path, content=body, headers=headers
        )

    def _answer(self, status: int, headers: Mapping[str, str], content: bytes) -> None:
        self.send_response(status)
        for name, text in {**headers, "content-length": str(len(content))}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = _pass  # noqa: N815 - the names that the library looks for


@contextmanager
def front(gate: str, *script: Say) -> Iterator[Front]:
    """A `Front` that serves, not beyond the block."""
    with Front(gate, *script) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.02,))
        serving.start()
        try:
            yield server
        finally:
            server.shutdown()
            serving.join()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it would have waited, without waiting."""
    waited: list[float] = []
    monkeypatch.setattr("gateway.cli.generate.time.sleep", waited.append)
    return waited


def generate(*arguments: str) -> Result:
    """The command in this process."""
    return CliRunner(env={"COLUMNS": "80"}).invoke(main, ["generate", *arguments])


def videos_of(gate: Program, prompt: str) -> list[str]:
    """The videos that a prompt led to."""
    listed = httpx.get(f"{gate.url}/v1/videos?limit=100").json()["data"]
    return [video["id"] for video in listed if video["prompt"] == prompt]


def test_an_answer_that_was_lost_is_asked_for_again_and_one_video_is_made(
    gate: Program, tmp_path: Path
) -> None:
    prompt = "Waves whose answer was lost"
    lost = (Say(first=True), Say(503, {"retry-after": "1"}), Say(502), Say(504))
    with front(gate.url, *lost) as before:
        done = filmgate("generate", prompt, "--url", before.url, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("out.mp4  ")
    assert "Asking again for up to 30 s, under one key: it is made once." in done.stderr
    assert done.stderr.count("Asking again") == 1
    assert len(before.keys) == 5
    assert len(set(before.keys)) == 1
    assert before.keys[0]
    assert len(videos_of(gate, prompt)) == 1


def test_each_run_is_a_request_of_its_own(gate: Program, tmp_path: Path) -> None:
    prompt = "Waves, and waves again"
    with front(gate.url) as before:
        for _ in range(2):
            done = filmgate("generate", prompt, "--url", before.url, cwd=tmp_path)
            assert done.returncode == 0, done.stderr

    assert len(set(before.keys)) == 2
    assert len(videos_of(gate, prompt)) == 2


def test_a_run_under_the_same_key_makes_no_second_video(gate: Program, tmp_path: Path) -> None:
    prompt = "Waves under a key"
    named = ("--url", gate.url, "--idempotency-key", "scene-7")
    for name in ("a.mp4", "b.mp4"):
        done = filmgate("generate", prompt, *named, "-o", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    other = filmgate("generate", "Other waves", *named, cwd=tmp_path)

    assert len(videos_of(gate, prompt)) == 1
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert other.returncode == 2
    assert "Idempotency key used before" in other.stderr
    assert "To ask again" not in other.stderr


def test_a_gateway_that_stays_silent_is_given_up_with_the_key_to_ask_again(
    pauses: list[float],
) -> None:
    done = generate("Waves", "--url", "http://127.0.0.1:9")

    assert done.exit_code == 2
    assert pauses == [0.5, 1.0, 2.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]
    first, *_, words, option = done.stderr.splitlines()
    assert first == (
        "filmgate: no answer from the gateway at http://127.0.0.1:9 (ConnectError); "
        "is it running? Start one with: filmgate serve"
    )
    assert words == "To ask again and pay once, add to the same command:"
    assert option.startswith("  --idempotency-key generate_")


def test_the_key_that_was_given_is_the_one_to_ask_again_with(pauses: list[float]) -> None:
    done = generate("Waves", "--url", "http://127.0.0.1:9", "--idempotency-key", "it's-mine")

    assert pauses
    assert done.stderr.endswith("\n  --idempotency-key 'it'\"'\"'s-mine'\n")


@pytest.mark.parametrize(
    ("say", "waited"),
    [
        (Say(503, NO_RETRY), []),
        (Say(500, {"x-should-retry": "false"}), []),
        (Say(500), []),
        (Say(503, {"retry-after": "31"}), []),
        (Say(503, {"retry-after": "20"}), [20.0]),
    ],
)
def test_what_the_gateway_says_about_asking_again_is_kept_to(
    say: Say, waited: list[float], pauses: list[float]
) -> None:
    with front("http://127.0.0.1:9", *[say] * 2) as before:
        done = generate("Waves", "--url", before.url)

    assert done.exit_code == 2
    assert pauses == waited
    assert len(before.keys) == len(waited) + 1
    # Whether it was done is not known: under its key it may be asked for by hand.
    assert f"  --idempotency-key {before.keys[0]}\n" in done.stderr


def test_what_was_refused_is_not_asked_again(pauses: list[float]) -> None:
    with front("http://127.0.0.1:9", Say(429, {"retry-after": "1"})) as before:
        done = generate("Waves", "--url", before.url)

    assert (done.exit_code, pauses, len(before.keys)) == (2, [], 1)
    assert "To ask again" not in done.stderr


def test_ctrl_c_before_the_answer_names_the_key(gate: Program, tmp_path: Path) -> None:
    prompt = "Waves that nobody waited for"
    with front(gate.url, Say(503, {"retry-after": "30"}, first=True)) as before:
        with started("generate", prompt, "--url", before.url, cwd=tmp_path) as program:
            program.says("Asking again")
            assert program.end(signal.SIGINT) == 130
            said = program.said
        assert "it may have taken the job. To ask again and pay once" in said
        option = said.splitlines()[-1].split()
        assert option == ["--idempotency-key", before.keys[0]]
        done = filmgate("generate", prompt, "--url", before.url, *option, cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert len(videos_of(gate, prompt)) == 1


def test_a_film_stays_uploaded_where_it_is_needed_to_ask_again(
    gate: Program, tmp_path: Path
) -> None:
    model = ("--model", "pictory/pixverse5.5")
    first = filmgate(
        *("generate", "Waves at noon", *model, "--url", gate.url, "-o", "first.mp4"), cwd=tmp_path
    )
    assert first.returncode == 0, first.stderr
    prompt = "They calm down, answer or not"
    wanted = ("generate", prompt, *model, "--extend", "first.mp4")
    with front(gate.url, Say(503, NO_RETRY, first=True)) as before:
        lost = filmgate(*wanted, "--url", before.url, cwd=tmp_path)
        assert lost.returncode == 2
        assert before.gone == []
        again = lost.stderr.splitlines()[-1].split()
        assert again[0::2] == ["--idempotency-key", "--extend"]
        done = filmgate(*wanted, "--url", before.url, *again, cwd=tmp_path)
    # Other tests look for files of this gateway.
    httpx.delete(f"{gate.url}/v1/files/{again[3]}").raise_for_status()

    assert done.returncode == 0, done.stderr
    assert len(videos_of(gate, prompt)) == 1


@pytest.mark.parametrize("key", ["", "two words", "schlüssel", "k" * 256])
def test_a_key_that_no_header_holds_is_a_usage_error(key: str) -> None:
    done = generate("Waves", "--idempotency-key", key)

    assert done.exit_code == 2
    assert "visible ASCII characters" in " ".join(done.stderr.split())


@pytest.mark.parametrize("then", [401, 404, 429])
def test_a_refusal_after_an_answer_that_was_lost_leaves_the_key_to_ask_again(
    gate: Program, tmp_path: Path, then: int
) -> None:
    prompt = f"Waves whose answer was lost, then {then}"
    with front(gate.url, Say(first=True), Say(then)) as before:
        done = filmgate("generate", prompt, "--url", before.url, cwd=tmp_path)
        key = before.keys[0] or ""

        assert done.returncode == 2
        assert f"HTTP {then}" in done.stderr
        assert done.stderr.endswith(f"add to the same command:\n  --idempotency-key {key}\n")
        named = ("--url", before.url, "--idempotency-key", key)
        again = filmgate("generate", prompt, *named, cwd=tmp_path)
    assert again.returncode == 0, again.stderr
    assert len(videos_of(gate, prompt)) == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>Welcome</html>", "the answer was HTTP 200, and not from a Filmgate"),
        (b"[]", "the answer was HTTP 200, and not from a Filmgate"),
        (b'{"ok": true}', "the answer names no video, so it is not from a Filmgate"),
    ],
)
def test_a_success_that_nobody_can_read_leaves_the_key_to_ask_again(
    content: bytes, words: str, pauses: list[float]
) -> None:
    with front("http://127.0.0.1:9", Say(200, content=content)) as before:
        done = generate("Waves", "--url", before.url)

    assert (done.exit_code, pauses) == (2, [])
    assert done.stderr.startswith(f"filmgate: {words}\n")
    assert f"--idempotency-key {before.keys[0]}" in done.stderr
