"""What stands in front of the control API: the token, the origin, errors that say what to do."""

import hmac
from functools import wraps
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

import msgspec

from mockserver.engine.jobs import Job
from mockserver.waiting import NeverError
from mockserver.wire.http import Handler, Request, Response, reply

if TYPE_CHECKING:
    from mockserver.world import World

T = TypeVar("T")


class ControlError(Exception):
    """A request that cannot be met; the text says what can be.

    Args:
        text: for people.
        status: of the answer.
    """

    def __init__(self, text: str, status: int) -> None:
        super().__init__(text)
        self.status = status


class NotFoundError(ControlError):
    """It names something that is not there."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 404)


class ConflictError(ControlError):
    """It can be met at another time only."""

    def __init__(self, text: str) -> None:
        super().__init__(text, 409)


def guarded(handler: Handler) -> Handler:
    """Behind the token, when there is one; and not for pages of other sites."""
    inside = answering(handler)

    @wraps(handler)
    async def check(world: "World", request: Request) -> Response:
        token = world.settings.control_token
        given = request.headers.get("authorization", "")
        if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            refused = reply({"error": "The control API needs its token as a Bearer token"}, 401)
            refused.headers["www-authenticate"] = "Bearer"
            return refused
        return await inside(world, request)

    return check


def answering(handler: Handler) -> Handler:
    """Not for pages of other sites; what goes wrong becomes an answer."""

    @wraps(handler)
    async def check(world: "World", request: Request) -> Response:
        if (stranger := foreign(request, world.settings.public_url)) is not None:
            return reply({"error": f"{stranger} may not control this mock"}, 403)
        try:
            return await handler(world, request)
        except ControlError as fault:
            return reply({"error": str(fault)}, fault.status)
        except NeverError as fault:
            return reply({"error": str(fault)}, 409)
        except (msgspec.DecodeError, ValueError) as fault:
            return reply({"error": str(fault)}, 400)

    return check


def foreign(request: Request, public_url: str | None) -> str | None:
    """Which other site's page sent this; None where none did.

    A link from there is no harm: whoever follows it sees this mock's own page.
    """
    origin = request.headers.get("origin")
    own = {origin_of(request.origin)} | ({origin_of(public_url)} if public_url else set())
    if origin is not None:
        return None if origin in own else f"A page of {origin}"
    crossing = request.headers.get("sec-fetch-site") == "cross-site"
    if crossing and request.headers.get("sec-fetch-mode") != "navigate":
        return "A page of another site"
    return None


def origin_of(url: str) -> str:
    """Scheme and authority of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def given(request: Request, kind: type[T]) -> T:
    """The body as a struct; an empty one has all defaults.

    Raises:
        ValueError: it is none; the text says what it should be.
    """
    try:
        return msgspec.json.decode(request.body or b"{}", type=kind)
    except msgspec.ValidationError as fault:
        names = ", ".join(getattr(kind, "__struct_fields__", ()))
        raise ValueError(f"{fault}; the fields are: {names}" if names else str(fault)) from None


def flag(request: Request, name: str) -> bool:
    """A yes or no of the query; no where it is left out.

    Raises:
        ValueError: it is neither.
    """
    text = request.query.get(name, "0")
    if text not in {"0", "1", "false", "true", ""}:
        raise ValueError(f"{name} is `1` or `0`")
    return text in {"1", "true", ""}


def number(request: Request, name: str, default: int = 0) -> int:
    """A whole number of the query.

    Raises:
        ValueError: it is none.
    """
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(f"{name} takes the number of a line, got {text!r}")
    return int(text)


def job_named(world: "World", name: str) -> Job:
    """A job by its id, its key, or `job2`.

    Raises:
        NotFoundError: there is none.
    """
    job = world.jobs.find(name)
    if job is None:
        count = len(world.jobs)
        there = f"there are job1 to job{count}, and their ids" if count else "there are none yet"
        raise NotFoundError(f"There is no job {name!r}; {there}")
    return job
