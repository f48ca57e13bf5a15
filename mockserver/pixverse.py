"""PixVerse API v2 of useapi.net: the routes.

What may be ordered stands in `pixverse_rules`, how an order is taken in `pixverse_create`.

Sources: useapi.net: GET videos, GET videos/video_id, GET scheduler, GET scheduler/available,
DELETE scheduler/video_id; the pages of the other routes stand in their modules.
Marked *inferred* or *invented* below: what those pages leave open.
"""

import re
from collections.abc import Mapping
from functools import wraps
from urllib.parse import unquote

from mockserver.directives import Tally
from mockserver.engine.clock import iso
from mockserver.engine.core import Engine
from mockserver.engine.jobs import Job
from mockserver.http import Handler, Request, Response, Route, reply
from mockserver.pixverse_accounts import Accounts, error
from mockserver.pixverse_answers import availability, executing, status_document
from mockserver.pixverse_create import Creator
from mockserver.pixverse_errors import REFUSALS
from mockserver.pixverse_files import Files
from mockserver.pixverse_rules import ENDPOINTS, NAME, Endpoint
from mockserver.refusals import garbage
from mockserver.settings import Settings

BASE_PATH = "/v2/pixverse"
EXAMPLE_TOKEN = "user:1234-mock"  # noqa: S105
LIST_LIMIT = 40

TOKEN = re.compile(r"Bearer (user:\d+-.+)")
ENCODED = re.compile(r"%3a|%40", re.IGNORECASE)


def token_of(request: Request) -> str | None:
    """The token; None when there is none of the right form."""
    found = TOKEN.fullmatch(request.headers.get("authorization", ""))
    return None if found is None else found[1]


def guarded(handler: Handler) -> Handler:
    """`Authorization: Bearer user:<number>-<rest>`; anything else is 401."""

    @wraps(handler)
    async def check(request: Request) -> Response:
        if token_of(request) is None:
            return REFUSALS[401].response()
        return await handler(request)

    return check


class Pixverse:
    """The provider's routes on one engine."""

    def __init__(self, engine: Engine, settings: Settings, tally: Tally) -> None:
        self._engine = engine
        self._settings = settings
        self.accounts = Accounts(engine, settings)
        self.files = Files(self.accounts.emails, settings)
        self._creator = Creator(
            engine=engine,
            settings=settings,
            tally=tally,
            accounts=self.accounts,
            files=self.files,
            document=self._document,
        )

    def routes(self) -> list[Route]:
        """The rows for the route table; all of them take a trailing slash."""
        accounts = self.accounts
        rows: list[tuple[str, str, str, Handler]] = [
            ("POST", "/files", "upload_file", self.files.upload),
            ("GET", "/videos", "list_videos", self.list_videos),
            ("GET", "/videos/{video_id}", "get_video", self.get_video),
            ("GET", "/scheduler", "list_scheduler", self.scheduler),
            ("GET", "/scheduler/available", "scheduler_available", self.available),
            ("DELETE", "/scheduler/{video_id}", "stop_tracking", self.untrack),
            ("GET", "/accounts", "list_accounts", accounts.list_all),
            ("GET", "/accounts/{email}", "get_account", accounts.get),
            ("POST", "/accounts/{email}", "configure_account", accounts.post),
            ("GET", "/features", "get_features", accounts.features),
        ]
        rows += [
            ("POST", f"/videos/{endpoint.path}", endpoint.operation, self._create(endpoint))
            for endpoint in ENDPOINTS
        ]
        return [
            Route(method, BASE_PATH + path, f"{NAME}.{operation}", guarded(handler), slash=True)
            for method, path, operation, handler in rows
        ]

    def _create(self, endpoint: Endpoint) -> Handler:
        async def create(request: Request) -> Response:
            return await self._creator.create(endpoint, token_of(request) or "", request)

        return create

    def _document(self, job: Job) -> dict[str, object]:
        return status_document(
            job,
            created_at=iso(self._engine.clock.utc(job.accepted_at)),
            queued_is_final=self._settings.queued_is_final,
        )

    async def list_videos(self, request: Request) -> Response:
        """`GET /videos?email=&limit=&offset=`, newest first; `offset` counts videos."""
        numbers = numbers_of(request.query, {"limit": LIST_LIMIT, "offset": 0})
        if isinstance(numbers, str):
            return error(f"Parameter {numbers} must be a number", 400)
        email = request.query.get("email")
        if email is not None and email not in self.accounts.emails:
            return error(f"Account {email} is not configured.", 404)
        jobs = [
            job for job in self._engine.jobs.of(NAME) if email is None or job.order.account == email
        ]
        page = jobs[numbers["offset"] : numbers["offset"] + numbers["limit"]]
        if any([job.garbles() for job in page]):  # noqa: C419 - every job counts this look
            return garbage()
        return reply({"data": [self._document(job) for job in page]})

    async def get_video(self, request: Request) -> Response:
        """`GET /videos/{video_id}`: 404 while still processing, the bare object afterwards."""
        video_id = request.params["video_id"]
        if ENCODED.search(video_id) and self._settings.refuse_encoded_ids:
            return error("video_id must not be URL-encoded", 400)
        plain = unquote(video_id)
        job = self._engine.jobs.get(NAME, plain)
        if job is not None and job.garbles():
            return garbage(job.id)
        if job is None or not job.ended:
            response = error(f"Video {plain} not found or still processing", 404)
            response.job = job.id if job else None
            return response
        return reply(self._document(job), job=job.id)

    async def scheduler(self, _request: Request) -> Response:
        """`GET /scheduler`: the jobs that hold a slot, as a bare array."""
        return reply(self._all_executing())

    async def available(self, _request: Request) -> Response:
        """`GET /scheduler/available`: running jobs and free slots by account."""
        rooms = [
            availability(account, len(self.accounts.executing(account)))
            for account in self.accounts.every()
        ]
        return reply({"executing": self._all_executing(), "available": rooms})

    async def untrack(self, request: Request) -> Response:
        """`DELETE /scheduler/{video_id}`: frees the slot and ends the callbacks, no more.

        The video goes on and stays charged. Both answers are inferred: the page shows none, and
        the text of the 404 is that of a sibling API.
        """
        plain = unquote(request.params["video_id"])
        job = self._engine.jobs.get(NAME, plain)
        if job is None or job.ended or not job.tracked:
            return error(f"Unable to locate running {plain}", 404)
        self._engine.untrack(job)
        return reply({}, job=job.id)

    def _all_executing(self) -> list[dict[str, object]]:
        clock = self._engine.clock
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
