"""URLs of ours that a provider may use without an API key: signed, and only for a while."""

import hashlib
import hmac
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

EXTENSIONS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "image/png": ".png",
        "image/jpeg": ".jpg",
        "image/webp": ".webp",
        "image/gif": ".gif",
        "video/mp4": ".mp4",
        "video/quicktime": ".mov",
        "video/webm": ".webm",
    }
)
"""Providers judge a link by its path: some want a name that ends like the file it is."""


class Links(msgspec.Struct, frozen=True, kw_only=True):
    """Makes and checks links to kept pictures and films.

    `base` is the public URL of the gateway; `key` never leaves it.
    """

    base: str
    key: str

    def picture(self, digest: str, media_type: str, expires: int) -> str:
        """The URL of a picture or film, good until `expires` (seconds since 1970)."""
        return (
            f"{self.base}/v1/files/signed/{digest}{EXTENSIONS.get(media_type, '')}"
            f"?expires={expires}&signature={self._sign(digest, expires)}"
        )

    def good(self, digest: str, expires: int, signature: str, now: int) -> bool:
        """Whether a link carries our signature and has not expired (times in seconds)."""
        genuine = hmac.compare_digest(self._sign(digest, expires).encode(), signature.encode())
        return genuine and now <= expires

    def callback(self, provider: str, token: str) -> str:
        """The URL a provider calls about one attempt."""
        return f"{self.base}/callbacks/{provider}/{token}"

    def _sign(self, digest: str, expires: int) -> str:
        message = f"picture\n{digest}\n{expires}".encode()
        return hmac.new(self.key.encode(), message, hashlib.sha256).hexdigest()
