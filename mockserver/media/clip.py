"""What is to be seen in a film: everything that decides its bytes, and nothing else."""

import hashlib

import msgspec

from mockserver.directives import without_directives
from mockserver.engine.jobs import Job, Source


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """A film to be rendered; equal clips have equal bytes."""

    width: int
    height: int
    seconds: int
    caption: str
    sources: tuple[Source, ...] = ()

    @property
    def key(self) -> str:
        """A name for the content."""
        digest = hashlib.sha256()
        shape = (self.width, self.height, self.seconds, self.caption)
        digest.update(msgspec.json.encode(shape))
        for source in self.sources:
            content = source.url.encode() if source.data is None else source.data
            digest.update(f"{source.role} {source.data is None} {len(content)} ".encode())
            digest.update(content)
        return digest.hexdigest()


def clip_of(job: Job) -> Clip:
    """The film of a job that has completed."""
    order = job.order
    return Clip(
        width=order.width,
        height=order.height,
        seconds=order.seconds,
        caption=without_directives(order.prompt) or order.provider,
        sources=job.material,
    )
