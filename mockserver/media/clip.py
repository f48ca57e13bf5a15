"""What is to be seen in a film: everything that decides its bytes, and nothing else."""

import hashlib
from typing import Final, Literal

import msgspec

FPS: Final = 2
"""Enough to see a film move; a test pays for every picture."""

Role = Literal["first", "last", "reference", "extend"]


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """A picture or film that a film is made from: bytes, or a URL where these could not be had."""

    role: Role
    url: str = ""
    data: bytes | None = None


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """A film to be rendered; equal clips have equal bytes."""

    width: int
    height: int
    seconds: float
    caption: str
    job: str = ""
    """Whose film it is; empty when it is nobody's."""
    sources: tuple[Source, ...] = ()
    segment: int = 0
    """Its place in the longer film it is a part of."""

    @property
    def pictures(self) -> int:
        """How many pictures it has."""
        return max(1, round(self.seconds * FPS))

    @property
    def prompt(self) -> str:
        """A short name for the caption."""
        return hashlib.sha256(self.caption.encode()).hexdigest()[:8]

    @property
    def key(self) -> str:
        """A name for the content."""
        digest = hashlib.sha256()
        shape = (self.width, self.height, float(self.seconds), self.segment)
        digest.update(msgspec.json.encode((shape, self.caption, self.job)))
        for source in self.sources:
            content = source.url.encode() if source.data is None else source.data
            digest.update(f"{source.role} {source.data is None} {len(content)} ".encode())
            digest.update(content)
        return digest.hexdigest()
