"""Small JSON bodies of a few texts, such as the reason for something."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from litestar import Request

from gateway.api.body import JSON, check_coding, decode, media_type, read_body, wrong_type
from gateway.model.errors import InvalidError
from gateway.model.reading import Reading, kind, text, unknown

MAX_BODY: Final = 32 * 1024


class NoBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing: an empty object, or no body at all."""


async def read_texts(
    request: Request[Any, Any, Any], longest: Mapping[str, int], *, required: Sequence[str] = ()
) -> dict[str, str]:
    """The texts in the body, those that are there; no body at all is an empty one.

    Args:
        request: The HTTP request.
        longest: By name, how many characters it may have.
        required: Which of them must be there.

    Raises:
        InvalidError: With everything that is wrong with them.
        CallerError: The body cannot be read.
    """
    check_coding(request)
    content = await read_body(request)
    if content and media_type(request) != JSON:
        raise wrong_type(media_type(request), JSON)
    body = decode(content) if content else {}
    reading = Reading(lambda _: False)
    found: dict[str, str] = {}
    if isinstance(body, dict):
        unknown(body, "", reading, list(longest))
        for name, most in longest.items():
            raw = body.get(name)
            if raw is not None:
                found[name] = text(raw, f"/{name}", reading, longest=most) or ""
            elif name in required:
                reading.note(f"/{name}", "required", f"{name} is missing")
    else:
        reading.note("", "wrong_type", f"expected a JSON object, got {kind(body)}")
    if reading.faults:
        raise InvalidError("The body cannot be used.", errors=reading.faults)
    return found
