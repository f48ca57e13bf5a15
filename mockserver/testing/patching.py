"""Attributes replaced for as long as anybody needs it: one replacement, any number of users."""

import threading
from collections.abc import Callable
from typing import Any, NamedTuple


class Target(NamedTuple):
    """An attribute to replace."""

    owner: Any
    name: str
    replace: Callable[[Any], Any]
    """Makes the replacement from what it replaces."""


class SharedPatch:
    """Replaces attributes when its first user comes and puts them back when the last one goes.

    Users may come and go in any order and in any thread. What somebody else has replaced in the
    meantime stays as it is.

    Args:
        targets: The attributes, replaced together.
    """

    def __init__(self, *targets: Target) -> None:
        self._targets = targets
        self._lock = threading.Lock()
        self._users = 0
        self._undo: list[Callable[[], None]] = []

    def acquire(self) -> None:
        """Comes as a user."""
        with self._lock:
            if self._users == 0:
                self._undo = [_put(target) for target in self._targets]
            self._users += 1

    def release(self) -> None:
        """Goes as a user; once for each `acquire`."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                for undo in self._undo:
                    undo()


def _put(target: Target) -> Callable[[], None]:
    owner, name, _ = target
    inherited = name not in vars(owner)
    original = getattr(owner, name)
    replacement = target.replace(original)
    setattr(owner, name, replacement)

    def undo() -> None:
        if vars(owner).get(name) is not replacement:
            return
        if inherited:
            delattr(owner, name)
        else:
            setattr(owner, name, original)

    return undo
