"""PixVerse API v2 of useapi.net: the routes. Its rules and prices stand in `pixverse_rules`.

Sources: useapi.net: POST videos/create-frames-v3, POST videos/create-v4, POST files, GET videos,
GET videos/video_id, GET scheduler, GET scheduler/available, GET accounts.
Marked *inferred* or *invented* below: what those pages leave open.
"""

import random
import re
from collections.abc import Mapping
from functools import wraps
from typing import Any
from urllib.parse import unquote

from mockserver.directives import DirectiveError, Script, Tally, parse
from mockserver.engine.clock import iso
from mockserver.engine.core import Engine
from mockserver.engine.jobs import Callback, Job, Order, Source
from mockserver.forms import FormError, read_fields
from mockserver.http import Handler, RefusedError, Request, Response, Route, reply
from mockserver.pixverse_answers import (
    accounts_document,
    availability,
    executing,
    status_document,
)
from mockserver.pixverse_files import Files
from mockserver.pixverse_rules import (
    BOOLEANS,
    ENDPOINTS,
    INTEGERS,
    NAME,
    REFUSALS,
    SHORT_SIDES,
    UNIT,
    Endpoint,
    cost_in_credits,
    faults_of,
)
from mockserver.settings import Account, Settings
from mockserver.shapes import dimensions

BASE_PATH = "/v2/pixverse"
EXAMPLE_TOKEN = "user:1234-mock"  # noqa: S105
FIRST_VIDEO_NUMBER = 112_233_000_001
LIST_LIMIT = 40

TOKEN = re.compile(r"Bearer user:(\d+)-.+")
ENCODED = re.compile(r"%3a|%40", re.IGNORECASE)

UNAUTHORIZED = {"error": "Unauthorized"}
ALL_BUSY = "All configured accounts are running at maximum capacity."


def error(text: str, status: int) -> Response:
    """`{"error": text, "code": status}`; the pages that show `code` give it the HTTP status."""
    return reply({"error": text, "code": status}, status)


def refused(text: str, status: int) -> RefusedError:
    """`{"error": text}`, as the create pages show it."""
    return RefusedError(reply({"error": text}, status))


def guarded(handler: Handler) -> Handler:
    """`Authorization: Bearer user:<number>-<rest>`; anything else is 401."""

    @wraps(handler)
    async def check(request: Request) -> Response:
        if TOKEN.fullmatch(request.headers.get("authorization", "")) is None:
            return reply(UNAUTHORIZED, 401)
        return await handler(request)

    return check


def user_of(request: Request) -> str:
    """The number in the token, which video ids begin with."""
    found = TOKEN.fullmatch(request.headers["authorization"])
    return found[1] if found else ""


class Pixverse:
    """The provider's routes on one engine."""

    def __init__(self, engine: Engine, settings: Settings, tally: Tally) -> None:
        self._engine = engine
        self._settings = settings
        self._tally = tally
        self._accounts = {account.email: account for account in settings.pixverse_accounts()}
        self._random = random.Random(f"{NAME} {settings.seed}")  # noqa: S311
        self.files = Files(tuple(self._accounts), settings)

    def routes(self) -> list[Route]:
        """The rows for the route table; all of them take a trailing slash."""
        rows: list[tuple[str, str, str, Handler]] = [
            ("POST", "/files", "upload_file", self.files.upload),
            ("GET", "/videos", "list_videos", self.list_videos),
            ("GET", "/videos/{video_id}", "get_video", self.get_video),
            ("GET", "/scheduler", "list_scheduler", self.scheduler),
            ("GET", "/scheduler/available", "scheduler_available", self.available),
            ("GET", "/accounts", "list_accounts", self.accounts),
        ]
        rows += [
            ("POST", f"/videos/{endpoint.path}", endpoint.operation, self._creator(endpoint))
            for endpoint in ENDPOINTS
        ]
        return [
            Route(method, BASE_PATH + path, f"pixverse.{operation}", guarded(handler), slash=True)
            for method, path, operation, handler in rows
        ]

    def _creator(self, endpoint: Endpoint) -> Handler:
        async def create(request: Request) -> Response:
            return await self.create(endpoint, request)

        return create

    async def create(self, endpoint: Endpoint, request: Request) -> Response:
        """`POST /videos/create-…`: checks, then limits, then accepts and takes a slot."""
        body, script = self._read(endpoint, request)
        prompt = body.get("prompt") or ""
        if script.refuse:
            raise refused(REFUSALS[script.refuse], script.refuse)
        if self._tally.among_first(script.throttle, NAME, "throttle", prompt):
            raise refused(REFUSALS[429], 429)
        account = self._free_account(body.get("email"), body.get("maxJobs"))
        job = self._engine.accept(self._order(endpoint, body, script, account, request))
        response = reply({"video_id": job.id}, job=job.id)
        response.lost = self._tally.among_first(script.lose_reply, NAME, "lose-reply", prompt)
        return response

    def _read(self, endpoint: Endpoint, request: Request) -> tuple[Mapping[str, Any], Script]:
        try:
            body = read_fields(request, integers=INTEGERS, booleans=BOOLEANS)
        except FormError as fault:
            raise refused(str(fault), 400) from None
        if faults := faults_of(endpoint, body, self.files.paths):
            raise refused("; ".join(faults), 400)
        try:
            script = parse(body.get("prompt") or "", refusals=REFUSALS)
        except DirectiveError as fault:
            raise refused(str(fault), 400) from None
        if (email := body.get("email")) is not None and email not in self._accounts:
            raise refused(f"Account {email} is not configured.", 404)
        return body, script

    def _free_account(self, email: str | None, max_jobs: int | None) -> Account:
        """An account with a free slot; the request's `maxJobs` overrides the account's.

        Overflow is refused, never queued (create-frames-v3, Responses).

        Raises:
            RefusedError: the 429 that says who is busy.
        """
        if email is not None:
            account = self._accounts[email]
            limit = max_jobs or account.max_jobs
            if self._executing(account) < limit:
                return account
            raise refused(f"Account {email} is busy executing {limit} tasks.", 429)
        free = [
            account
            for account in self._accounts.values()
            if self._executing(account) < (max_jobs or account.max_jobs)
        ]
        if not free:
            raise refused(ALL_BUSY, 429)
        return self._random.choice(free)

    def _executing(self, account: Account) -> int:
        return len(self._engine.jobs.in_flight(NAME, account.email))

    def _order(
        self,
        endpoint: Endpoint,
        body: Mapping[str, Any],
        script: Script,
        account: Account,
        request: Request,
    ) -> Order:
        params = endpoint.defaults | {k: v for k, v in body.items() if v is not None}
        settings = self._settings
        number = FIRST_VIDEO_NUMBER + len(self._engine.jobs)
        width, height = dimensions(params["aspect_ratio"], SHORT_SIDES[params["quality"]])
        reply_url = params.get("replyUrl") or account.reply_url
        return Order(
            id=f"user:{user_of(request)}-pixverse:{account.email}-video:{number}",
            number=number,
            provider=NAME,
            account=account.email,
            prompt=params.get("prompt", ""),
            params=params | {"replyUrl": reply_url},
            cost=cost_in_credits(params["quality"], params["duration"], params["motion_mode"]),
            unit=UNIT,
            width=width,
            height=height,
            seconds=params["duration"],
            sources=self._sources(params),
            callback=Callback(url=reply_url, body=self._callback_body, progress=True)
            if reply_url and not script.no_callback
            else None,
            origin=settings.public_url or request.origin,
            queue_seconds=settings.queue_seconds if script.queue is None else script.queue,
            run_seconds=settings.run_seconds if script.run is None else script.run,
            fate=script.fail,
        )

    def _sources(self, params: Mapping[str, Any]) -> tuple[Source, ...]:
        frames: list[Source] = []
        if path := params.get("first_frame_path"):
            frames.append(Source(role="first", url=path, data=self.files.data(path)))
        if path := params.get("last_frame_path"):
            frames.append(Source(role="last", url=path, data=self.files.data(path)))
        return tuple(frames)

    def _document(self, job: Job) -> dict[str, object]:
        return status_document(
            job,
            created_at=iso(self._engine.clock.utc(job.accepted_at)),
            queued_is_final=self._settings.queued_is_final,
        )

    def _callback_body(self, job: Job) -> dict[str, object]:
        """The status object plus the two reply fields (inferred: no page shows the body)."""
        params = job.order.params
        return self._document(job) | {
            "replyUrl": params["replyUrl"],
            "replyRef": params.get("replyRef", ""),
        }

    async def list_videos(self, request: Request) -> Response:
        """`GET /videos?email=&limit=&offset=`, newest first; `offset` counts videos."""
        numbers = {}
        for name, default in (("limit", LIST_LIMIT), ("offset", 0)):
            text = request.query.get(name, str(default))
            if not re.fullmatch(r"\d{1,6}", text):
                return error(f"Parameter {name} must be a number", 400)
            numbers[name] = int(text)
        email = request.query.get("email")
        if email is not None and email not in self._accounts:
            return error(f"Account {email} is not configured.", 404)
        jobs = [
            job for job in self._engine.jobs.of(NAME) if email is None or job.order.account == email
        ]
        page = jobs[numbers["offset"] : numbers["offset"] + numbers["limit"]]
        return reply({"data": [self._document(job) for job in page]})

    async def get_video(self, request: Request) -> Response:
        """`GET /videos/{video_id}`: 404 while still processing, the bare object afterwards."""
        video_id = request.params["video_id"]
        if ENCODED.search(video_id) and self._settings.refuse_encoded_ids:
            return error("video_id must not be URL-encoded", 400)
        plain = unquote(video_id)
        job = self._engine.jobs.get(NAME, plain)
        if job is None or not job.ended:
            text = f"Video {plain} not found or still processing"
            response = error(text, 404)
            response.job = job.id if job else None
            return response
        return reply(self._document(job), job=job.id)

    async def scheduler(self, _request: Request) -> Response:
        """`GET /scheduler`: the jobs that hold a slot, as a bare array."""
        return reply(self._all_executing())

    async def available(self, _request: Request) -> Response:
        """`GET /scheduler/available`: running jobs and free slots by account."""
        rooms = [
            availability(account, self._executing(account)) for account in self._accounts.values()
        ]
        return reply({"executing": self._all_executing(), "available": rooms})

    def _all_executing(self) -> list[dict[str, object]]:
        clock = self._engine.clock
        return [
            executing(job, started=clock.utc(job.accepted_at), now=clock.now())
            for email in self._accounts
            for job in self._engine.jobs.in_flight(NAME, email)
        ]

    async def accounts(self, _request: Request) -> Response:
        """`GET /accounts`: configurations by email, secrets masked."""
        return reply(accounts_document(self._accounts.values()))
