"""What a caller asks for, in canonical form; `gateway.model.parse` reads it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec

from gateway.model.inputs import Given, Input
from providers.contract import ROLES, Mode, OptionValue, Role


class Priority(StrEnum):
    """Which of a caller's own waiting jobs go first; those of other callers stand apart."""

    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"

    @property
    def rank(self) -> int:
        """A number to sort by: 0 goes first."""
        return (Priority.HIGH, Priority.NORMAL, Priority.LOW).index(self)


class Routing(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a target is chosen.

    `fallbacks` are targets or routes tried after `model`; `max_cost` is a decimal amount of
    the configured currency; `deadline` is in seconds from acceptance: a job that no
    provider was asked for by then fails, unpaid; without `queue` a job is refused when no
    slot is free at once; `priority` orders the caller's own jobs that wait.
    """

    fallbacks: tuple[str, ...] = ()
    max_cost: str | None = None
    deadline: int | None = None
    queue: bool = True
    priority: Priority = Priority.NORMAL


class CreateVideo(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller asks for. Everything but `prompt` or an input has a default."""

    model: str = "default"
    prompt: str | None = None
    seconds: int | None = None
    aspect_ratio: str | None = None
    resolution: str | None = None
    first_frame: Input | None = None
    last_frame: Input | None = None
    reference_images: tuple[Input, ...] = ()
    extend_video: Input | None = None
    seed: int | None = None
    motion_mode: str | None = None
    remove_watermark: bool | None = None
    negative_prompt: str | None = None
    callback_url: str | None = None
    metadata: dict[str, str] = {}
    provider_options: dict[str, dict[str, OptionValue]] = {}
    routing: Routing = Routing()

    @property
    def given(self) -> tuple[Given, ...]:
        """The inputs, each with its role, in order."""
        found = []
        if self.first_frame is not None:
            found.append(Given(Role.FIRST_FRAME, None, self.first_frame))
        if self.last_frame is not None:
            found.append(Given(Role.LAST_FRAME, None, self.last_frame))
        if self.extend_video is not None:
            found.append(Given(Role.EXTEND, None, self.extend_video))
        found += [Given(Role.REFERENCE, n, value) for n, value in enumerate(self.reference_images)]
        return tuple(found)

    @property
    def mode(self) -> Mode | None:
        """What the video is to be made from; None for inputs that make no mode together."""
        roles = frozenset(one.role for one in self.given)
        return next((mode for mode, needed in ROLES.items() if needed == roles), None)

    @property
    def sources(self) -> tuple[str, ...]:
        """The ids of the videos that this one waits for, each once."""
        return tuple(dict.fromkeys(one.source for one in self.given if one.source is not None))

    def with_inputs(self, changed: Mapping[str, Input]) -> "CreateVideo":
        """The same request with other inputs at these pointers."""
        if not changed:
            return self
        values: dict[str, Any] = {}
        references = list(self.reference_images)
        for one in self.given:
            if one.pointer not in changed:
                continue
            if one.index is None:
                values[one.role.value] = changed[one.pointer]
            else:
                references[one.index] = changed[one.pointer]
        return msgspec.structs.replace(self, **values, reference_images=tuple(references))
