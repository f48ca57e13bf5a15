"""Runs seeds, and says how to see one again."""

from collections.abc import Iterable

from tests.simulation.history import History
from tests.simulation.judge import faults


class Failure(AssertionError):  # noqa: N818 - of a history, to be read by people
    """A history in which something was wrong."""


def run(seed: int) -> History:
    """One history, judged.

    Raises:
        Failure: Something was wrong; it says what, and how to see it again.
    """
    history = History(seed)
    try:
        history.happen()
    except Exception as error:
        raise Failure(_told(seed, [f"{type(error).__name__}: {error}"])) from error
    found = faults(history)
    if found:
        raise Failure(_told(seed, found))
    return history


def failures(seeds: Iterable[int]) -> list[tuple[int, str]]:
    """The seeds whose histories went wrong, with what was wrong."""
    found: list[tuple[int, str]] = []
    for seed in seeds:
        try:
            run(seed)
        except Failure as failure:
            found.append((seed, str(failure)))
    return found


def _told(seed: int, found: list[str]) -> str:
    rows = "\n".join(f"  {one}" for one in found)
    return f"seed {seed}:\n{rows}\nsee it again: python -m tests.simulation {seed}"
