"""Query parameters: only those a route declares, as it declares them; all faults are told."""

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
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
    """Refuse what a route does not take: a typo is not silently ignored.

    Whatever reads the query afterwards can rely on the schemas of its parameters.

    Raises:
        BadRequestError: Parameters are unknown, given too often, or have values that they do
            not take.
    """
    if not connection.scope["query_string"]:
        return
    operation = handler.opt.get("operation")
    if not isinstance(operation, Operation) or operation.any_query:
        return
    known = {one.name: one for one in operation.parameters if one.where == "query"}
    # In the order of the query, which the framework's own `dict()` loses.
    given = {name: connection.query_params.getall(name) for name in connection.query_params}
    faults = list(islice(_faults(known, given), _MAX_TOLD))
    if faults:
        raise BadRequestError("The query cannot be understood.", errors=faults)


def read_limit(request: Request[Any, Any, Any]) -> int:
    """How many items are asked for."""
    return int(request.query_params.get("limit", DEFAULT_LIMIT))


def ascending(request: Request[Any, Any, Any]) -> bool:
    """Whether the oldest come first."""
    return read_word(request, "order", "desc") == "asc"


def read_after(request: Request[Any, Any, Any]) -> str | None:
    """The id that the page begins behind."""
    text: str | None = request.query_params.get("after")
    return text


def read_words(request: Request[Any, Any, Any], name: str) -> tuple[str, ...]:
    """The words of a list, each once; empty where there are none."""
    return _words(request.query_params.getall(name, []))


def read_word(request: Request[Any, Any, Any], name: str, default: str) -> str:
    """One word."""
    text: str = request.query_params.get(name, default)
    return text


def _faults(known: Mapping[str, Parameter], given: Mapping[str, list[str]]) -> Iterator[FieldFault]:
    """What is wrong with each parameter, one after the other as they are asked for."""
    for name, texts in given.items():
        if name not in known:
            yield _unknown(name, list(known))
        elif known[name].schema["type"] == "array":
            allowed = known[name].schema["items"]["enum"]
            yield from (
                _unlisted(name, one, allowed) for one in _words(texts) if one not in allowed
            )
        elif len(texts) > 1:
            yield _fault(name, "repeated", "may be given only once")
        else:
            yield from _wrong(known[name], texts[0])


def _words(texts: Sequence[str]) -> tuple[str, ...]:
    """The words of a list, repeated or with commas."""
    return tuple(dict.fromkeys(word.strip() for text in texts for word in text.split(",")))


def _unknown(name: str, known: Sequence[str]) -> FieldFault:
    near, told = nearest(name, known), shown(name)
    words = f"there is no query parameter {told!r} here"
    words += f"; did you mean {near!r}?" if near else ""
    return _fault(told, "unknown_parameter", words, allowed=known, near=near)


def _wrong(parameter: Parameter, text: str) -> Iterator[FieldFault]:
    """What its schema says against a single value."""
    name, schema = parameter.name, parameter.schema
    if schema["type"] == "integer":
        yield from _out_of_range(name, text, schema["minimum"], schema["maximum"])
    elif "enum" in schema and text not in schema["enum"]:
        yield _unlisted(name, text, schema["enum"])
    elif "pattern" in schema and re.fullmatch(schema["pattern"], text) is None:
        words = f"must look like {schema['pattern']}: {parameter.meaning}"
        yield _fault(name, "unsupported_value", words)


def _out_of_range(name: str, text: str, least: int, most: int) -> Iterator[FieldFault]:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):  # noqa: PLR2004
        yield _fault(name, "wrong_type", f"takes a whole number from {least} to {most}")
    elif not least <= int(text) <= most:
        words = f"takes {least} to {most}, not {int(text)}"
        yield _fault(name, "out_of_range", words, near=min(max(int(text), least), most))


def _unlisted(name: str, word: str, allowed: Sequence[str]) -> FieldFault:
    words = f"takes {either(allowed)}, not {shown(word)!r}"
    near = nearest(word, allowed, cutoff=0.4)
    return _fault(name, "unsupported_value", words, allowed=allowed, near=near)


def _fault(
    name: str,
    code: str,
    words: str,
    *,
    allowed: Sequence[str] = (),
    near: str | int | None = None,
) -> FieldFault:
    return FieldFault(
        pointer=step("", name), code=code, detail=words, allowed=tuple(allowed), nearest=near
    )
