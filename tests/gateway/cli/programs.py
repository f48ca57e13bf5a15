"""The command as users run it: a process of its own, in a folder of its own."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

PATIENCE: Final = 30.0

_LISTENING: Final = re.compile(r"listening on (http://\S+)")

_RUN: Final = """\
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from gateway.cli import main
main(prog_name="filmgate")
"""
"""The command, and Ctrl-C as a terminal gives it: what runs the tests may ignore it."""


def until(good: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Look again and again until it is so."""
    end = time.monotonic() + seconds
    while not good():
        assert time.monotonic() < end, f"not within {seconds:g} s"
        time.sleep(0.02)


def environment(given: dict[str, str]) -> dict[str, str]:
    """The environment, without settings that are not the test's own."""
    kept = {name: value for name, value in os.environ.items() if "FILMGATE" not in name}
    return {**kept, "COLUMNS": "80", "PYTHONUNBUFFERED": "1", **given}


class Program:
    """A command that is running; both of its streams go into one log."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: Path) -> None:
        self.process, self.log = process, log

    @property
    def said(self) -> str:
        """What it has said so far."""
        return self.log.read_text("utf-8")

    @property
    def url(self) -> str:
        """Where it says it listens."""
        found = _LISTENING.search(self.said)
        assert found is not None, self.said
        return found.group(1)

    @property
    def port(self) -> int:
        """The port of that."""
        return int(self.url.rpartition(":")[2])

    def says(self, words: str) -> None:
        """Wait until it has said something."""
        until(lambda: words in self.said or self.process.poll() is not None)
        assert words in self.said, self.said

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal; the exit status."""
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)


@contextmanager
def started(*arguments: str, cwd: Path, **given: str) -> Iterator[Program]:
    """`filmgate` with these arguments, not beyond the block."""
    log = cwd / f"{arguments[0]}-{time.monotonic_ns()}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", _RUN, *arguments],
            cwd=cwd,
            env=environment(given),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Program(process, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@contextmanager
def serving(*arguments: str, cwd: Path, **given: str) -> Iterator[Program]:
    """A command that listens, and does; it has to end well."""
    with started(*arguments, cwd=cwd, **given) as program:
        program.says("listening on http")
        yield program
        if program.process.poll() is None:
            assert program.end() == 0, program.said


def filmgate(*arguments: str, cwd: Path, **given: str) -> "subprocess.CompletedProcess[str]":
    """`filmgate` with these arguments, to its end."""
    return subprocess.run(
        [sys.executable, "-c", _RUN, *arguments],
        cwd=cwd,
        env=environment(given),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
