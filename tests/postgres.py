"""PostgreSQL for tests: one server for all of a session's processes, a database for each test.

`from tests.postgres import migrated_postgres_url` in a conftest makes the fixture known there.
Where PostgreSQL is not installed these tests are skipped (and so fail where `FILMGATE_CI` is set).
"""

import fcntl
import itertools
import json
import os
import pwd
import random
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Any, Final

import psycopg
import pytest

from gateway.storage import Database

USER: Final = "filmgate"
TEMPLATE: Final = "migrated"
QUICK: Final = {"fsync": "off", "full_page_writes": "off", "autovacuum": "off"}
"""For tests in which nothing crashes."""
PLAIN: Final = {
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "timezone": "Asia/Tokyo",
}

_names = itertools.count()


def binaries() -> Path | None:
    """Where the server's programs are; Debian leaves them out of the search path."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    installed = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda one: float(one.parts[4])
    )
    return installed[-1].parent if installed else None


class Server:
    """A PostgreSQL server on a loopback port.

    Args:
        folder: What it has for its own.
        port: Where it listens.
    """

    def __init__(self, folder: Path, port: int) -> None:
        self.folder, self.port = folder, port
        self._operator: psycopg.Connection[Any] | None = None

    @classmethod
    def made(cls, folder: Path) -> "Server":
        """One with a fresh cluster: ordered like a language, as most are, not like bytes."""
        made = cls(folder, _free_port())
        _run("initdb", "-D", str(made.data), "-U", USER, "-A", "trust", "-E", "UTF8", "-N",
             "--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US")  # fmt: skip
        return made

    @property
    def data(self) -> Path:
        """The cluster's folder."""
        return self.folder / "data"

    @property
    def pristine(self) -> Path:
        """Of the server of the session: its cluster's folder as it was at first."""
        return self.folder / "pristine"

    @property
    def pid(self) -> int:
        """The process that all others of the server are children of."""
        return int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])

    def start(self, **settings: str) -> None:
        """Start it, and wait until it takes connections."""
        where = {"port": str(self.port), "unix_socket_directories": str(self.folder)}
        told = PLAIN | where | settings
        options = " ".join(f"-c {name}={value}" for name, value in told.items())
        log = str(self.folder / "log")
        _run("pg_ctl", "-D", str(self.data), "-o", options, "-l", log, "-w", "start")

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: `immediate` is as good as a crash, `fast` ends every connection properly."""
        self.disconnect()
        _run("pg_ctl", "-D", str(self.data), "-m", mode, "-w", "stop")

    def restart(self, mode: str = "immediate") -> None:
        """Stop it and start it again."""
        self.stop(mode)
        self.start()

    def url(self, name: str = "postgres") -> str:
        """Where a database of this name is, or would be."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{name}"

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run a statement outside of any transaction, as the superuser."""
        if self._operator is None:
            self._operator = psycopg.connect(self.url(), autocommit=True)
        cursor = self._operator.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []

    def disconnect(self) -> None:
        """Close the connection that `execute` made."""
        if self._operator is not None:
            self._operator.close()
            self._operator = None

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a database of one's own, made like `template`."""
        name = f"test_{os.getpid()}_{next(_names)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.url(name)
        finally:
            self.execute(f"DROP DATABASE {name} WITH (FORCE)")

    def prepare_template(self) -> None:
        """Make the database that is migrated already, unless there is one."""
        if (TEMPLATE,) in self.execute("SELECT datname FROM pg_database"):
            return
        self.execute("CREATE DATABASE unfinished")
        database = Database(self.url("unfinished"))
        try:
            database.migrate()
        finally:
            database.close()
        self.execute(f"ALTER DATABASE unfinished RENAME TO {TEMPLATE}")


# --- the fixtures ---------------------------------------------------------------


@pytest.fixture(scope="session")
def shared_postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of the session: whichever process needs it first starts it.

    Every process that uses it holds a lock as long as it lives, however it ends; a keeper
    waits for that lock, and takes the server away once nobody has it.
    """
    if binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    base = tmp_path_factory.getbasetemp()
    root = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    with ExitStack() as stack:
        with (root / "postgres.lock").open("w") as gate:
            fcntl.flock(gate, fcntl.LOCK_EX)
            server, user = _joined(root / "postgres.json") or _begun(root / "postgres.json")
            stack.enter_context(user)
            stack.callback(server.disconnect)
            server.prepare_template()
        yield server


@pytest.fixture
def postgres_url(shared_postgres: Server) -> Iterator[str]:
    """An empty database."""
    with shared_postgres.database() as url:
        yield url


@pytest.fixture
def migrated_postgres_url(shared_postgres: Server) -> Iterator[str]:
    """A database with the newest tables and nothing in them."""
    with shared_postgres.database(TEMPLATE) as url:
        yield url


@pytest.fixture
def postgres_server(shared_postgres: Server) -> Iterator[Server]:
    """A server of the test's own, running, to be stopped and started; its disk is for real."""
    folder = short_folder()
    try:
        _copy(shared_postgres.pristine, folder / "data")
        server = Server(folder, _free_port())
        server.start()
        yield server
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            server.stop()
        shutil.rmtree(folder)


# --- the server of the session --------------------------------------------------


def _begun(note: Path) -> tuple[Server, IO[str]]:
    folder = short_folder()
    user = _held(folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.postgres", str(folder)],
        check=True,
        stdout=subprocess.PIPE,
        start_new_session=True,
        cwd=Path(__file__).parents[1],
    )
    note.write_text(json.dumps({"folder": str(folder), "port": int(done.stdout)}))
    joined = _joined(note)
    assert joined is not None
    user.close()
    return joined


def _joined(note: Path) -> tuple[Server, IO[str]] | None:
    """The server that runs, and the lock that keeps it running; None where there is none."""
    if not note.exists():
        return None
    told = json.loads(note.read_text())
    server = Server(Path(told["folder"]), told["port"])
    try:
        return server, _held(server.folder)
    except OSError:
        return None


def _held(folder: Path) -> IO[str]:
    user = (folder / "users").open("a")
    try:
        fcntl.flock(user, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        user.close()
        raise
    return user


def _keep(folder: Path) -> None:
    """Run the server of a session until its last process is gone."""
    server = Server.made(folder)
    _copy(server.data, server.pristine)
    server.start(**QUICK)
    # Whoever waits for this may have been killed meanwhile; then nobody holds the lock.
    with suppress(BrokenPipeError):
        os.write(1, f"{server.port}\n".encode())
    if os.fork():
        os._exit(0)
    for stream in (0, 1, 2):
        os.dup2(os.open(os.devnull, os.O_RDWR), stream)
    with (folder / "users").open() as users:
        fcntl.flock(users, fcntl.LOCK_EX)
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def short_folder() -> Path:
    """A folder with a short name that the server's user may enter."""
    folder = Path(tempfile.mkdtemp(prefix="filmgate-pg-"))
    if (user := _unprivileged()) is not None:
        shutil.chown(folder, user)
    return folder


def _unprivileged() -> str | None:
    """Whom the server runs as: it refuses to be run by root."""
    if os.geteuid() != 0:
        return None
    names = {one.pw_name for one in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _copy(cluster: Path, to: Path) -> None:
    shutil.copytree(cluster, to)
    if (user := _unprivileged()) is not None:
        for path in (to, *to.rglob("*")):
            shutil.chown(path, user)


def _run(program: str, *arguments: str) -> None:
    found = binaries()
    assert found is not None
    done = subprocess.run(
        [str(found / program), *arguments],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if program == "initdb" else subprocess.DEVNULL,
        text=True,
        cwd="/",
        user=_unprivileged(),
        start_new_session=True,
    )
    assert done.returncode == 0, f"{program} {' '.join(arguments)}: {done.stderr}"


def _free_port() -> int:
    """Below those that connections are made from: a port must stay free while a server is away."""
    while True:
        port = random.randrange(20_000, 32_000)
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


if __name__ == "__main__":
    _keep(Path(sys.argv[1]))
