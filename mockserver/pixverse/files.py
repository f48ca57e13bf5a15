"""Uploads at useapi.net: raw bodies, kept in memory (useapi.net: POST files)."""

import hashlib
from collections.abc import Collection

from mockserver.engine.core import Engine
from mockserver.pixverse.accounts import Accounts
from mockserver.pixverse.answers import uploaded_media, uploaded_picture
from mockserver.pixverse.rules import NAME
from mockserver.provider import Upload
from mockserver.wire.http import Request, Response, reply
from mockserver.wire.sniff import EXTENSIONS, IMAGES, media_type, picture_size

FIRST_FILE_ID = 123_000
FILE_IDS = 999_876_000
"""How many ids an upload may have (invented)."""
MAX_IMAGE_BYTES = 20 * 1024 * 1024
"""PixVerse's own limit for pictures: they must be smaller (docs.platform.pixverse.ai: Upload
image)."""
MAX_IMAGE_SIDE = 4000
"""Pixels, of the same page."""


def upload_fault(content_type: str, data: bytes) -> str | None:
    """Why a body is not taken; None when it is.

    What the bytes are decides, not what the Content-Type says of them; it must name a type that
    is taken all the same.
    """
    if content_type not in EXTENSIONS:
        return f"Content-Type must be one of: {', '.join(EXTENSIONS)}"
    if not data:
        return "The request body is empty"
    kind = media_type(data)
    if kind is None:
        return "The request body is not an image, video or sound of a type that is taken"
    return picture_fault(data) if kind in IMAGES else None


def picture_fault(data: bytes) -> str | None:
    """Why a picture is not taken; None when it is, or when its size cannot be told."""
    if len(data) >= MAX_IMAGE_BYTES:
        return f"The image must be smaller than {MAX_IMAGE_BYTES} bytes"
    if max(picture_size(data) or (0, 0)) > MAX_IMAGE_SIDE:
        return f"The image must not be larger than {MAX_IMAGE_SIDE} pixels a side"
    return None


class Files:
    """The uploads, usable from every account."""

    def __init__(self, engine: Engine, accounts: Accounts) -> None:
        self._engine = engine
        self._accounts = accounts
        self._uploads: dict[str, Upload] = {}

    def fork(self, engine: Engine, accounts: Accounts) -> "Files":
        """The same uploads in another world."""
        files = Files(engine, accounts)
        files._uploads = self._uploads.copy()
        return files

    @property
    def paths(self) -> Collection[str]:
        """What create requests may name."""
        return self._uploads.keys()

    def data(self, path: str) -> bytes:
        """The bytes of an upload."""
        return self._uploads[path].data

    def named(self, name: str) -> Upload | None:
        """The upload a media link names."""
        return self._uploads.get(f"upload/{name}")

    async def upload(self, request: Request) -> Response:
        """`POST /files`: a raw body; `email` may be left out with one account only."""
        if fault := self._fault(request):
            text, status = fault
            return reply({"error": text, "code": status}, status)
        data = request.body
        kind = media_type(data) or ""
        content = hashlib.sha256(data).hexdigest()
        count = self._engine.occurrence(NAME, "upload", content)
        digest = hashlib.sha256(f"{content} {count}".encode()).hexdigest()
        name = f"{digest[:8]}-{digest[8:12]}-{digest[12:24]}{EXTENSIONS[kind]}"
        path = f"upload/{name}"
        self._uploads[path] = Upload(path=path, name=name, content_type=kind, data=data)
        origin = self._engine.settings.public_url or request.origin
        origin += self._engine.host.prefix
        if kind in IMAGES:
            number = FIRST_FILE_ID + int(digest[24:], 16) % FILE_IDS
            return reply(uploaded_picture(number, path, name, len(data), origin))
        return reply(uploaded_media(path, origin))

    def _fault(self, request: Request) -> tuple[str, int] | None:
        email = request.query.get("email")
        if email is None and len(self._accounts.emails) > 1:
            return "Parameter email is required when several accounts are configured", 400
        if email is not None and email not in self._accounts.emails:
            return f"Account {email} is not configured.", 404
        fault = upload_fault(request.content_type, request.body)
        return None if fault is None else (fault, 400)
