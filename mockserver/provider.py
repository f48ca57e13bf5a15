"""What a mocked provider is: one class, one file at least, one row of `mockserver.registry`."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar, Self

import msgspec

from mockserver.engine.core import Engine
from mockserver.engine.jobs import Job
from mockserver.engine.journal import Act
from mockserver.wire.http import Request, Response, Route

FORGED = "forged-"
"""How the names of films begin that only false callbacks speak of."""


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """One file that was accepted."""

    path: str
    name: str
    content_type: str
    data: bytes


class Provider(ABC):
    """A provider's wire and its own state, inside one world."""

    name: ClassVar[str]
    """One word, safe in a path."""
    base_path: ClassVar[str]
    """In front of every route."""
    unit: ClassVar[str]
    """What its prices are counted in."""
    volatile: ClassVar[frozenset[str]] = frozenset()
    """Fields of a submit that may differ between two requests for the same."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @classmethod
    @abstractmethod
    def routes(cls) -> Sequence[Route]:
        """The rows of the route table; see `row`."""

    @classmethod
    def row(
        cls,
        method: str,
        path: str,
        operation: str,
        handler: Callable[[Any, Request], Awaitable[Response]],
        *,
        act: Act = "other",
        job_param: str = "",
        slash: bool = False,
        looks: bool = False,
    ) -> Route:
        """A row of the route table, whose handler is a method of the class."""

        async def handle(world: Any, request: Request) -> Response:
            return await handler(world.provider(cls), request)

        return Route(
            method,
            cls.base_path + path,
            f"{cls.name}.{operation}",
            handle,
            slash=slash,
            act=act,
            provider=cls.name,
            job_param=job_param,
            looks=looks,
        )

    @classmethod
    @abstractmethod
    def secret_of(cls, request: Request) -> str | None:
        """The part of the request's key that may name a world; None where there is no key."""

    @classmethod
    @abstractmethod
    def key(cls, secret: str) -> str:
        """A whole key around that part, as a client is given it."""

    def film_of(self, job: Job, *, forged: bool = False) -> str:
        """The link to a job's film.

        Args:
            job: whose film it is.
            forged: the link leads nowhere, and whoever follows it has believed a false callback.
        """
        stem = f"{FORGED}{job.order.media_name}" if forged else job.order.media_name
        return f"{job.order.origin}{self.engine.host.prefix}/media/{stem}.mp4"

    def upload_named(self, name: str) -> Upload | None:
        """The upload that a media link names; None where there is none."""
        _ = name
        return None

    def refusal(self, status: int) -> Response | None:
        """The provider's own answer of a status, for faults that ask for it."""
        _ = status
        return None

    @abstractmethod
    def describe(self, job: Job) -> object:
        """The body of a callback about a job as it stands."""

    @abstractmethod
    def forge(self, job: Job, *, stranger: bool) -> object:
        """The body of a false callback; see `Describer.forge`."""

    @abstractmethod
    def fork(self, engine: Engine) -> Self:
        """The same state on another engine."""
