"""What a submit asks for: its fields, and a digest by which repeats of one wish are known.

Two requests ask for the same when they differ in nothing but what a repeat may change (callback
URL, reference, account) and in where their inputs lie: a picture that was uploaded anew has
another path, but the same bytes.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from mockserver.engine.journal import Exchange
from mockserver.pictory.rules import EXCLUSIVE
from mockserver.pixverse.rules import ENDPOINTS
from mockserver.wire.bodies import json_object
from mockserver.wire.forms import MULTIPART, FormError, parts_of
from mockserver.wire.http import Request

ACCOUNT_FIELDS: Mapping[str, str] = {"pixverse": "email"}
"""The field that names the account to use, where a provider has several."""

EXCLUSIVES: Mapping[str, tuple[str, ...]] = {
    "pictory.generate_video": tuple(EXCLUSIVE),
    **{f"pixverse.{row.operation}": row.exactly_one for row in ENDPOINTS if row.exactly_one},
}
"""Fields of which a request holds one at most, by operation."""

_BOUNDARY = re.compile(r'boundary="?([^";,]+)', re.IGNORECASE)

ContentOf = Callable[[str], str | None]
"""The digest of what lies behind a path or URL; None where that is not known."""


def fields_of(line: Exchange) -> Mapping[str, Any]:
    """The fields of a request as they were sent; none where its body cannot be read."""
    headers = dict(line.headers)
    request = Request(
        method=line.method, path=line.path, query={}, headers=headers, body=line.body, origin=""
    )
    try:
        if request.content_type == MULTIPART:
            return parts_of(request)
        return json_object(line.body)
    except (ValueError, FormError):
        return {}


def content_type(line: Exchange) -> str:
    """The media type of a request's body, without parameters."""
    return line.headers.get("content-type", "").partition(";")[0].strip().lower()


def body_of(line: Exchange) -> bytes:
    """A request's body without the boundary, which is another one each time."""
    boundary = _BOUNDARY.search(line.headers.get("content-type", ""))
    return line.body if boundary is None else line.body.replace(boundary[1].encode(), b"")


def wish_of(line: Exchange, volatile: frozenset[str], content_of: ContentOf) -> str:
    """A digest of what a request asks for."""
    fields = fields_of(line)
    kept = {
        name: _with_contents(value, content_of)
        for name, value in fields.items()
        if name not in volatile
    }
    told: object = kept or hashlib.sha256(line.body).hexdigest()
    encoded = msgspec.json.encode([line.provider, line.operation, told], order="sorted")
    return hashlib.sha256(encoded).hexdigest()


def _with_contents(value: Any, content_of: ContentOf) -> Any:
    if isinstance(value, str):
        return content_of(value) or value
    if isinstance(value, list):
        return [_with_contents(each, content_of) for each in value]
    return value


def account_of(line: Exchange) -> str | None:
    """The account that a request names; None where it leaves the choice to the provider."""
    field = ACCOUNT_FIELDS.get(line.provider)
    value = fields_of(line).get(field) if field else None
    return value if isinstance(value, str) and value else None
