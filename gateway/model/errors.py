"""Every error a client can meet, as one tree split by whose fault it is.

    FilmgateError
        CallerError           the request can be mended by whoever sent it (4xx)
            BadJsonError, InvalidError, UnauthorizedError, NotFoundError, ...
        GatewayFaultError     ours (5xx); the detail says nothing of the inside
            InternalError, UnavailableError

A class carries the stable `code`, the HTTP status and the title; `gateway.api.problems`
renders any of them as one document (RFC 9457 and the shape OpenAI clients read).
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar

import msgspec


class FieldFault(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong with one place in a request body.

    `pointer` is a JSON pointer (RFC 6901); `allowed` and `nearest` help to mend it;
    `target` names the model for which it is wrong, where that is not every one.
    """

    pointer: str
    code: str
    detail: str
    allowed: tuple[str | int, ...] = ()
    nearest: str | int | None = None
    target: str | None = None


class FilmgateError(Exception):
    """The base of all errors that reach a client."""

    code: ClassVar[str]
    status: ClassVar[int]
    title: ClassVar[str]

    def __init__(
        self,
        detail: str,
        *,
        errors: Sequence[FieldFault] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = tuple(errors)
        self.headers = dict(headers or {})


class CallerError(FilmgateError):
    """The request has to change before it can succeed."""


class BadJsonError(CallerError):
    """The body is not a JSON object that can be read."""

    code = "invalid_json"
    status = 400
    title = "The body is not readable JSON"


class BadRequestError(CallerError):
    """A path, query or header value is not what the route takes."""

    code = "bad_request"
    status = 400
    title = "The request is malformed"


class UnauthorizedError(CallerError):
    """No API key, or one that is not configured."""

    code = "unauthorized"
    status = 401
    title = "A valid API key is needed"


class NotFoundError(CallerError):
    """Nothing here under that name, for this caller."""

    code = "not_found"
    status = 404
    title = "Not found"


class MethodNotAllowedError(CallerError):
    """The path exists, but not with this method."""

    code = "method_not_allowed"
    status = 405
    title = "Method not allowed"


class SlowBodyError(CallerError):
    """The body did not arrive in time."""

    code = "request_timeout"
    status = 408
    title = "The request took too long to arrive"


class NotReadyError(CallerError):
    """The video has no content (yet)."""

    code = "not_ready"
    status = 409
    title = "The video is not finished"


class NotFinishedError(CallerError):
    """The video is still being made, so it cannot be removed."""

    code = "not_finished"
    status = 409
    title = "The video is not finished"


class FinishedError(CallerError):
    """There is nothing to cancel any more."""

    code = "finished"
    status = 409
    title = "Too late"


class ConflictError(CallerError):
    """The video does not stand where this can be done."""

    code = "conflict"
    status = 409
    title = "Not possible now"


class ForbiddenError(CallerError):
    """The key is good, and not for this."""

    code = "forbidden"
    status = 403
    title = "Not allowed"


class KeyReusedError(CallerError):
    """An idempotency key came with another request than the first time."""

    code = "idempotency_key_reused"
    status = 422
    title = "Idempotency key used before"


class NoSlotError(CallerError):
    """The caller would not wait in line, and no slot is free."""

    code = "no_free_slot"
    status = 429
    title = "No account has a free slot"


class PreconditionFailedError(CallerError):
    """`If-Match` names no version that there is."""

    code = "precondition_failed"
    status = 412
    title = "The content is not the version asked for"


class TooLargeError(CallerError):
    """The body is larger than the route takes."""

    code = "payload_too_large"
    status = 413
    title = "The body is too large"


class UnsupportedTypeError(CallerError):
    """The body is of a type the route does not read."""

    code = "unsupported_media_type"
    status = 415
    title = "Unsupported content type"


class UnsatisfiableRangeError(CallerError):
    """The `Range` asked for lies outside the content."""

    code = "range_not_satisfiable"
    status = 416
    title = "Range not satisfiable"


class InvalidError(CallerError):
    """The request is readable, but asks for what nobody can make; `errors` lists every fault."""

    code = "invalid_request"
    status = 422
    title = "The request cannot be served as it is"


class GatewayFaultError(FilmgateError):
    """Something on our side."""


class InternalError(GatewayFaultError):
    """An unexpected exception; the log has it under the request's id."""

    code = "internal_error"
    status = 500
    title = "Internal error"


class UnavailableError(GatewayFaultError):
    """The gateway cannot keep a promise right now; nothing was accepted, unless it says so."""

    code = "unavailable"
    status = 503
    title = "Temporarily unavailable"
