"""Every error as one document that two kinds of reader understand.

RFC 9457 readers find `type`, `title`, `status`, `detail` and `instance`; OpenAI's clients
read `error`, whatever the content type. `errors` lists each fault of the request.
"""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from gateway.api.whole import Whole
from gateway.model.errors import (
    BadRequestError,
    CallerError,
    FieldFault,
    FilmgateError,
    InternalError,
    MethodNotAllowedError,
    NotFoundError,
    PreconditionFailedError,
    SlowBodyError,
    TooLargeError,
    UnauthorizedError,
    UnavailableError,
    UnsupportedTypeError,
)
from gateway.observe.requests import masked_path
from gateway.storage import StorageError, UncertainError

MEDIA_TYPE: Final = "application/problem+json"
TYPE_BASE: Final = "urn:filmgate:problem:"

_OF_STATUS: Final[dict[int, type[FilmgateError]]] = {
    cls.status: cls
    for cls in (
        BadRequestError,
        UnauthorizedError,
        NotFoundError,
        MethodNotAllowedError,
        SlowBodyError,
        PreconditionFailedError,
        TooLargeError,
        UnsupportedTypeError,
        UnavailableError,
    )
}

RETRY_AFTER: Final = "5"
"""Seconds, on every 503: databases come back, disks are cleared."""

NO_RETRY: Final[Mapping[str, str]] = MappingProxyType({"x-should-retry": "false"})
"""Keeps OpenAI's clients from trying again unasked."""

_log = structlog.get_logger()


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The member that OpenAI's clients read."""

    message: str
    type: str
    param: str | None
    code: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """The error document (`application/problem+json`)."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    errors: tuple[FieldFault, ...]
    error: ErrorBody


def problem(error: FilmgateError, instance: str) -> Problem:
    """The document for an error met at the path `instance`."""
    first = error.errors[0] if error.errors else None
    return Problem(
        type=TYPE_BASE + error.code,
        title=error.title,
        status=error.status,
        detail=error.detail,
        instance=instance,
        code=error.code,
        errors=error.errors,
        error=ErrorBody(
            message=_message(error),
            type="invalid_request_error" if isinstance(error, CallerError) else "server_error",
            param=_param(first.pointer) if first else None,
            code=error.code,
        ),
    )


def _message(error: FilmgateError) -> str:
    """All that OpenAI's clients show: the first fault, and that it is not the only one."""
    if not error.errors:
        return error.detail
    first, *others = error.errors
    words = f"{error.detail} {first.pointer}: {first.detail}"
    return f"{words} (and {len(others)} more, see errors)" if others else words


def _param(pointer: str) -> str | None:
    """A JSON pointer as OpenAI names a field: `metadata.lang`."""
    names = pointer.removeprefix("/").split("/")
    return ".".join(name.replace("~1", "/").replace("~0", "~") for name in names) or None


def encoded(error: FilmgateError, instance: str) -> bytes:
    """The document as JSON."""
    return msgspec.json.encode(problem(error, instance))


def render(request: Request[Any, Any, Any], error: FilmgateError) -> Response[bytes]:
    """Answer with the problem document."""
    headers = dict(error.headers)
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("retry-after", RETRY_AFTER)
    if error.status == HTTPStatus.CONFLICT and "retry-after" not in headers:
        # OpenAI's clients would ask again at once, which changes nothing.
        headers |= NO_RETRY
    return Whole(
        encoded(error, _instance(request)),
        status_code=error.status,
        media_type=MEDIA_TYPE,
        headers=headers,
    )


def _instance(request: Request[Any, Any, Any]) -> str:
    """The path, as a URI reference, without what is secret in it: a callback's token."""
    return quote(
        masked_path(str(request.scope["path"]))[:200], safe="/:@!$&'()*+,;=~", errors="replace"
    )


def _known(request: Request[Any, Any, Any], error: FilmgateError) -> Response[bytes]:
    return render(request, error)


def _framework(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """What Litestar found wrong, in our words: its own may quote the whole query string."""
    kind = _OF_STATUS.get(error.status_code)
    if kind is None:
        if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return _unexpected(request, error)
        kind = BadRequestError
    headers: Mapping[str, str] = error.headers or {}
    return render(request, kind(_words(kind, headers), headers=headers))


def _words(kind: type[FilmgateError], headers: Mapping[str, str]) -> str:
    if kind is NotFoundError:
        return "There is nothing at this path; /docs shows what there is."
    if kind is MethodNotAllowedError:
        allowed = next((value for name, value in headers.items() if name.lower() == "allow"), "")
        return f"This path takes {allowed}." if allowed else f"{kind.title}."
    return f"{kind.title}."


def _storage(request: Request[Any, Any, Any], error: StorageError) -> Response[bytes]:
    _log.error("the database is not usable", error=str(error))
    words, headers = "The database does not answer right now.", {}
    if isinstance(error, UncertainError):
        words = "The database went away: nobody knows whether this was done. Look before you ask."
        headers = dict(NO_RETRY)
    return render(request, UnavailableError(words, headers=headers))


def _unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    _log.error("unexpected error", exc_info=error)
    return render(
        request,
        InternalError(
            "Something went wrong on our side; the log has it by request id.",
            # Nobody knows how far it came: a second try might pay a second time.
            headers=NO_RETRY,
        ),
    )


HANDLERS: Final[ExceptionHandlersMap] = {
    FilmgateError: _known,
    HTTPException: _framework,
    StorageError: _storage,
    Exception: _unexpected,
}
