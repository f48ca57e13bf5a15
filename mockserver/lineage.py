"""What a submit asks for, as a digest: the same for a repeat of the same wish."""

import hashlib
from collections.abc import Collection
from typing import Any

import msgspec

from mockserver.wire.bodies import json_object
from mockserver.wire.forms import MULTIPART, FormError, parts_of
from mockserver.wire.http import Request

LENGTH = 12
"""Characters of a key."""


def digest(*parts: object) -> str:
    """A short name for something."""
    text = "\0".join(map(str, parts))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:LENGTH]


def intent_of(provider: str, operation: str, request: Request, volatile: Collection[str]) -> str:
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
    return digest(provider, operation, msgspec.json.encode(kept, order="sorted").hex())
