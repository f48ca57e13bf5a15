"""`/media`: films, stills and uploads, with `Range`, `HEAD` and `ETag`."""

import hashlib
import re
from urllib.parse import urlsplit

from mockserver.engine.core import Engine
from mockserver.engine.jobs import Job, Phase
from mockserver.http import Request, Response, Route, reply
from mockserver.media.clip import clip_of
from mockserver.media.render import STILLS, MissingExtraError
from mockserver.media.store import MediaStore
from mockserver.pixverse_files import Files

BASE_PATH = "/media"
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_NOTHING = {"error": "No such media, or not finished yet"}


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


def serve(data: bytes, content_type: str, request: Request, *, job: str | None = None) -> Response:
    """The bytes, or the part of them that was asked for."""
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"etag": etag, "accept-ranges": "bytes", "content-type": content_type}
    if request.headers.get("if-none-match") in {etag, "*"}:
        return Response(status=304, headers=headers, job=job)
    wanted = request.headers.get("range")
    if wanted is None or request.headers.get("if-range", etag) != etag:
        return Response(body=data, headers=headers, job=job)
    try:
        part = cut(wanted, len(data))
    except ValueError:
        return Response(body=data, headers=headers, job=job)
    if part is None:
        return Response(
            status=416, headers=headers | {"content-range": f"bytes */{len(data)}"}, job=job
        )
    first, last = part
    headers["content-range"] = f"bytes {first}-{last}/{len(data)}"
    return Response(status=206, body=data[first : last + 1], headers=headers, job=job)


class Downloads:
    """The media of one mock server, by the names its providers give out."""

    def __init__(self, engine: Engine, files: Files, store: MediaStore) -> None:
        self._engine = engine
        self._files = files
        self._store = store

    def routes(self) -> list[Route]:
        """The rows for the route table; media links need no key, as at the providers."""
        return [
            Route("GET", f"{BASE_PATH}/{{file}}", "media.download", self.media),
            Route("GET", f"{BASE_PATH}/upload/{{file}}", "media.upload", self.upload),
        ]

    async def media(self, request: Request) -> Response:
        """A film or still of a job, 404 until the job has completed and once it is cleaned."""
        file = request.params["file"]
        job = self._job(file)
        if job is None:
            return reply(_NOTHING, 404)
        try:
            data, content_type = await self._made(job, file)
        except MissingExtraError as cause:
            return reply({"error": str(cause)}, 501, job=job.id)
        return serve(data, content_type, request, job=job.id)

    async def upload(self, request: Request) -> Response:
        """An upload."""
        found = self._files.named(request.params["file"])
        if found is None:
            return reply(_NOTHING, 404)
        return serve(found.data, found.content_type, request)

    def _job(self, file: str) -> Job | None:
        name, _, kind = file.partition(".")
        job = self._engine.jobs.named(name)
        known = kind == "mp4" or kind in STILLS
        if not known or job is None or job.cleaned or job.phase is not Phase.COMPLETED:
            return None
        return job

    async def _made(self, job: Job, file: str) -> tuple[bytes, str]:
        kind = file.partition(".")[2]
        if kind == "mp4":
            return await self._store.film(clip_of(job)), "video/mp4"
        return await self._store.still(clip_of(job), kind), STILLS[kind][0]

    async def local(self, url: str) -> bytes | None:
        """The bytes behind one of this server's own links; None for any other URL.

        Own links are taken from memory: in process there is no socket to fetch them from.
        """
        parts = urlsplit(url)
        folder, _, file = parts.path.rpartition("/")
        if folder == f"{BASE_PATH}/upload":
            found = self._files.named(file)
            return None if found is None else found.data
        job = self._job(file)
        if folder != BASE_PATH or job is None or not url.startswith(job.order.origin):
            return None
        try:
            return (await self._made(job, file))[0]
        except MissingExtraError:
            return None
