"""What a history puts in place of chance, clocks and constants of the real world, for a while."""

import sys
from collections.abc import Iterator, MutableMapping
from contextlib import ExitStack, contextmanager
from importlib import import_module
from random import Random
from types import SimpleNamespace
from typing import Any, Final
from unittest.mock import patch

import structlog

from gateway.engine import loop as engine_loop
from gateway.model import ids
from gateway.storage import StorageError
from mockserver.media.clip import Clip
from mockserver.media.drawn import film
from mockserver.media.store import MediaStore
from tests.simulation.loop import SimLoop, current

IDLE: Final = 120.0
"""The engine looks at the database every few seconds though nothing woke it. Rarely here: it is
a net below all others, and nothing should need it."""
CLOCKS: Final = ("gateway.engine.loop", "gateway.storage.elapsed")
"""Who asks the machine for the time that has passed."""
_FILM: Final = film(Clip(width=64, height=36, seconds=1, caption="A film", job="any"))


class Films(MediaStore):
    """Every job has a film of its own, and none of them costs anything to render."""

    async def film(self, clip: Clip) -> bytes:
        """A small film, and behind it whose it is."""
        return film_of(clip.job)


def film_of(job: str) -> bytes:
    """The bytes of a mock job's film."""
    told = job.encode()
    return _FILM + (len(told) + 8).to_bytes(4) + b"free" + told


class _Log:
    """Keeps what a log would say of mistakes."""

    def __init__(self, errors: list[str]) -> None:
        self._errors = errors

    def __call__(self, _logger: object, _name: str, event: MutableMapping[str, Any]) -> Any:
        process = current()
        if event.get("exc_info") and not (process is not None and process.dead):
            error = event["exc_info"]
            if not isinstance(error, BaseException):
                error = sys.exc_info()[1]
            # Without a database a task may fail; what it was at is due again later.
            if not isinstance(error, StorageError):
                self._errors.append(f"{event.get('event')}: {error!r}")
        raise structlog.DropEvent


@contextmanager
def staged(loop: SimLoop, rng: Random) -> Iterator[None]:
    """Ids and tokens by the seed, time by the loop, a log that keeps mistakes only."""
    made = 0

    def uuid7() -> SimpleNamespace:
        nonlocal made
        made += 1
        return SimpleNamespace(int=(made << 96) | rng.getrandbits(96))

    time = SimpleNamespace(monotonic=lambda: loop.now, clock_gettime=lambda _: loop.now)
    chance = SimpleNamespace(token_urlsafe=lambda size: f"{rng.getrandbits(size * 8):064x}"[:43])
    before = structlog.get_config()
    structlog.configure(
        processors=[_Log(loop.errors)],
        wrapper_class=structlog.make_filtering_bound_logger("error"),
        cache_logger_on_first_use=False,
    )
    try:
        with ExitStack() as stack:
            stack.enter_context(patch.object(ids, "uuid_utils", SimpleNamespace(uuid7=uuid7)))
            stack.enter_context(patch.object(ids, "secrets", chance))
            stack.enter_context(patch.object(engine_loop, "IDLE", IDLE))
            for name in CLOCKS:
                stack.enter_context(patch.object(import_module(name), "time", time))
            yield
    finally:
        structlog.configure(**before)
