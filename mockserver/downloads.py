"""`/media`: films, stills and uploads, with `Range`, `HEAD` and `ETag`."""

import hashlib
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mockserver.engine.faults import Fault
from mockserver.engine.jobs import Job, Phase
from mockserver.injection import FILM, ordered, spoilt
from mockserver.lineage import placeless
from mockserver.magic.directives import without_directives
from mockserver.media.clip import Clip, Source
from mockserver.media.render import STILLS, MissingExtraError
from mockserver.wire.http import Request, Response, Route, reply

if TYPE_CHECKING:
    from mockserver.provider import Upload
    from mockserver.world import World

BASE_PATH = "/media"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_TAG = re.compile(r'"[^"]*"')
_NOTHING = {"error": "No such media, or not finished yet"}
NOT_YET = {"error": "The film is finished, but its files are not here yet"}
EXPIRED = {"error": "The link has expired"}


def cut(wanted: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a `Range`; None when it cannot be met (RFC 9110, 14.1.2).

    Raises:
        ValueError: it is no single byte range, so it is to be ignored.
    """
    found = _RANGE.fullmatch(wanted.strip())
    if found is None or found[0] == "bytes=-":
        raise ValueError(wanted)
    first, last = found[1], found[2]
    if not first:
        length = min(int(last), size)
        return (size - length, size - 1) if length else None
    if last and int(last) < int(first):
        raise ValueError(wanted)
    if int(first) >= size:
        return None
    return int(first), min(int(last) if last else size - 1, size - 1)


def known(etag: str, listed: str) -> bool:
    """Whether an `If-None-Match` names the tag, weakly or not (RFC 9110, 13.1.2)."""
    return listed.strip() == "*" or etag in _TAG.findall(listed)


def serve(data: bytes, content_type: str, request: Request, *, job: str | None = None) -> Response:
    """The bytes, or the part of them that was asked for."""
    digest = hashlib.sha256(data).hexdigest()
    etag = f'"{digest[:32]}"'
    headers = {"etag": etag, "accept-ranges": "bytes", "content-type": content_type}
    if known(etag, request.headers.get("if-none-match", "")):
        return Response(status=304, headers=headers, job=job)
    # A range is of a GET alone (RFC 9110, 14.2).
    wanted = request.headers.get("range") if request.method == "GET" else None
    if wanted is None or request.headers.get("if-range", etag) != etag:
        return Response(body=data, headers=headers, job=job, digest=digest)
    try:
        part = cut(wanted, len(data))
    except ValueError:
        return Response(body=data, headers=headers, job=job, digest=digest)
    if part is None:
        return Response(
            status=416, headers=headers | {"content-range": f"bytes */{len(data)}"}, job=job
        )
    first, last = part
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    body = data[first : last + 1]
    return Response(status=206, body=body, headers=headers, job=job, digest=digest)


def clip_of(job: Job, named: Callable[[str], str]) -> Clip:
    """The film of a job that has completed.

    Args:
        job: the job.
        named: how texts stand in the film, to which it must not matter where the mock is.
    """
    order = job.order
    return Clip(
        width=order.width,
        height=order.height,
        seconds=order.seconds,
        caption=named(without_directives(order.prompt) or order.provider),
        job=job.id,
        sources=tuple(
            Source(role=source.role, url=named(source.url), data=source.data)
            for source in job.material
        ),
    )


class Downloads:
    """The media of one world, by the names its providers give out."""

    def __init__(self, world: "World") -> None:
        self._world = world

    @classmethod
    def routes(cls) -> list[Route]:
        """The rows for the route table; media links need no key, as at the providers."""

        async def media(world: "World", request: Request) -> Response:
            return await world.downloads.media(request)

        async def upload(world: "World", request: Request) -> Response:
            return await world.downloads.upload(request)

        film = f"{BASE_PATH}/{{file}}"
        return [
            Route("GET", film, "media.download", media, act="download", job_param="file"),
            Route("GET", f"{BASE_PATH}/upload/{{file}}", "media.upload", upload),
        ]

    async def media(self, request: Request) -> Response:
        """A film or still of a job, 404 until the job has completed and once it is cleaned."""
        file = request.params["file"]
        job = self._job(file)
        if job is None:
            return reply(_NOTHING, 404)
        if (absent := self._absence(job)) is not None:
            return reply(absent, 404, job=job.id)
        try:
            made = partial(self._made, job, file, request.faults)
            data, content_type = await self._world.engine.tape.again(made)
        except MissingExtraError as cause:
            return reply({"error": str(cause)}, 501, job=job.id)
        data, content_type = spoilt(request.faults, data, content_type)
        return serve(data, content_type, request, job=job.id)

    async def upload(self, request: Request) -> Response:
        """An upload."""
        found = self._upload(request.params["file"])
        if found is None:
            return reply(_NOTHING, 404)
        return serve(found.data, found.content_type, request)

    def has(self, file: str) -> bool:
        """Whether a name below `/media/` is of this world, there already or not."""
        folder, _, name = file.rpartition("/")
        if folder:
            return self._upload(name) is not None
        return self._world.jobs.find(name.partition(".")[0]) is not None

    def _upload(self, name: str) -> "Upload | None":
        for kind in self._world.providers:
            found = self._world.provider(kind).upload_named(name)
            if found is not None:
                return found
        return None

    def _job(self, file: str) -> Job | None:
        name, _, kind = file.partition(".")
        job = self._world.jobs.find(name)
        known = kind == "mp4" or kind in STILLS
        if not known or job is None or job.cleaned or job.phase is not Phase.COMPLETED:
            return None
        return job

    def _absence(self, job: Job) -> dict[str, str] | None:
        """Why the files of a finished job cannot be had at this moment; None where they can."""
        settings = self._world.settings
        age = self._world.clock.now() - (job.ended_at or 0)
        if settings.link_seconds is not None and age > settings.link_seconds:
            return EXPIRED
        return NOT_YET if age < settings.file_seconds else None

    async def _made(self, job: Job, file: str, faults: Sequence[Fault] = ()) -> tuple[bytes, str]:
        kind, clip = file.partition(".")[2], clip_of(job, partial(placeless, own=self.has))
        if kind == "mp4":
            return await self._world.media.film(ordered(faults, clip)), FILM
        return await self._world.media.still(clip, kind), STILLS[kind][0]

    async def local(self, url: str) -> bytes | None:
        """The bytes behind one of this server's own links; None for any other URL.

        Own links are taken from memory: in process there is no socket to fetch them from.
        """
        parts = urlsplit(url)
        folder, _, file = parts.path.rpartition("/")
        own = tuple(f"{prefix}{BASE_PATH}" for prefix in self._world.prefixes)
        if folder.endswith(tuple(f"{one}/upload" for one in own)):
            found = self._upload(file)
            return None if found is None else found.data
        job = self._job(file)
        if not folder.endswith(own) or job is None or not url.startswith(job.order.origin):
            return None
        try:
            return (await self._made(job, file))[0]
        except MissingExtraError:
            return None
