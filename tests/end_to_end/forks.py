"""Processes of ours without the second that their imports take: forked from one that has them.

Each is a process like any other, with a pid, a memory and an end of its own; `kill -9` is as
real as it gets. They end with the process that asked for them, however that ends.
"""

import gc
import importlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[2]
NEEDED: Final = (
    "alembic.command",
    "gateway.app",
    "gateway.cli.serve",
    "gateway.cli.server",
    "gateway.config",
    "gateway.engine.crash",
    "gateway.storage.migrations",
    "gateway.storage.postgres",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
)
"""What a gateway imports until it listens."""


class Child:
    """A process that was forked for us; much like `subprocess.Popen`."""

    def __init__(self, forks: "Forks", pid: int) -> None:
        self.pid = pid
        self._forks = forks
        self._handle = os.pidfd_open(pid)
        self._status: int | None = None

    def poll(self) -> int | None:
        """How it ended, the negative number of a signal; None while it lives."""
        return self._ended(0)

    def wait(self, seconds: float) -> int:
        """The same, once it has ended.

        Raises:
            TimeoutError: It lives on.
        """
        status = self._ended(seconds)
        if status is None:
            raise TimeoutError(f"process {self.pid} lives on after {seconds:g} s")
        return status

    def send_signal(self, number: int) -> None:
        """Send it a signal, and never one to another process that has got its number."""
        if self._status is None:
            signal.pidfd_send_signal(self._handle, number)

    def _ended(self, seconds: float) -> int | None:
        if self._status is None:
            waiting = select.poll()
            waiting.register(self._handle, select.POLLIN)
            if waiting.poll(seconds * 1000):
                self._status = self._forks.ask(reap=self.pid)
                os.close(self._handle)
        return self._status


class Forks:
    """The process that has imported everything, and forks on request."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: subprocess.Popen[str] | None = None

    def start(
        self, arguments: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]
    ) -> Child:
        """Run `filmgate` with these arguments; all it says goes to the log."""
        return Child(
            self,
            self.ask(
                arguments=list(arguments),
                folder=str(folder),
                log=str(log),
                environment=dict(environment),
            ),
        )

    def ask(self, **what: Any) -> int:
        """Have something done."""
        with self._lock:
            if self._server is None:
                self._server = subprocess.Popen(
                    [sys.executable, "-m", __name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    cwd=ROOT,
                    env={**os.environ, "PYTHONPATH": str(ROOT)},
                )
            assert self._server.stdin is not None
            assert self._server.stdout is not None
            self._server.stdin.write(f"{json.dumps(what)}\n")
            self._server.stdin.flush()
            return int(self._server.stdout.readline())

    def close(self) -> None:
        """End it, and whatever of its children is left."""
        if self._server is not None:
            self._server.communicate()
            self._server = None


FORKS: Final = Forks()
"""The one of this process."""


def _serve() -> None:
    for name in NEEDED:
        importlib.import_module(name)
    gc.freeze()
    mine: set[int] = set()
    for line in sys.stdin:
        what = json.loads(line)
        if (pid := what.get("reap")) is not None:
            answer = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            mine.discard(pid)
        else:
            answer = os.fork()
            if answer == 0:
                _become(what)
            mine.add(answer)
        sys.stdout.write(f"{answer}\n")
        sys.stdout.flush()
    for pid in mine:
        os.kill(pid, signal.SIGKILL)


def _become(what: Mapping[str, Any]) -> None:
    for stream, path in (
        (0, os.devnull),
        (1, what["log"]),
        (2, what["log"]),
    ):
        handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(handle, stream)
        os.close(handle)
    os.chdir(what["folder"])
    os.environ |= what["environment"]
    # It has read the environment already, as it was before.
    importlib.reload(sys.modules["gateway.engine.crash"])
    from gateway.cli import main  # noqa: PLC0415 - the parent has it

    main(what["arguments"])


if __name__ == "__main__":
    _serve()
