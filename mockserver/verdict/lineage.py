"""Which job started from what: uploads, last frames and films, followed by their content."""

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from mockserver.engine.jobs import Job, Phase, Role, Source
from mockserver.engine.journal import Exchange
from mockserver.verdict.history import History, is_ok

if TYPE_CHECKING:
    from mockserver.world import World

Origin = Literal["last frame", "film", "still", "upload", "elsewhere"]
"""What an input was: a file of another job, something uploaded, or something from elsewhere."""

_FILE = re.compile(r"/media/(?P<stem>[^./]+)\.(?P<kind>[a-z0-9.]+)$")
_STARTS: frozenset[Role] = frozenset({"first", "extend"})
_CHAINS: frozenset[Origin] = frozenset({"last frame", "film"})


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a job, and where it came from."""

    job: str
    role: Role
    origin: Origin
    source: str | None = None
    """The job whose file it was; None for anything else."""
    digest: str = ""
    """Of its content; empty where the world has not seen it."""
    url: str
    """How the request named it."""


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was uploaded, each time that it was."""

    digest: str
    requests: tuple[int, ...]


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """The graph: jobs in order of acceptance, their inputs, and the uploads."""

    jobs: tuple[str, ...]
    links: tuple[Link, ...]
    uploads: tuple[Uploaded, ...]

    def of(self, job: str) -> tuple[Link, ...]:
        """The inputs of a job."""
        return tuple(link for link in self.links if link.job == job)


def lineage(world: "World") -> Lineage:
    """Where every input of every job came from.

    A picture that was taken out of a film by the client is `elsewhere`, or an `upload`: content
    is compared byte by byte.
    """
    history = History(world)
    uploads = _uploads(history)
    files = _files(history)
    links = tuple(
        _link(history, files, uploads, job, source)
        for job in history.jobs.values()
        for source in job.order.sources
    )
    return Lineage(
        jobs=tuple(history.jobs),
        links=links,
        uploads=tuple(
            Uploaded(digest=digest, requests=tuple(numbers)) for digest, numbers in uploads.items()
        ),
    )


def _uploads(history: History) -> Mapping[str, Sequence[int]]:
    uploads: defaultdict[str, list[int]] = defaultdict(list)
    for line in history.requests:
        if line.act == "upload" and is_ok(line):
            uploads[hashlib.sha256(line.body).hexdigest()].append(line.n)
    return uploads


def _files(history: History) -> Mapping[str, tuple[Origin, str]]:
    """Files of jobs by their content, as far as they were downloaded whole."""
    return {
        line.reply_digest: (_kind_of(line), job)
        for job, lines in history.downloads.items()
        for line in lines
        if line.reply_digest and is_ok(line)
    }


def _kind_of(line: Exchange) -> Origin:
    found = _FILE.search(line.path)
    return _origin(found["kind"] if found else "")


def _origin(kind: str) -> Origin:
    if kind == "mp4":
        return "film"
    return "last frame" if kind.startswith("last.") else "still"


def _link(
    history: History,
    files: Mapping[str, tuple[Origin, str]],
    uploads: Mapping[str, Sequence[int]],
    job: Job,
    source: Source,
) -> Link:
    digest = history.content_of(source.url) or ""
    origin, of = _named(history, source.url) or files.get(digest) or (None, None)
    if origin is None:
        origin = "upload" if digest in uploads else "elsewhere"
    return Link(
        job=job.id, role=source.role, origin=origin, source=of, digest=digest, url=source.url
    )


def _named(history: History, url: str) -> tuple[Origin, str] | None:
    """The job and file that a media link of this world names."""
    found = _FILE.search(url)
    if found is None:
        return None
    job = history.job_of_file(found["stem"])
    return None if job is None else (_origin(found["kind"]), job.id)


def assert_chain(world: "World", segments: int) -> None:
    """Fails where the completed jobs are not that many, each starting from the one before.

    Args:
        world: where they were made.
        segments: how many there are to be.

    Raises:
        AssertionError: they are not; the text says what each started from instead.
    """
    history, graph = History(world), lineage(world)
    done = [job for job in history.jobs.values() if job.phase is Phase.COMPLETED]
    faults = [*_chain_faults(history, graph, done)]
    if len(done) != segments:
        faults.insert(0, f"{len(done)} segments were completed, expected {segments}")
    if faults:
        raise AssertionError("\n".join(faults))


def _chain_faults(history: History, graph: Lineage, done: Sequence[Job]) -> Iterator[str]:
    numbers = {job.id: at for at, job in enumerate(done, 1)}
    for at, job in enumerate(done[1:], 2):
        starts = [link for link in graph.of(job.id) if link.role in _STARTS]
        wanted = done[at - 2].id
        if any(link.source == wanted and link.origin in _CHAINS for link in starts):
            continue
        said = ", ".join(_started_from(link, numbers, history) for link in starts) or "nothing"
        yield f"segment {at} started from {said}, expected the end of segment {at - 1}"


def _started_from(link: Link, numbers: Mapping[str, int], history: History) -> str:
    if link.source is None:
        where = "an upload of unknown origin" if link.origin == "upload" else link.url
        return f"{where} ({link.role} frame)" if link.role != "extend" else where
    number = numbers.get(link.source)
    name = history.name(link.source) if number is None else f"segment {number}"
    return f"{name}'s {link.origin}"
