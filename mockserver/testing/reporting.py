"""What is told of the mock at the end of a test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mockserver.testing.fixtures import FOLDER
from mockserver.testing.story import story
from mockserver.world import World


def judge(item: pytest.Item, world: World, level: str) -> None:
    """Fails or warns where the test's client is a bad one.

    Raises:
        pytest.fail.Exception: it is, and that is an error.
    """
    found = world.verdict()
    if found.errors and level == "error":
        pytest.fail(str(found), pytrace=False)
    if found.errors:
        item.warn(pytest.PytestWarning(str(found)))


def sections(item: pytest.Item, world: World) -> Iterator[tuple[str, str]]:
    """Headings and texts for the report of a failure."""
    if world.journal.length:
        yield "mock journal", story(world)
    if lines := world.engine.faults.lines:
        yield "mock faults, to paste", f"@pytest.mark.world(faults={list(lines)!r})"
    if world.journal.length:
        yield "mock world", f"saved as {_kept(item, world)}"


def _kept(item: pytest.Item, world: World) -> Path:
    from mockserver.record.worldfile import save  # noqa: PLC0415 - only failures need it

    file = item.stash[FOLDER].mktemp("world") / f"{world.name}.world"
    file.write_bytes(save(world))
    return file
