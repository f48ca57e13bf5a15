"""What a provider may do to its client, how to tell that it did, and how to provoke it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from mockserver.engine.faults import parse
from mockserver.engine.journal import Event

Shown = Callable[[Sequence[Event]], bool]
"""Whether the lines of one journal show a behaviour."""

ANY = "any"


class Provocation(msgspec.Struct, frozen=True, kw_only=True):
    """How a test brings a behaviour about; what is left empty is not needed for it."""

    faults: tuple[str, ...] = ()
    directive: str = ""
    """What stands between `[[mock` and `]]` in a prompt."""
    settings: Mapping[str, Any] = {}
    """Of the world."""
    act: str = ""
    """What the client has to do besides ordering, looking and fetching."""

    def __post_init__(self) -> None:
        for line in self.faults:
            parse(line)

    def __str__(self) -> str:
        parts = []
        if self.faults:
            parts.append(f"faults={list(self.faults)!r}")
        if self.directive:
            parts.append(f'prompt="… [[mock {self.directive}]]"')
        if self.settings:
            given = ", ".join(f"{name}={value!r}" for name, value in self.settings.items())
            parts.append(f"Settings({given})")
        if self.act:
            parts.append(self.act)
        return "; ".join(parts) or "order a film and see it through"


class Behaviour(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table."""

    id: str
    provider: str = ANY
    """Whose behaviour it is; `any` is everybody's."""
    meaning: str
    provoke: Provocation
    shown: Shown
