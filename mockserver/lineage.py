"""What a submit asks for, as a digest: the same for a repeat of the same wish."""

import hashlib
import re
from collections.abc import Callable, Collection
from typing import Any

import msgspec

from mockserver.wire.bodies import json_object
from mockserver.wire.forms import MULTIPART, FormError, parts_of
from mockserver.wire.http import Request

LENGTH = 12
"""Characters of a key."""

Own = Callable[[str], bool]
"""Whether a file below `/media/` is of this world."""
_LINK = re.compile(
    r"https?://[^\s\"'<>\\?#,]{1,300}?/media/((?:upload/)?[\w.-]*\w)", re.ASCII | re.IGNORECASE
)


def digest(*parts: object) -> str:
    """A short name for something."""
    text = "\0".join(map(str, parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]


def placeless(text: str, own: Own) -> str:
    """The text with links to the world's own media as they are wherever the mock is reached."""
    return _LINK.sub(lambda link: f"/media/{link[1]}" if own(link[1]) else link[0], text)


def intent_of(
    provider: str, operation: str, request: Request, volatile: Collection[str], own: Own
) -> str:
    """A digest of the fields that say what is wanted; of the bytes where there are no fields."""
    fields: dict[str, Any] | None = None
    try:
        if request.content_type == MULTIPART:
            fields = dict(parts_of(request))
        else:
            fields = dict(json_object(request.body))
    except (ValueError, FormError):
        pass
    if fields is None:
        return digest(provider, operation, hashlib.sha256(request.body).hexdigest())
    kept = {name: value for name, value in fields.items() if name not in volatile}
    # A film that goes on where another ended is the same film at any port.
    text = placeless(msgspec.json.encode(kept, order="sorted").decode(), own)
    return digest(provider, operation, text.encode().hex())
