"""What is asked of a provider: for whom, which video, made from what."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from providers.contract.secret import Secret


class Role(StrEnum):
    """What an input is for; also the name of the request field it came in."""

    FIRST_FRAME = "first_frame"
    LAST_FRAME = "last_frame"
    REFERENCE = "reference_images"
    EXTEND = "extend_video"


class Mode(StrEnum):
    """What a video is made from; each capability row serves one."""

    TEXT = "text"
    FIRST_FRAME = "first_frame"
    FIRST_LAST_FRAME = "first_last_frame"
    REFERENCE_IMAGES = "reference_images"
    EXTEND_VIDEO = "extend_video"


ROLES: Final[Mapping[Mode, frozenset[Role]]] = MappingProxyType(
    {
        Mode.TEXT: frozenset(),
        Mode.FIRST_FRAME: frozenset({Role.FIRST_FRAME}),
        Mode.FIRST_LAST_FRAME: frozenset({Role.FIRST_FRAME, Role.LAST_FRAME}),
        Mode.REFERENCE_IMAGES: frozenset({Role.REFERENCE}),
        Mode.EXTEND_VIDEO: frozenset({Role.EXTEND}),
    }
)
"""The inputs that a mode is made from: these and no others."""


class InputForm(StrEnum):
    """The form in which a provider takes pictures and videos."""

    UPLOAD = "upload"
    """Uploaded beforehand; the request carries the reference the upload answered."""
    URL = "url"
    """A public URL that the provider fetches by itself."""


OptionValue: TypeAlias = str | int | bool


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials at one provider, and how many jobs they may have in flight.

    `exclusive`: nobody but this gateway makes videos with these credentials.
    """

    name: str
    provider: str
    key: Secret
    base_url: str
    max_jobs: int
    email: str | None = None
    exclusive: bool = True


class VideoSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One video for one model, every default already chosen.

    `seconds` is the clip's length. None stands where the provider offers no choice: the
    shape of a video that is extended, a resolution or a watermark nobody can set.
    `negative_prompt`, `seed` and `options` hold only what the caller gave; `options` are
    the provider's own fields, by the names of its wire.
    """

    model: str
    mode: Mode
    prompt: str | None
    seconds: int
    aspect_ratio: str | None = None
    resolution: str | None = None
    seed: int | None = None
    negative_prompt: str | None = None
    motion_mode: str | None = None
    remove_watermark: bool | None = None
    options: Mapping[str, OptionValue] = {}


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `submit` needs for one attempt at one account.

    `inputs` holds each picture or video in the provider's form (an upload reference or a
    URL), in the order the caller gave them. `callback_url` and `reference` are unique to
    the attempt: they are how a lost answer is found again.
    """

    account: Account
    spec: VideoSpec
    inputs: Mapping[Role, Sequence[str]]
    callback_url: str | None
    reference: str

    def input(self, role: Role) -> str | None:
        """The only input of a role, None where there is none."""
        return next(iter(self.inputs.get(role, ())), None)
