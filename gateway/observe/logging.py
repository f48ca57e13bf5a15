"""Logging for the whole process: structlog and the standard library through one renderer."""

import asyncio
import contextlib
import io
import logging
import threading
from typing import Final, TextIO

import msgspec
import structlog
from structlog.dev import ConsoleRenderer, plain_traceback
from structlog.processors import TimeStamper, add_log_level, format_exc_info
from structlog.typing import EventDict, WrappedLogger

from gateway.observe.guard import guard

QUIET: Final = ("httpx", "httpcore", "uvicorn.access", "alembic.runtime.plugins")
"""Libraries that log a line per request, URLs and all, or say at each start what they are made
of: they are heard from WARNING on."""

_WITH_OWN_HANDLERS: Final = ("uvicorn", "uvicorn.error", "uvicorn.access", "alembic", "sqlalchemy")
_STANDARD: Final = (logging.CRITICAL, logging.ERROR, logging.WARNING, logging.INFO)


def configure(*, level: str, format: str, stream: TextIO) -> None:  # noqa: A002 - the setting's name
    """Send every log line of this process to `stream`.

    Replaces the handlers that are there; may be called again.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        format: `json` for a JSON object a line, `pretty` for people, `auto` for pretty on a
            terminal and JSON elsewhere.
        stream: Where lines go. Lines it refuses (closed, disk full) are dropped.
    """
    number = logging.getLevelNamesMapping()[level.upper()]
    terminal = stream.isatty()
    pretty = format == "pretty" or (format == "auto" and terminal)
    if isinstance(stream, io.TextIOWrapper):
        # A terminal that is not UTF-8 must not turn a log line into an exception.
        stream.reconfigure(errors="backslashreplace")
    lines = _Lines(stream)
    processors: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        add_log_level,
        TimeStamper(fmt="iso", utc=True, key="timestamp"),
        format_exc_info,
        guard,
        _pretty(colors=terminal) if pretty else _json,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=lambda *_names: lines,
        # Off, so that `structlog.testing.capture_logs` sees loggers made at import.
        cache_logger_on_first_use=False,
    )
    _take_over_stdlib(number)


def _json(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """What `guard` let through, as JSON."""
    return msgspec.json.encode(event).decode()


def _pretty(*, colors: bool) -> ConsoleRenderer:
    # Its own tracebacks would show local variables, and those hold secrets.
    return ConsoleRenderer(
        colors=colors, exception_formatter=plain_traceback, timestamp_key="timestamp"
    )


def _take_over_stdlib(level: int) -> None:
    root = logging.getLogger()
    root.handlers[:] = [_Relay()]
    root.setLevel(level)
    for name in _WITH_OWN_HANDLERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


class _Lines:
    """A structlog logger that writes whole lines, in their order.

    What is said within one round of an event loop goes to a file or a pipe at its end, all at
    once, since each write is a chance for other threads to hold the loop up. What people
    should look at is written at once, and all before it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_slow = isinstance(stream, io.TextIOWrapper)
        self._lock = threading.Lock()
        self._said: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None

    def msg(self, line: str) -> None:
        try:
            loop = asyncio.get_running_loop() if self._is_slow else None
        except RuntimeError:
            loop = None
        if loop is None:
            self.now(line)
            return
        self._said.append(line)
        if self._loop is not loop:
            self._loop = loop
            loop.call_soon(self._write)

    def now(self, line: str) -> None:
        self._said.append(line)
        self._write()

    def _write(self) -> None:
        # OSError: the disk is full or the reader has gone; ValueError: the stream is closed.
        # Work goes on without its log rather than not at all.
        with self._lock, contextlib.suppress(OSError, ValueError):
            said, self._said, self._loop = self._said, [], None
            if said:
                self._stream.write("\n".join(said) + "\n")
                self._stream.flush()

    log = debug = info = msg
    warning = error = critical = now


class _Relay(logging.Handler):
    """Hands a record of the standard library to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            # structlog knows the five standard levels; anything between counts as the lower.
            level = next((step for step in _STANDARD if record.levelno >= step), logging.DEBUG)
            structlog.get_logger().log(
                level, record.getMessage(), logger=record.name, exc_info=record.exc_info
            )
        except Exception:  # noqa: BLE001 - the protocol of logging handlers
            self.handleError(record)
