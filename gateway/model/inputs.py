"""Pictures and videos that a video is made from, in every form a caller may give them."""

from typing import Literal, TypeAlias

import msgspec

from providers.contract import Role

Which: TypeAlias = Literal["first", "last"]


class UrlInput(msgspec.Struct, frozen=True, tag="url", tag_field="kind"):
    """Behind the caller's own URL."""

    url: str


class StoredInput(msgspec.Struct, frozen=True, tag="stored", tag_field="kind"):
    """Kept by the gateway, by the SHA-256 of its bytes; `file_id` where it was uploaded."""

    digest: str
    media_type: str
    file_id: str | None = None


class InlineInput(msgspec.Struct, frozen=True, tag="inline", tag_field="kind"):
    """Came inside the request, not stored yet."""

    content: bytes


class FileInput(msgspec.Struct, frozen=True, tag="file", tag_field="kind"):
    """Uploaded before, not looked up yet."""

    file_id: str


class FrameInput(msgspec.Struct, frozen=True, tag="frame", tag_field="kind"):
    """A frame of another video of the caller's, finished or not."""

    video: str
    frame: Which


class VideoInput(msgspec.Struct, frozen=True, tag="video", tag_field="kind"):
    """Another video of the caller's, whole, finished or not."""

    video: str


Input: TypeAlias = UrlInput | StoredInput | InlineInput | FileInput | FrameInput | VideoInput


class Given(msgspec.Struct, frozen=True):
    """One input of a request: what it is for, its place in a list (if it is one), itself."""

    role: Role
    index: int | None
    value: Input

    @property
    def pointer(self) -> str:
        """Where it stands in the request, as a JSON pointer."""
        return f"/{self.role.value}" + ("" if self.index is None else f"/{self.index}")

    @property
    def source(self) -> str | None:
        """The id of the video it is taken from, None where it is from none."""
        return self.value.video if isinstance(self.value, FrameInput | VideoInput) else None
