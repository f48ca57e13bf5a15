"""What the engine carries: every figure of docs/performance.md about it.

    python bench/engine.py            # prints the table
    python bench/engine.py --write    # and puts it into docs/performance.md
    python bench/engine.py --only accepts,held

A real `filmgate serve`, the mock providers and the client that asks each are processes of their
own on loopback, and share the machine's cores. The exit status says whether all goals were met.
"""

# ruff: noqa: S608 - no stranger has a word in these statements
import argparse
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import httpx  # noqa: E402
from figures import Figure, show, write  # noqa: E402

from mockserver.pictory import EXAMPLE_KEY  # noqa: E402
from mockserver.pixverse import EXAMPLE_TOKEN  # noqa: E402
from tests.postgres import Server, binaries, short_folder  # noqa: E402

KEY = "a-key-of-the-bench-0123456789"
CONNECTIONS = 64
ROUNDS = 5
SECONDS = 3.0
HELD = 100_000
DUE = 250
"""Jobs of each provider."""
MODELS = ("useapi-pixverse/v4", "pictory/pixverse5.5")
FREE = "for orientation"
PIXVERSE_LIMIT = 8
"""Jobs that one account of PixVerse may have."""
ENVIRONMENT = {
    **{name: value for name, value in os.environ.items() if "FILMGATE" not in name},
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
    "BENCH_KEY": KEY,
    "BENCH_PICTORY": EXAMPLE_KEY,
    "BENCH_PIXVERSE": EXAMPLE_TOKEN,
}

NO_OP = """
import socket
from litestar import Litestar, post
from gateway.cli.server import make_server
@post("/v1/videos", status_code=202)
async def submit(data: dict) -> dict:
    return {"id": "x"}
listening = socket.create_server(("127.0.0.1", 0), backlog=512)
listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print("listening on http://%s:%s" % listening.getsockname(), flush=True)
make_server(Litestar([submit], openapi_config=None, logging_config=None)).run(sockets=[listening])
"""


class Program(NamedTuple):
    """A server in a process of its own."""

    url: str
    pid: int

    @property
    def cpu(self) -> float:
        """Seconds of CPU that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def megabytes(self) -> float:
        """What it has in memory."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(one.split()[1]) for one in lines if one.startswith("VmRSS")) / 1024


class Answers(NamedTuple):
    """What the client tells: answers a second, milliseconds, answers without a 2xx status."""

    rate: float
    p50: float
    p99: float
    refused: float


@contextmanager
def process(*command: str, log: Path | None = None) -> Iterator[Program]:
    """A server, not beyond the block."""
    with (log or Path(os.devnull)).open("w") as errors:
        started = subprocess.Popen(  # noqa: S603 - our own programs
            [sys.executable, *command],
            cwd=ROOT,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    with started:
        try:
            assert started.stdout is not None
            said = next(line for line in started.stdout if "http://" in line)
            url = next(word for word in said.split() if word.startswith("http://"))
            yield Program(url, started.pid)
        finally:
            started.terminate()


def account(number: int, provider: str, origin: str, jobs: int) -> str:
    """A section of the configuration."""
    pixverse = provider == "useapi-pixverse"
    path = "/v2/pixverse" if pixverse else "/pictoryapis"
    secret = "env:BENCH_PIXVERSE" if pixverse else "env:BENCH_PICTORY"
    email = f'email = "ops{number}@example.com"\n' if pixverse else ""
    return (
        f'[[accounts]]\nname = "{provider}-{number}"\nprovider = "{provider}"\n'
        f'api_key = "{secret}"\n{email}base_url = "{origin}{path}"\nmax_jobs = {jobs}\n'
    )


@contextmanager
def gateway(
    mock: str, *, database: str | None = None, pixverse: int = 1, pictory: int = 3
) -> Iterator[tuple[Program, Path]]:
    """`filmgate serve` as it is, on a fresh folder; and its database's file."""
    with tempfile.TemporaryDirectory(prefix="filmgate-bench-") as name:
        folder = Path(name)
        accounts = [
            *(account(n, "useapi-pixverse", mock, PIXVERSE_LIMIT) for n in range(pixverse)),
            account(0, "pictory", mock, pictory),
        ]
        settings = folder / "filmgate.toml"
        settings.write_text(
            f'[server]\napi_keys = ["env:BENCH_KEY"]\n'
            f'[database]\nurl = "{database or f"sqlite:///{folder}/filmgate.db"}"\n'
            f'[network]\nallow_private = ["127.0.0.0/8"]\n'
            f'[media]\ndirectory = "{folder}/media"\n' + "".join(accounts),
            encoding="utf-8",
        )
        serve = ("-m", "gateway", "serve", "--config", str(settings), "--port", "0")
        with process(*serve, log=folder / "log") as program:
            yield program, folder / "filmgate.db"


@contextmanager
def mock(*options: str) -> Iterator[str]:
    """The mock providers' origin."""
    emails = [f"--account=ops{n}@example.com={PIXVERSE_LIMIT}" for n in range(40)]
    with process("-m", "mockserver", "--port", "0", *emails, *options) as program:
        yield program.url


@contextmanager
def postgres() -> Iterator[str]:
    """A database on a server of our own, whose disk is for real."""
    folder = short_folder()
    server = Server.made(folder)
    server.start()
    try:
        with server.database() as url:
            yield url
    finally:
        server.stop()
        shutil.rmtree(folder)


def load(program: Program, method: str, path: str, seconds: float = SECONDS) -> Answers:
    """Ask with all connections for so long."""
    asked = [program.url, KEY, str(CONNECTIONS), str(seconds), method, path]
    said = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, str(ROOT / "bench" / "client.py"), *asked],
        check=True,
        capture_output=True,
        text=True,
    )
    return Answers(*map(float, said.stdout.split()))


def client(program: Program) -> httpx.Client:
    """For one request after another."""
    headers = {"authorization": f"Bearer {KEY}"}
    return httpx.Client(base_url=program.url, headers=headers, trust_env=False, timeout=30)


def accepts() -> Iterator[Figure]:
    """Jobs accepted, each on disk before its 202, beside a route that does nothing."""
    yield from _accepts("SQLite, synchronous=FULL", None)
    if binaries() is None:
        return
    with postgres() as url:
        yield from _accepts("PostgreSQL", url)


def _accepts(name: str, database: str | None) -> Iterator[Figure]:
    rounds: list[tuple[Answers, Answers, float, float]] = []
    with (
        mock("--run", "3600") as origin,
        gateway(origin, database=database) as (gate, _),
        process("-c", NO_OP) as bare,
    ):
        for program in (gate, bare):
            load(program, "POST", "/v1/videos", 1)
        for _ in range(ROUNDS):
            before = gate.cpu
            ours = load(gate, "POST", "/v1/videos")
            between, idle = gate.cpu, bare.cpu
            theirs = load(bare, "POST", "/v1/videos")
            assert not ours.refused + theirs.refused
            spent = (between - before) / ours.rate / SECONDS
            rounds.append((ours, theirs, spent, (bare.cpu - idle) / theirs.rate / SECONDS))
    rate = statistics.median(ours.rate for ours, *_ in rounds)
    ratio = statistics.median(ours.rate / theirs.rate for ours, theirs, *_ in rounds)
    goal = database is None
    yield Figure(
        f"accepts, {name}", f"{rate:.0f}/s", "≥ 2,000/s" if goal else FREE, not goal or rate >= 2000
    )
    late = statistics.median(ours.p99 for ours, *_ in rounds)
    yield Figure("their p99", f"{late:.0f} ms", "≤ 100 ms", late <= 100)
    yield Figure(
        "the same against a bare Litestar no-op", f"{ratio:.2f} times", "≥ 0.6 times", ratio >= 0.6
    )
    cpu = statistics.median(spent for *_, spent, _ in rounds) * 1e6
    bare_cpu = statistics.median(spent for *_, spent in rounds) * 1e6
    yield Figure(
        "CPU of an accept, and of the no-op", f"{cpu:.0f} µs, {bare_cpu:.0f} µs", FREE, met=True
    )


def reads() -> Iterator[Figure]:
    """Looks at a job at the end of a long line."""
    with mock("--run", "3600") as origin, gateway(origin) as (gate, _):
        load(gate, "POST", "/v1/videos")
        with client(gate) as http:
            newest = http.get("/v1/videos", params={"limit": 1}).json()["data"][0]["id"]
        load(gate, "GET", f"/v1/videos/{newest}", 1)
        found = [load(gate, "GET", f"/v1/videos/{newest}") for _ in range(ROUNDS)]
    assert not any(one.refused for one in found)
    rate, late = (statistics.median(one[n] for one in found) for n in (0, 2))
    yield Figure("status reads, p99", f"{rate:.0f}/s, {late:.0f} ms", FREE, met=True)


def held() -> Iterator[Figure]:
    """Many jobs at providers, none of them due: what they cost while nothing happens."""
    with mock("--run", "3600") as origin, gateway(origin) as (gate, path), client(gate) as http:
        http.post("/v1/videos", json={"prompt": "A drone over a forest"}).raise_for_status()
        _until(lambda: _count(path, "phase = 'rendering'") == 1)
        empty = gate.megabytes
        _multiply(path, HELD)
        assert _count(path, "phase = 'rendering'") == HELD + 1
        time.sleep(10)
        before, began = gate.cpu, time.perf_counter()
        time.sleep(20)
        busy = (gate.cpu - before) / (time.perf_counter() - began) * 100
        times = []
        for _ in range(500):
            asked = time.perf_counter()
            http.get("/livez").raise_for_status()
            times.append((time.perf_counter() - asked) * 1e3)
            time.sleep(0.02)
        full = gate.megabytes
    times.sort()
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    yield Figure(
        f"memory with {HELD:,} rendering jobs (with one)",
        f"{full:.0f} MB ({empty:.0f} MB)",
        "≤ 400 MB",
        full <= 400,
    )
    yield Figure("CPU while none of them is due", f"{busy:.1f} % of a core", "≤ 2 %", busy <= 2)
    yield Figure(
        "/livez meanwhile, p50 / p99", f"{p50:.1f} / {p99:.1f} ms", "p99 ≤ 50 ms", p99 <= 50
    )


def callbacks() -> Iterator[Figure]:
    """From a callback to the job's next phase, the film still to be fetched."""
    with (
        mock("--queue", "0", "--run", "2") as origin,
        gateway(origin, pixverse=20, pictory=200) as (gate, path),
        client(gate) as http,
    ):
        for n in range(150):
            model = MODELS[n % len(MODELS)]
            asked = {"prompt": f"A drone over a forest {n}", "model": model}
            http.post("/v1/videos", json=asked).raise_for_status()
            time.sleep(0.1)
        _until(lambda: _count(path, "phase = 'completed'") == 150)
        rows = _rows(
            path,
            "SELECT (at - woken_at) / 1000.0 FROM jobs JOIN events ON job_id = jobs.id "
            "WHERE event = 'rendered' AND at >= woken_at AND woken_at > 0",
        )
    times = sorted(row[0] for row in rows)
    assert len(times) > 100, len(times)
    p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
    yield Figure(
        "from a callback to `downloading`, p50 / p99",
        f"{p50:.0f} / {p99:.0f} ms",
        "p50 < 50 ms",
        p50 < 50,
    )


def due() -> Iterator[Figure]:
    """Jobs of both providers that are due at once, each answer of theirs 100 ms away."""
    faults = ("--fault", "poll:slow=100ms", "--fault", "list:slow=100ms")
    accounts = -(-DUE // PIXVERSE_LIMIT)
    with (
        mock("--run", "3600", *faults) as origin,
        gateway(origin, pixverse=accounts, pictory=DUE) as (gate, path),
        client(gate) as http,
    ):
        for model in MODELS:
            for n in range(DUE):
                asked = {"prompt": f"A drone over a forest {n}", "model": model}
                http.post("/v1/videos", json=asked).raise_for_status()
        _until(lambda: _count(path, "phase = 'rendering'") == 2 * DUE)
        begun = time.time_ns() // 1000
        _write(path, f"UPDATE jobs SET due_at = {begun}")
        _until(lambda: _looked(path, begun) == 2 * DUE)
        took = time.time_ns() // 1000
        first = _rows(path, f"SELECT min(taken_at) FROM jobs WHERE taken_at >= {begun}")[0][0]
    seconds = (took - first) / 1e6
    yield Figure(
        f"{2 * DUE} jobs due at once, all looked at", f"{seconds:.1f} s", "≤ 10 s", seconds <= 10
    )


def _looked(path: Path, since: int) -> int:
    return _count(path, f"taken_at >= {since} AND replica IS NULL AND due_at > taken_at")


def _multiply(path: Path, count: int) -> None:
    """Copies of the one job and its attempt that there is; none is due within the hour."""
    hour = time.time_ns() // 1000 + 3600 * 1_000_000
    numbers = f"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})"
    for table, changed in (
        ("jobs", {"id": "id || i", "due_at": str(hour), "attempt_id": "attempt_id || i",
                  "remote_id": "remote_id || i"}),
        ("attempts", {"id": "id || i", "job_id": "job_id || i", "token_hash": "token_hash || i",
                      "remote_id": "remote_id || i"}),
    ):  # fmt: skip
        names = [str(row[1]) for row in _rows(path, f"PRAGMA table_info({table})")]
        values = ", ".join(changed.get(name, name) for name in names)
        _write(path, f"INSERT INTO {table} {numbers} SELECT {values} FROM {table}, n")


def _count(path: Path, condition: str) -> int:
    return int(_rows(path, f"SELECT count(*) FROM jobs WHERE {condition}")[0][0])


def _rows(path: Path, statement: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(path, timeout=30)
    try:
        return connection.execute(statement).fetchall()
    finally:
        connection.close()


def _write(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, timeout=30)
    try:
        with connection:
            connection.execute(statement)
    finally:
        connection.close()


def _until(good: Callable[[], bool], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(0.05)


PARTS: dict[str, Callable[[], Iterator[Figure]]] = {
    "accepts": accepts,
    "reads": reads,
    "held": held,
    "callbacks": callbacks,
    "due": due,
}


def main() -> int:
    """Measures, prints, and writes where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help=f"comma-separated: {', '.join(PARTS)}")
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    options = parser.parse_args()
    figures: list[Figure] = []
    begun = os.getloadavg()[0]
    for name in options.only.split(",") if options.only else PARTS:
        for figure in PARTS[name]():
            show(figure)
            figures.append(figure)
    if options.write:
        ended = os.getloadavg()[0]
        note = f"\nThe load average was {begun:.1f} when it began and {ended:.1f} when it ended."
        write("bench/engine.py", figures, note)
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
