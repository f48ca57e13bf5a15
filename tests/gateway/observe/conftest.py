"""Logging is global: every test gets its own and puts the old one back."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog

from gateway.observe import configure
from gateway.observe.logging import QUIET


class Log(io.StringIO):
    """A stream that can say what JSON lines it holds."""

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.getvalue().splitlines()]

    def line(self) -> dict[str, Any]:
        """The one line there is."""
        [found] = self.lines()
        return found


class Terminal(Log):
    """One that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _logging_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in QUIET}
    configured = structlog.get_config()
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, was in levels.items():
        logging.getLogger(name).setLevel(was)
    structlog.configure(**configured)
    structlog.contextvars.clear_contextvars()


@pytest.fixture
def log() -> Log:
    """JSON lines from INFO on."""
    stream = Log()
    configure(level="info", format="json", stream=stream)
    return stream


@pytest.fixture
def pretty() -> Callable[[], Log]:
    """Makes a log for people."""

    def make() -> Log:
        stream = Terminal()
        configure(level="debug", format="auto", stream=stream)
        return stream

    return make
