"""Query parameters: only those a route declares, each at most as often as it may be."""

import re
from collections.abc import Sequence
from typing import Any, Final

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from gateway.api.operation import Operation, Parameter
from gateway.model.errors import BadRequestError, FieldFault
from gateway.model.reading import either, nearest, shown, step

MAX_LIMIT: Final = 100
DEFAULT_LIMIT: Final = 20
_MAX_TOLD: Final = 20
_ID: Final = "[A-Za-z0-9_-]{1,64}"

AFTER: Final = Parameter(
    name="after",
    where="query",
    meaning="The last id of the page before.",
    required=False,
    schema={"type": "string", "pattern": f"^{_ID}$"},
)
LIMIT: Final = Parameter(
    name="limit",
    where="query",
    meaning="How many to answer with.",
    required=False,
    schema={"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
)
ORDER: Final = Parameter(
    name="order",
    where="query",
    meaning="By the time they were made: `desc` has the newest first.",
    required=False,
    schema={"type": "string", "enum": ["asc", "desc"], "default": "desc"},
)
PAGING: Final = (AFTER, LIMIT, ORDER)


def known_query(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
    """Refuse what a route does not know: a typo is not silently ignored.

    Raises:
        BadRequestError: A parameter is unknown, or given too often.
    """
    if not connection.scope["query_string"]:
        return
    operation = handler.opt.get("operation")
    if not isinstance(operation, Operation) or operation.any_query:
        return
    known = {one.name: one for one in operation.parameters if one.where == "query"}
    given = list(dict.fromkeys(connection.query_params.keys()))
    faults = [_unknown(name, list(known)) for name in given if name not in known]
    faults += [
        FieldFault(pointer=f"/{name}", code="repeated", detail="may be given only once")
        for name in given
        if name in known
        and known[name].schema.get("type") != "array"
        and len(connection.query_params.getall(name)) > 1
    ]
    if faults:
        raise BadRequestError("The query cannot be understood.", errors=faults[:_MAX_TOLD])


def _unknown(name: str, known: Sequence[str]) -> FieldFault:
    near, told = nearest(name, known), shown(name)
    return FieldFault(
        pointer=step("", told),
        code="unknown_parameter",
        detail=f"there is no query parameter {told!r} here"
        + (f"; did you mean {near!r}?" if near else ""),
        allowed=tuple(known),
        nearest=near,
    )


def read_limit(request: Request[Any, Any, Any]) -> int:
    """How many items are asked for.

    Raises:
        BadRequestError: It is no number, or out of range.
    """
    text = request.query_params.get("limit")
    if text is None:
        return DEFAULT_LIMIT
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):  # noqa: PLR2004
        raise _refused("limit", "wrong_type", f"takes a whole number from 1 to {MAX_LIMIT}")
    if not 1 <= int(text) <= MAX_LIMIT:
        near = min(max(int(text), 1), MAX_LIMIT)
        words = f"takes 1 to {MAX_LIMIT}, not {int(text)}"
        raise _refused("limit", "out_of_range", words, near=near)
    return int(text)


def ascending(request: Request[Any, Any, Any]) -> bool:
    """Whether the oldest come first.

    Raises:
        BadRequestError: The order is neither word.
    """
    return read_word(request, "order", ("asc", "desc"), "desc") == "asc"


def read_after(request: Request[Any, Any, Any]) -> str | None:
    """The id that the page begins behind.

    Raises:
        BadRequestError: No id has this form.
    """
    text: str | None = request.query_params.get("after")
    if text is not None and re.fullmatch(_ID, text) is None:
        raise _refused("after", "unsupported_value", "takes the last_id of the page before")
    return text


def read_words(
    request: Request[Any, Any, Any], name: str, allowed: Sequence[str]
) -> tuple[str, ...]:
    """The words of a list, repeated or with commas, each once; empty where there are none.

    Raises:
        BadRequestError: One is none of those allowed.
    """
    given = [
        word
        for text in request.query_params.getall(name, [])
        for word in (part.strip() for part in text.split(","))
    ]
    for word in given:
        if word not in allowed:
            raise _unlisted(name, word, allowed)
    return tuple(dict.fromkeys(given))


def read_word(
    request: Request[Any, Any, Any], name: str, allowed: Sequence[str], default: str
) -> str:
    """One word of those allowed.

    Raises:
        BadRequestError: It is none of them.
    """
    text: str = request.query_params.get(name, default)
    if text in allowed:
        return text
    raise _unlisted(name, text, allowed)


def _unlisted(name: str, word: str, allowed: Sequence[str]) -> BadRequestError:
    near = nearest(word, allowed, cutoff=0.4)
    return _refused(
        name, "unsupported_value", f"takes {either(allowed)}", allowed=allowed, near=near
    )


def _refused(
    name: str,
    code: str,
    words: str,
    *,
    allowed: Sequence[str] = (),
    near: str | int | None = None,
) -> BadRequestError:
    fault = FieldFault(
        pointer=f"/{name}", code=code, detail=words, allowed=tuple(allowed), nearest=near
    )
    return BadRequestError(f"The query parameter {name!r} cannot be used.", errors=[fault])
