"""Real processes on real sockets: mock providers and gateways, started, killed, started again."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol, Self, TypeVar

import httpx
import psycopg

from mockserver.pictory import EXAMPLE_KEY
from mockserver.pixverse import EXAMPLE_TOKEN
from tests.end_to_end.forks import FORKS
from tests.postgres import _free_port

T = TypeVar("T")

LISTENING: Final = re.compile(r"listening on (http://\S+)")
PATIENCE: Final = 40.0
PROVIDERS: Final = {
    "useapi-pixverse": "/v2/pixverse",
    "pictory": "/pictoryapis",
}
"""Where each of them is on the mock."""
SECRETS: Final = {"PIXVERSE": EXAMPLE_TOKEN, "PICTORY": EXAMPLE_KEY, "KEY": "secret-key"}
HTTP: Final = httpx.Client(
    # One for all, for each makes a TLS context; and no connection outlives its request, for
    # what is at its other end may be killed.
    trust_env=False,
    timeout=20,
    limits=httpx.Limits(max_keepalive_connections=0),
)
Table = Mapping[str, object]


def until(
    read: Callable[[], T],
    good: Callable[[T], bool],
    seconds: float = PATIENCE,
    *,
    pause: float = 0.05,
) -> T:
    """Ask again and again until the answer is good."""
    end = time.monotonic() + seconds
    while True:
        value = read()
        if good(value):
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds:g} s; last: {value}")
        time.sleep(pause)


class Process(Protocol):
    """What a program runs as."""

    pid: int

    def poll(self) -> int | None: ...

    def send_signal(self, number: int) -> None: ...

    def wait(self, seconds: float, /) -> int: ...


class Program:
    """A command of ours, running."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.process: Process | None = None
        self.url = ""

    def launch(self, environment: Mapping[str, str]) -> Process:
        """Start the process."""
        raise NotImplementedError

    def begin(self, **environment: str) -> None:
        """Start, and wait for nothing."""
        self.process = self.launch(environment)

    def start(self, **environment: str) -> Self:
        """Start, and wait until it says where it listens."""
        begin = self.log.stat().st_size if self.log.exists() else 0
        self.process = process = self.launch(environment)

        def told() -> str:
            assert process.poll() is None, self.log.read_text()[-4000:]
            return self.log.read_bytes()[begin:].decode() if self.log.exists() else ""

        found = LISTENING.search(until(told, lambda text: LISTENING.search(text) is not None))
        assert found is not None
        self.url = found.group(1)
        return self

    def send(self, how: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(how)

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and wait for the end; the exit status."""
        self.send(how)
        return self.ended()

    def ended(self, seconds: float = PATIENCE) -> int:
        """Wait for the end; the exit status."""
        assert self.process is not None
        return self.process.wait(seconds)


P = TypeVar("P", bound=Program)


@contextmanager
def running(program: P) -> Iterator[P]:
    """A program that does not outlive the block."""
    with stopping(program):
        yield program.start()


@contextmanager
def stopping(*programs: Program) -> Iterator[None]:
    """Whatever of them runs at its end is killed."""
    try:
        yield
    finally:
        for program in programs:
            if program.process is not None and program.process.poll() is None:
                program.end(signal.SIGKILL)


class World:
    """One world of the mock providers: all that is in it is its own."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    @property
    def prefix(self) -> str:
        """What its URLs begin with."""
        return self._prefix

    def ask(self, what: str) -> Any:
        """A page of the control API."""
        return HTTP.get(f"{self.prefix}/__mock/{what}").raise_for_status().json()

    def charges(self) -> dict[str, int]:
        """How often each job was charged."""
        return dict(Counter(entry["job"] for entry in self.ask("ledger")["charges"]))

    def lines(self, kind: str) -> list[dict[str, Any]]:
        """The journal's lines of one kind."""
        found: list[dict[str, Any]] = self.ask(f"journal?kind={kind}")["lines"]
        return found

    def calls(self) -> int:
        """Requests the providers got so far."""
        return len(self.lines("exchange"))

    @property
    def inbox(self) -> str:
        """Where callers may have their notices sent."""
        return f"{self.prefix}/inbox/main"

    def notices(self) -> list[str]:
        """The ids of the notices that came in there, each try by itself."""
        return [line["headers"]["webhook-id"] for line in self.ask("inbox/main")["received"]]


class Mock(Program, World):
    """The mock providers; themselves the world of those who name none."""

    def __init__(self, folder: Path, *, speed: float = 20) -> None:
        Program.__init__(self, folder / "mock.log")
        self.speed = speed

    @property
    def prefix(self) -> str:
        """What its URLs begin with."""
        return self.url

    def launch(self, environment: Mapping[str, str]) -> Process:
        """Start the process."""
        with self.log.open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "mockserver", "--port", "0", "--speed", str(self.speed)],
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
            )

    def world(self, name: str, **settings: object) -> World:
        """Another world, with settings of its own."""
        HTTP.post(f"{self.url}/__mock/worlds/{name}", json=settings).raise_for_status()
        return World(f"{self.url}/~{name}")

    def forget(self, name: str) -> None:
        """Drop a world."""
        HTTP.delete(f"{self.url}/__mock/worlds/{name}").raise_for_status()


class Gateway(Program):
    """A gateway in front of the mock, at the same port each time it starts.

    Args:
        folder: Where its files are; replicas share one.
        world: The mock's world that its accounts lead to.
        route: The targets of the route `default`; everything there is an account for.
        max_jobs: Slots of each account.
        accounts: How many accounts there are at each provider.
        database: Where its database is, unless it is a file in the folder.
        name: Whose log it is, among replicas.
        tables: Further tables of the settings, such as `watch`.
    """

    def __init__(
        self,
        folder: Path,
        world: World,
        *,
        route: Sequence[str] = (),
        max_jobs: int = 3,
        accounts: Mapping[str, int] = MappingProxyType({"useapi-pixverse": 1, "pictory": 1}),
        database: str | None = None,
        name: str = "gateway",
        tables: Mapping[str, Table] = MappingProxyType({}),
    ) -> None:
        folder.mkdir(exist_ok=True)
        self.database = database
        super().__init__(folder / f"{name}.log")
        self.config = folder / f"{name}.toml"
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.arguments = ["serve", "--config", str(self.config), "--port", str(self.port)]
        self._accounts = [
            _account(world, provider, n, max_jobs)
            for provider, count in accounts.items()
            for n in range(count)
        ]
        self._tables: dict[str, Table] = {
            "server": {"operator_keys": ["env:KEY"]},
            "log": {"format": "json"},
            "watch": {"poll_seconds": 0.5},
            "network": {"allow_private": ["127.0.0.0/8"]},
        }
        self.configure(**tables)
        if route:
            self.configure(routes={"default": list(route)})
        if database is not None:
            self.configure(database={"url": database})

    def configure(self, **tables: Table) -> None:
        """Replace tables of the settings, for its next start."""
        self._tables |= tables
        parts = [_toml(f"[{name}]", table) for name, table in self._tables.items()]
        parts += [_toml("[[accounts]]", account) for account in self._accounts]
        self.config.write_text("".join(parts))

    def launch(self, environment: Mapping[str, str]) -> Process:
        return FORKS.start(
            self.arguments,
            folder=self.log.parent,
            log=self.log,
            environment={**SECRETS, **environment},
        )

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] = MappingProxyType({}),
        **how: Any,
    ) -> httpx.Response:
        """Send a request with the key."""
        return HTTP.request(
            method,
            f"{self.url}{path}",
            headers={"authorization": "Bearer secret-key", **headers},
            **how,
        )

    def create(self, **body: Any) -> str:
        """Ask for a video; its id."""
        return str(self.ask("POST", "/v1/videos", json=body).raise_for_status().json()["id"])

    def read(self, video_id: str) -> dict[str, Any]:
        """The job as it stands."""
        answer: dict[str, Any] = self.ask("GET", f"/v1/videos/{video_id}").raise_for_status().json()
        return answer

    def reaches(self, video_id: str, *phases: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait until the job is in one of the phases."""
        return until(lambda: self.read(video_id), lambda video: video["phase"] in phases, seconds)

    def content(self, video_id: str) -> bytes:
        """The finished video."""
        return self.ask("GET", f"/v1/videos/{video_id}/content").raise_for_status().content

    def films(self) -> set[str]:
        """The names of all that is kept of its jobs."""
        kept = (self.log.parent / "filmgate-media").rglob("*")
        return {one.name for one in kept if one.is_file()}

    def doomed(self) -> set[str]:
        """The names of what is kept, and nobody needs any more; of a file, nothing is."""
        if self.database is None:
            return set()
        with psycopg.connect(self.database) as connection:
            rows = connection.execute("SELECT digest FROM holdings WHERE holder = '-'")
            return {str(digest) for (digest,) in rows}

    def is_ready(self) -> bool:
        """Whether it says that it takes jobs."""
        try:
            return self.ask("GET", "/readyz").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False


class ColdGateway(Gateway):
    """One that is started as an operator would, imports and all."""

    def launch(self, environment: Mapping[str, str]) -> Process:
        """Start the process."""
        with self.log.open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "gateway", *self.arguments],
                stdout=said,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                env={**os.environ, **SECRETS, **environment},
            )


def _account(world: World, provider: str, n: int, max_jobs: int) -> Table:
    at_pixverse = provider == "useapi-pixverse"
    return {
        "name": f"{provider}-{n}",
        "provider": provider,
        "api_key": "env:PIXVERSE" if at_pixverse else "env:PICTORY",
        "base_url": f"{world.prefix}{PROVIDERS[provider]}",
        "max_jobs": max_jobs,
    } | ({"email": "ops@example.com" if n == 0 else f"ops{n}@example.com"} if at_pixverse else {})


def _toml(head: str, table: Table) -> str:
    """A table; whatever it holds is written in TOML as in JSON."""
    return "".join(
        f"{line}\n" for line in [head, *(f"{k} = {json.dumps(v)}" for k, v in table.items())]
    )
