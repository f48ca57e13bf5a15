"""Uploads at useapi.net: raw bodies, kept in memory (useapi.net: POST files)."""

import hashlib
from collections.abc import Collection

import msgspec

from mockserver.http import Request, Response, reply
from mockserver.settings import Settings
from mockserver.sniff import EXTENSIONS, image_type

FIRST_FILE_ID = 123_001
MAX_IMAGE_BYTES = 20 * 1024 * 1024
"""PixVerse's own limit for pictures (docs.platform.pixverse.ai: Upload image)."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One file that was accepted."""

    path: str
    name: str
    content_type: str
    data: bytes


class Files:
    """The uploads, usable from every account."""

    def __init__(self, emails: tuple[str, ...], settings: Settings) -> None:
        self._emails = emails
        self._settings = settings
        self._uploads: dict[str, Upload] = {}
        self._count = 0

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
        """`POST /files`: a raw image body; `email` may be left out with one account only.

        What the bytes are decides, not what the Content-Type says of them; it must name an image
        type all the same. Films and sound are documented too, but not kept by this mock.
        """
        if fault := self._fault(request):
            text, status = fault
            return reply({"error": text, "code": status}, status)
        content_type = image_type(request.body) or ""
        self._count += 1
        digest = hashlib.sha256(request.body + str(self._count).encode()).hexdigest()
        name = f"{digest[:8]}-{digest[8:12]}-{digest[12:24]}{EXTENSIONS[content_type]}"
        path = f"upload/{name}"
        data = request.body
        self._uploads[path] = Upload(path=path, name=name, content_type=content_type, data=data)
        origin = self._settings.public_url or request.origin
        result = {
            "id": FIRST_FILE_ID + self._count,
            "url": f"{origin}/media/{path}",
            "path": path,
            "size": len(data),
            "name": name,
            "category": 0,
            "err_msg": "",
        }
        return reply({"result": [result]})

    def _fault(self, request: Request) -> tuple[str, int] | None:
        email = request.query.get("email")
        if email is None and len(self._emails) > 1:
            return "Parameter email is required when several accounts are configured", 400
        if email is not None and email not in self._emails:
            return f"Account {email} is not configured.", 404
        if request.content_type not in EXTENSIONS:
            return f"Content-Type must be one of: {', '.join(EXTENSIONS)}", 400
        if image_type(request.body) is None:
            return "The request body is not an image", 400
        if len(request.body) > MAX_IMAGE_BYTES:
            return f"The image is larger than {MAX_IMAGE_BYTES} bytes", 400
        return None
