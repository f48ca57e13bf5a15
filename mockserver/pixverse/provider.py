"""PixVerse API v2 of useapi.net: the routes.

What may be ordered stands in `pixverse_rules`, how an order is taken in `pixverse_create`.

Sources: useapi.net: GET videos, GET videos/video_id, GET scheduler, GET scheduler/available,
DELETE scheduler/video_id; the pages of the other routes stand in their modules.
Marked *inferred* or *invented* below: what those pages leave open.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Self
from urllib.parse import unquote

from mockserver.engine.clock import iso
from mockserver.engine.core import Engine
from mockserver.engine.jobs import Job, Phase
from mockserver.pixverse.accounts import Accounts, error
from mockserver.pixverse.answers import STATUSES, availability, executing, status_document
from mockserver.pixverse.create import Creator
from mockserver.pixverse.errors import REFUSALS, filled
from mockserver.pixverse.files import Files
from mockserver.pixverse.rules import ENDPOINTS, NAME, UNIT, Endpoint
from mockserver.provider import Provider, Upload
from mockserver.wire.http import Request, Response, Route, reply
from mockserver.wire.refusals import garbage

BASE_PATH = "/v2/pixverse"
USER = "user:1234"
EXAMPLE_TOKEN = f"{USER}-mock"
FORGED_NUMBER = 999_999_999_999
LIST_LIMIT = 40

TOKEN = re.compile(r"Bearer (user:\d+-.+)")
ENCODED = re.compile(r"%3a|%40", re.IGNORECASE)


def token_of(request: Request) -> str | None:
    """The token; None when there is none of the right form."""
    found = TOKEN.fullmatch(request.headers.get("authorization", ""))
    return None if found is None else found[1]


Method = Callable[["Pixverse", Request], Awaitable[Response]]


def guarded(method: Method) -> Method:
    """`Authorization: Bearer user:<number>-<rest>`; anything else is 401."""

    @wraps(method)
    async def check(self: "Pixverse", request: Request) -> Response:
        if token_of(request) is None:
            return REFUSALS[401].response()
        return await method(self, request)

    return check


def creating(endpoint: Endpoint) -> Method:
    """The method behind one of the create routes."""

    async def create(self: "Pixverse", request: Request) -> Response:
        return await self.creator.create(endpoint, token_of(request) or "", request)

    return create


class Pixverse(Provider):
    """The provider's routes, accounts and uploads in one world."""

    name = NAME
    base_path = BASE_PATH
    unit = UNIT
    volatile = frozenset({"replyUrl", "replyRef", "email", "maxJobs"})

    def __init__(
        self, engine: Engine, accounts: Accounts | None = None, files: Files | None = None
    ) -> None:
        super().__init__(engine)
        self.accounts = accounts or Accounts(engine)
        self.files = files or Files(engine, self.accounts)
        self.creator = Creator(engine, self.accounts, self.files)

    @classmethod
    def routes(cls) -> list[Route]:
        """The rows for the route table; all of them take a trailing slash."""

        def row(method: str, path: str, operation: str, handler: Method, **more: Any) -> Route:
            return cls.row(method, path, operation, guarded(handler), slash=True, **more)

        one = "/videos/{video_id}"
        running, email = "/scheduler/{video_id}", "/accounts/{email}"
        rows = [
            row("POST", "/files", "upload_file", cls.upload, act="upload"),
            row("GET", "/videos", "list_videos", cls.list_videos, act="list", looks=True),
            row("GET", one, "get_video", cls.get_video, act="poll", job_param="video_id"),
            row("GET", "/scheduler", "list_scheduler", cls.scheduler, act="list"),
            row("GET", "/scheduler/available", "scheduler_available", cls.available, act="list"),
            row("DELETE", running, "stop_tracking", cls.untrack, job_param="video_id"),
            row("GET", "/accounts", "list_accounts", cls.list_accounts, act="account"),
            row("GET", email, "get_account", cls.get_account, act="account"),
            row("POST", email, "configure_account", cls.configure_account, act="account"),
            row("GET", "/features", "get_features", cls.features, act="account"),
        ]
        rows += [
            row("POST", f"/videos/{end.path}", end.operation, creating(end), act="submit")
            for end in ENDPOINTS
        ]
        return rows

    @classmethod
    def secret_of(cls, request: Request) -> str | None:
        """What follows the user's number in every token."""
        token = token_of(request)
        return None if token is None else token.partition("-")[2]

    @classmethod
    def key(cls, secret: str) -> str:
        """A token, without `Bearer`, around the part that names the world."""
        return f"{USER}-{secret}"

    def fork(self, engine: Engine) -> Self:
        """The same accounts and uploads on another engine."""
        accounts = self.accounts.fork(engine)
        return type(self)(engine, accounts, self.files.fork(engine, accounts))

    def upload_named(self, name: str) -> Upload | None:
        """The upload that a media link names."""
        return self.files.named(name)

    def refusal(self, status: int) -> Response | None:
        """The documented answer of a status."""
        if status not in REFUSALS:
            return None
        return filled(REFUSALS[status], email=next(iter(self.accounts.emails))).response()

    def describe(self, job: Job) -> object:
        """The status object plus the two reply fields (inferred: no page shows the body)."""
        params = job.order.params
        return self._document(job) | {
            "replyUrl": params["replyUrl"],
            "replyRef": params.get("replyRef", ""),
        }

    def forge(self, job: Job, *, stranger: bool) -> object:
        """A body that says the video is done, and where a film is that nobody made."""
        status = STATUSES[Phase.COMPLETED]
        told: dict[str, object] = {
            "video_status": status.code,
            "video_status_name": status.name,
            "video_status_final": True,
            "url": self.film_of(job, forged=True),
        }
        if stranger:
            told["video_id"] = f"{job.id[: job.id.rindex(':')]}:{FORGED_NUMBER}"
        return self._document(job) | told

    def _document(self, job: Job) -> dict[str, object]:
        return status_document(
            job,
            created_at=iso(self.engine.clock.utc(job.accepted_at)),
            queued_is_final=self.engine.settings.queued_is_final,
            prefix=self.engine.host.prefix,
        )

    async def upload(self, request: Request) -> Response:
        """`POST /files`."""
        return await self.files.upload(request)

    async def list_accounts(self, request: Request) -> Response:
        """`GET /accounts`."""
        return await self.accounts.list_all(request)

    async def get_account(self, request: Request) -> Response:
        """`GET /accounts/{email}`."""
        return await self.accounts.get(request)

    async def configure_account(self, request: Request) -> Response:
        """`POST /accounts/{email}`."""
        return await self.accounts.post(request)

    async def features(self, request: Request) -> Response:
        """`GET /features`."""
        return await self.accounts.features(request)

    async def list_videos(self, request: Request) -> Response:
        """`GET /videos?email=&limit=&offset=`, newest first; `offset` counts videos."""
        numbers = numbers_of(request.query, {"limit": LIST_LIMIT, "offset": 0})
        if isinstance(numbers, str):
            return error(f"Parameter {numbers} must be a number", 400)
        email = request.query.get("email")
        if email is not None and email not in self.accounts.emails:
            return error(f"Account {email} is not configured.", 404)
        jobs = [
            job for job in self.engine.jobs.of(NAME) if email is None or job.order.account == email
        ]
        page = jobs[numbers["offset"] : numbers["offset"] + numbers["limit"]]
        if any([job.garbles() for job in page]):  # noqa: C419 - every job counts this look
            return garbage()
        response = reply({"data": [self._document(job) for job in page]})
        response.told = tuple((job.id, job.phase) for job in page)
        return response

    async def get_video(self, request: Request) -> Response:
        """`GET /videos/{video_id}`: 404 while still processing, the bare object afterwards."""
        video_id = request.params["video_id"]
        if ENCODED.search(video_id) and self.engine.settings.refuse_encoded_ids:
            return error("video_id must not be URL-encoded", 400)
        plain = unquote(video_id)
        job = self.engine.jobs.get(NAME, plain)
        if job is not None and job.garbles():
            return garbage(job.id)
        if job is None:
            return error(f"Video {plain} not found or still processing", 404)
        if not job.ended:
            response = error(f"Video {plain} not found or still processing", 404)
            response.job = job.id
        else:
            response = reply(self._document(job), job=job.id)
        response.account, response.told = job.order.account, ((job.id, job.phase),)
        return response

    async def scheduler(self, _request: Request) -> Response:
        """`GET /scheduler`: the jobs that hold a slot, as a bare array."""
        return self._told(reply(self._all_executing()))

    async def available(self, _request: Request) -> Response:
        """`GET /scheduler/available`: running jobs and free slots by account."""
        rooms = [
            availability(account, len(self.accounts.executing(account)))
            for account in self.accounts.every()
        ]
        return self._told(reply({"executing": self._all_executing(), "available": rooms}))

    def _told(self, response: Response) -> Response:
        jobs = [job for each in self.accounts.every() for job in self.accounts.executing(each)]
        response.told = tuple((job.id, job.phase) for job in jobs)
        return response

    async def untrack(self, request: Request) -> Response:
        """`DELETE /scheduler/{video_id}`: frees the slot and ends the callbacks, no more.

        The video goes on and stays charged. Both answers are inferred: the page shows none, and
        the text of the 404 is that of a sibling API.
        """
        plain = unquote(request.params["video_id"])
        job = self.engine.jobs.get(NAME, plain)
        if job is None or job.ended or not job.tracked:
            return error(f"Unable to locate running {plain}", 404)
        self.engine.untrack(job)
        return reply({}, job=job.id)

    def _all_executing(self) -> list[dict[str, object]]:
        clock = self.engine.clock
        return [
            executing(job, started=clock.utc(job.accepted_at), now=clock.now())
            for account in self.accounts.every()
            for job in self.accounts.executing(account)
        ]


def numbers_of(query: Mapping[str, str], defaults: Mapping[str, int]) -> dict[str, int] | str:
    """The query's numbers with their defaults; the name of the first that is none."""
    numbers = {}
    for name, default in defaults.items():
        text = query.get(name, str(default))
        if not re.fullmatch(r"[0-9]{1,6}", text):
            return name
        numbers[name] = int(text)
    return numbers
