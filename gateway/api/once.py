"""Repetitions: what tells that a request was sent before, so that nothing is made twice.

A caller may give a request a name of its own (`Idempotency-Key`); OpenAI's clients say of a
second try that it is one. Either way the body decides whether it is the same request.
"""

import hashlib
import json
import re
from collections.abc import Callable
from typing import Any, Final

from litestar import Request

from gateway.api.operation import Parameter
from gateway.engine.intake import ABSORBED, Once
from gateway.model.clock import SECOND
from gateway.model.errors import BadRequestError, FieldFault
from gateway.model.reading import Upload

KEY: Final = "Idempotency-Key"
MAX_KEY: Final = 255
RETRIES: Final = "x-stainless-retry-count"
"""In which OpenAI's clients count the tries before this one."""
PATIENCE: Final = "x-stainless-read-timeout"
"""In which they say how many seconds they wait for an answer."""
PAUSE: Final = 10
"""Seconds: more than they pause between two tries."""
LONGEST: Final = 3600
"""Seconds: no repetition is of a request before that."""
REPLAYED: Final = "Idempotency-Replayed"

_KEY: Final = re.compile(rf"[!-~]{{1,{MAX_KEY}}}")
_COUNT: Final = re.compile(r"[0-9]{1,9}")

IDEMPOTENCY_KEY: Final = Parameter(
    name=KEY,
    where="header",
    meaning="A name of yours for this request. Sent again with the same body it answers the "
    "first job as it stands, whenever that is, and makes no other; with another body it is "
    "refused (422). It is bound with the job: a request that was refused binds nothing.",
    required=False,
    schema={"type": "string", "pattern": "^[!-~]+$", "minLength": 1, "maxLength": MAX_KEY},
)


def once_of(request: Request[Any, Any, Any], now: int) -> Once:
    """What the head says of repetitions; the fingerprint is still to come.

    Args:
        request: The HTTP request, of which the body was not read yet.
        now: When its head arrived.

    Raises:
        BadRequestError: The key is none.
    """
    keys = [line.strip(" \t") for line in request.headers.getall(KEY, [])]
    if len(keys) > 1 or not all(map(_KEY.fullmatch, keys)):
        words = f"takes one word of 1 to {MAX_KEY} visible ASCII characters"
        fault = FieldFault(pointer=f"/{KEY}", code="bad_word", detail=words)
        raise BadRequestError(f"The header {KEY} cannot be used.", errors=[fault])
    tries = _number(request, RETRIES)
    return Once(
        fingerprint="",
        key=keys[0] if keys else None,
        retried=tries > 0,
        within=_within(tries, request.headers.get(PATIENCE, "")),
        came_at=now,
    )


def _within(tries: int, patience: str) -> int:
    """How long ago the first of so many tries may have been sent, in microseconds.

    A client that hears nothing repeats itself when its own patience (seconds) is over.
    """
    whole = patience.strip(" \t").partition(".")[0]
    seconds = int(whole) if _COUNT.fullmatch(whole) else 0
    return max(ABSORBED, min(tries * (seconds + PAUSE), LONGEST) * SECOND)


def _number(request: Request[Any, Any, Any], header: str) -> int:
    """A header's whole number; 0 where it is none."""
    told = request.headers.get(header, "").strip(" \t")
    return int(told) if _COUNT.fullmatch(told) else 0


def fingerprint(request: Request[Any, Any, Any], body: object) -> str:
    """The SHA-256 of method, route and body as they were sent, in hex; large ones take a while.

    No default is filled in, so that a new default makes no old request another one. The order
    of members, blanks and the boundary of a form make no difference; a file is its bytes,
    whatever its name.
    """
    hashed = hashlib.sha256()
    _take([request.method, request.scope["path_template"], body], hashed.update)
    return hashed.hexdigest()


def _take(value: object, take: Callable[[bytes], None]) -> None:
    """Hand out a value so that no two have the same bytes: each part says how long it is."""
    match value:
        case dict():
            take(b"{%d:" % len(value))
            for name in sorted(value):
                _take(name, take)
                _take(value[name], take)
        case list():
            take(b"[%d:" % len(value))
            for item in value:
                _take(item, take)
        case str():
            text = value.encode("utf-8", "surrogatepass")
            take(b"s%d:" % len(text))
            take(text)
        case Upload():
            take(b"f%d:" % len(value.content))
            take(value.content)
        case _:
            take(b"%b," % json.dumps(value).encode())
