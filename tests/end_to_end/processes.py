"""Real processes on real sockets: mock providers and gateway, started, killed, started again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, TypeVar

import httpx

from mockserver.pictory import EXAMPLE_KEY
from mockserver.pixverse import EXAMPLE_TOKEN

T = TypeVar("T")

LISTENING: Final = re.compile(r"listening on (http://\S+)")
PATIENCE: Final = 40.0


def until(read: Callable[[], T], good: Callable[[T], bool], seconds: float = PATIENCE) -> T:
    """Ask again and again until the answer is good."""
    end = time.monotonic() + seconds
    while True:
        value = read()
        if good(value):
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s; last: {value}")
        time.sleep(0.05)


class Program:
    """A Python module of ours, running."""

    def __init__(self, arguments: list[str], log: Path, environment: dict[str, str]) -> None:
        self.arguments, self.log, self.environment = arguments, log, environment
        self.process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def start(self) -> None:
        """Start, and wait until it says where it listens."""
        with self.log.open("ab") as said:
            begin = said.tell()
            self.process = process = subprocess.Popen(
                [sys.executable, "-m", *self.arguments],
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **self.environment},
            )

        def told() -> str:
            assert process.poll() is None, self.log.read_text()[-4000:]
            return self.log.read_bytes()[begin:].decode()

        found = LISTENING.search(until(told, lambda text: LISTENING.search(text) is not None))
        assert found is not None
        self.url = found.group(1)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit status."""
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)


@contextmanager
def running(program: Program) -> Iterator[Program]:
    """A program that does not outlive the block."""
    program.start()
    try:
        yield program
    finally:
        if program.process is not None and program.process.poll() is None:
            program.end(signal.SIGKILL)


class Mock(Program):
    """The mock providers."""

    def __init__(self, folder: Path, *, speed: float = 20) -> None:
        super().__init__(
            ["mockserver", "--port", "0", "--speed", str(speed)], folder / "mock.log", {}
        )

    def ask(self, what: str) -> Any:
        """A page of the control API."""
        return httpx.get(f"{self.url}/__mock/{what}").raise_for_status().json()

    def charges(self) -> dict[str, int]:
        """How often each job was charged."""
        return dict(Counter(entry["job"] for entry in self.ask("ledger")["charges"]))

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """The journal's lines of one kind."""
        return [line for line in self.ask("journal")["lines"] if line["line"] == kind]

    def calls(self) -> int:
        """Requests the providers got so far."""
        return len(self.lines("exchange"))


class Gateway(Program):
    """A gateway in front of the mock, with one account at each provider."""

    def __init__(self, folder: Path, mock: Mock, *, route: list[str], max_jobs: int = 3) -> None:
        folder.mkdir(exist_ok=True)
        self.config = folder / "filmgate.toml"
        super().__init__(
            ["gateway", "serve", "--config", str(self.config), "--port", "0"],
            folder / "gateway.log",
            {"PIXVERSE": EXAMPLE_TOKEN, "PICTORY": EXAMPLE_KEY, "KEY": "secret-key"},
        )
        self.mock, self.route, self.max_jobs = mock, route, max_jobs

    def start(self) -> None:
        self.config.write_text(self._settings())
        if self.url:
            # Callback URLs that are out there name the port of the first start.
            self.arguments[-1] = self.url.rpartition(":")[2]
        super().start()

    def _settings(self) -> str:
        return f"""
[server]
api_keys = ["env:KEY"]
[log]
format = "json"
[watch]
poll_seconds = 0.5
[[accounts]]
name = "pixverse-a"
provider = "useapi-pixverse"
api_key = "env:PIXVERSE"
email = "ops@example.com"
base_url = "{self.mock.url}/v2/pixverse"
max_jobs = {self.max_jobs}
[[accounts]]
name = "pictory-main"
provider = "pictory"
api_key = "env:PICTORY"
base_url = "{self.mock.url}/pictoryapis"
max_jobs = {self.max_jobs}
[routes]
default = {json.dumps(self.route)}
[network]
allow_private = ["127.0.0.0/8"]
"""

    def client(self) -> httpx.Client:
        """A client with the key."""
        return httpx.Client(
            base_url=self.url, headers={"authorization": "Bearer secret-key"}, timeout=20
        )

    def create(self, **body: Any) -> str:
        """Ask for a video; its id."""
        with self.client() as client:
            return str(client.post("/v1/videos", json=body).raise_for_status().json()["id"])

    def read(self, video_id: str) -> dict[str, Any]:
        """The job as it stands."""
        with self.client() as client:
            answer: dict[str, Any] = client.get(f"/v1/videos/{video_id}").raise_for_status().json()
            return answer

    def reaches(self, video_id: str, *phases: str) -> dict[str, Any]:
        """Wait until the job is in one of the phases."""
        return until(lambda: self.read(video_id), lambda video: video["phase"] in phases)

    def content(self, video_id: str) -> bytes:
        """The finished video."""
        with self.client() as client:
            return client.get(f"/v1/videos/{video_id}/content").raise_for_status().content
