"""Pictory AI Studio: the routes.

Its rules stand in `pictory_rules`, its documents in `pictory_answers`.

Sources: docs.pictory.ai: Generate Video, Get Video Generation Job, Get Generated Videos, List Jobs,
Clean Job, Get Quota.
Marked *inferred* or *invented* below: what those pages leave open.
"""

import base64
import math
import re
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Self

import msgspec

from mockserver.engine.chance import draw
from mockserver.engine.core import Engine
from mockserver.engine.jobs import Callback, Job, Order, Phase, Source
from mockserver.magic.directives import Script, parse
from mockserver.magic.files import directives_in
from mockserver.pictory.answers import (
    CLEANED,
    film_item,
    forged_document,
    item,
    job_document,
    not_found,
    quota_document,
)
from mockserver.pictory.rules import (
    EXCLUSIVE,
    KEY_SUFFIXES,
    MODELS,
    NAME,
    REFUSALS,
    UNIT,
    Fault,
    cost_in_tenths,
    decoded,
    invalid,
)
from mockserver.provider import Provider
from mockserver.wire.http import RefusedError, Request, Response, Route, reply
from mockserver.wire.refusals import garbage
from mockserver.wire.shapes import dimensions

BASE_PATH = "/pictoryapis"
KEY_PREFIX = "pictai_"
EXAMPLE_KEY = "pictai_mock"
ACCOUNT = "pictory"
PAGE_SIZE = 20
"""Jobs per page of the list; the documentation gives no number (invented)."""
FILMS_PAGE_SIZE = 100
"""Films per page of their list, at most."""

LIBRARY_AGENT = re.compile(
    r"(python-|aiohttp|axios|node|undici|got |go-http-client|okhttp|java|curl|wget|ruby)",
    re.IGNORECASE,
)
"""How the names begin that HTTP libraries give themselves; which ones the edge blocks is not
documented (invented)."""


Method = Callable[["Pictory", Request], Awaitable[Response]]


def guarded(method: Method) -> Method:
    """The raw key, without `Bearer`; anything else is 401 (Request Headers, Status Codes)."""

    @wraps(method)
    async def check(self: "Pictory", request: Request) -> Response:
        engine = self.engine
        agent = request.headers.get("user-agent", "")
        library = not agent or LIBRARY_AGENT.match(agent)
        if engine.settings.edge_blocks_agents and library:
            return REFUSALS[403].response()
        key = request.headers.get("authorization", "")
        if not key.startswith(KEY_PREFIX):
            return REFUSALS[401].response()
        if (seconds := engine.seconds_too_soon(NAME)) is not None:
            return REFUSALS[429].response(math.ceil(seconds))
        return await method(self, request)

    return check


class Pictory(Provider):
    """The provider's routes in one world."""

    name = NAME
    base_path = BASE_PATH
    unit = UNIT
    volatile = frozenset({"webhook"})

    @classmethod
    def routes(cls) -> list[Route]:
        """The rows for the route table."""
        row = cls.row
        generate, one = guarded(cls.generate), guarded(cls.get_job)
        videos, job = "/v1/aistudio/videos", "/v1/jobs/{job_id}"
        return [
            row("POST", videos, "generate_video", generate, act="submit"),
            row("GET", videos, "list_films", guarded(cls.list_films), act="list", looks=True),
            row("GET", "/v1/jobs", "list_jobs", guarded(cls.list_jobs), act="list", looks=True),
            row("GET", job, "get_job", one, act="poll", job_param="job_id"),
            row("DELETE", f"{job}/clean", "clean_job", guarded(cls.clean_job), job_param="job_id"),
            row("GET", "/v1/quota", "get_quota", guarded(cls.quota), act="account"),
        ]

    @classmethod
    def secret_of(cls, request: Request) -> str | None:
        """What follows the prefix of every key."""
        key = request.headers.get("authorization", "")
        return key.removeprefix(KEY_PREFIX) if key.startswith(KEY_PREFIX) else None

    @classmethod
    def key(cls, secret: str) -> str:
        """`pictai_` and the part that names the world."""
        return f"{KEY_PREFIX}{secret}"

    def fork(self, engine: Engine) -> Self:
        """Nothing is kept here; all state is the engine's."""
        return type(self)(engine)

    def refusal(self, status: int) -> Response | None:
        """The documented answer of a status."""
        return REFUSALS[status].response() if status in REFUSALS else None

    def describe(self, job: Job) -> object:
        """The webhook's body."""
        return job_document(job, self.engine.host.prefix)

    def forge(self, job: Job, *, stranger: bool) -> object:
        """A body that says the job is done, and where a film is that nobody made."""
        return forged_document(job, self.film_of(job, forged=True), stranger=stranger)

    async def generate(self, request: Request) -> Response:
        """`POST /v1/aistudio/videos`."""
        suffix = request.headers["authorization"].rpartition("-")[2]
        for status in KEY_SUFFIXES:
            if suffix == str(status):
                raise RefusedError(REFUSALS[status].response())
        body = self._read(request)
        prompt = body["prompt"]
        urls = [source.url for source in sources_of(body)]
        script = parse(directives_in(urls) + prompt, refusals=REFUSALS, provider=NAME)
        if script.refuse:
            raise RefusedError(REFUSALS[script.refuse].response(script.retry_after))
        if self.engine.among_first(script.throttle, NAME, "throttle", prompt):
            raise RefusedError(REFUSALS[429].response(script.retry_after))
        order = self._order(body, script, request)
        if self.engine.is_full(NAME, ACCOUNT):
            raise RefusedError(REFUSALS[429].response())
        if self.engine.cannot_pay(NAME, ACCOUNT, order.cost):
            raise RefusedError(REFUSALS[402].response())
        job = self.engine.accept(order)
        if self.engine.among_first(script.garble_reply, NAME, "garble-reply", prompt):
            response = garbage(job.id)
        else:
            response = reply({"success": True, "data": {"jobId": job.id}}, job=job.id)
        response.account = ACCOUNT
        if self.engine.among_first(script.lose_reply, NAME, "lose-reply", prompt):
            response.lost = "cut"
        return response

    def _read(self, request: Request) -> dict[str, Any]:
        if request.content_type == "application/json":
            found = decoded(request.body, count=self.engine.settings.prompt_count)
        else:
            found = [Fault("Content-Type", "must be application/json")]
        if isinstance(found, list):
            raise RefusedError(reply(invalid(found), 400))
        return found

    def _order(self, body: dict[str, Any], script: Script, request: Request) -> Order:
        model = MODELS[body["model"]]
        seconds = int(body["duration"].removesuffix("s"))
        width, height = dimensions(body["aspectRatio"], model.short_side)
        webhook = body.get("webhook")
        settings = self.engine.settings
        return Order(
            id=str(uuid.UUID(int=draw(settings.seed, NAME, request.key), version=4)),
            key=request.key,
            intent=request.intent,
            cause=request.n,
            provider=NAME,
            account=ACCOUNT,
            prompt=body["prompt"],
            params=body,
            cost=cost_in_tenths(body["model"], seconds),
            unit=UNIT,
            width=width,
            height=height,
            seconds=seconds,
            sources=sources_of(body),
            callback=None if webhook is None or script.no_callback else Callback(url=webhook),
            origin=settings.public_url or request.origin,
            queue_seconds=settings.queue_seconds if script.queue is None else script.queue,
            run_seconds=settings.run_seconds if script.run is None else script.run,
            fate=script.fail,
            clean=script.clean,
            quirks=script.quirks,
            garbled_looks=script.garble_poll,
        )

    async def get_job(self, request: Request) -> Response:
        """`GET /v1/jobs/{jobid}`; the status of an unknown id is not documented (inferred)."""
        job_id = request.params["job_id"]
        job = self.engine.jobs.get(NAME, job_id)
        if job is None:
            return reply(not_found(job_id))
        if job.garbles():
            return garbage(job.id)
        response = reply(job_document(job, self.engine.host.prefix), job=job.id)
        response.told = ((job.id, job.phase),)
        return response

    async def list_jobs(self, request: Request) -> Response:
        """`GET /v1/jobs`, newest first, each job with what it shows alone."""
        prefix = self.engine.host.prefix
        page, following = paged(request, self.engine.jobs.of(NAME), lambda job: job.id, PAGE_SIZE)
        if any([job.garbles() for job in page]):  # noqa: C419 - every job counts this look
            return garbage()
        response = reply({"items": [item(job, prefix) for job in page], **following})
        response.told = tuple((job.id, job.phase) for job in page)
        return response

    async def list_films(self, request: Request) -> Response:
        """`GET /v1/aistudio/videos`: what was made, newest first; nothing tells of the jobs.

        That the films of cleaned jobs are left out is inferred.
        """
        prefix, clock = self.engine.host.prefix, self.engine.clock
        made = [job for job in self.engine.jobs.of(NAME) if job.phase is Phase.COMPLETED]
        films = sorted((job for job in made if not job.cleaned), key=ended_at, reverse=True)
        page, following = paged(request, films, self._film_id, FILMS_PAGE_SIZE)
        if any([job.garbles() for job in page]):  # noqa: C419 - every job counts this look
            return garbage()
        items = [
            film_item(job, self._film_id(job), created=clock.utc(ended_at(job)), prefix=prefix)
            for job in page
        ]
        return reply({"items": items, **following})

    def _film_id(self, job: Job) -> str:
        """In the form of the documented sample: a moment and 16 digits, and no job's id."""
        accepted = self.engine.clock.utc(job.accepted_at)
        number = draw(self.engine.settings.seed, NAME, "film", job.id)
        milliseconds = accepted.microsecond // 1000
        return f"{accepted:%Y%m%d%H%M%S}{milliseconds:03}{number:032x}"[:33]

    async def clean_job(self, request: Request) -> Response:
        """`DELETE /v1/jobs/{jobid}/clean`: safe to repeat; its answers' bodies are invented."""
        job_id = request.params["job_id"]
        job = self.engine.jobs.get(NAME, job_id)
        if job is None:
            return reply(not_found(job_id))
        try:
            self.engine.clean(job)
        except ValueError:
            text = "Only a finished job can be cleaned"
            return reply({"code": "INVALID_REQUEST", "message": text}, 400, job=job.id)
        answer = {"job_id": job.id, "success": True, "data": {"status": CLEANED}}
        return reply(answer, job=job.id)

    async def quota(self, _request: Request) -> Response:
        """`GET /v1/quota`."""
        return reply(quota_document(self.engine.ledger.total.get(NAME, 0)))


def ended_at(job: Job) -> float:
    """When a job ended, or was accepted while it has not."""
    return job.accepted_at if job.ended_at is None else job.ended_at


def paged(
    request: Request, jobs: Sequence[Job], name: Callable[[Job], str], size: int
) -> tuple[Sequence[Job], dict[str, str]]:
    """The page of a list that is asked for, and the key of the next one, if there is one.

    Raises:
        RefusedError: the key asked for is none of this list's; that answer is invented.
    """
    start = 0
    if key := request.query.get("nextPageKey"):
        keys = [page_key(name(job)) for job in jobs]
        if key not in keys:
            answer = {"code": "INVALID_REQUEST", "message": "Unknown nextPageKey"}
            raise RefusedError(reply(answer, 400))
        start = keys.index(key) + 1
    page = jobs[start : start + size]
    older = start + size < len(jobs)
    return page, {"nextPageKey": page_key(name(page[-1]))} if older else {}


def page_key(last: str) -> str:
    """Base64, as documented; what is in it is for nobody to read (invented)."""
    return base64.b64encode(msgspec.json.encode({"lastEvaluatedKey": {"id": last}})).decode()


def sources_of(body: Mapping[str, Any]) -> tuple[Source, ...]:
    """The inputs by URL; references keep their order, which prompts refer to."""
    sources = []
    for name, role in EXCLUSIVE.items():
        if name in body:
            urls = body[name] if isinstance(body[name], list) else [body[name]]
            sources += [Source(role=role, url=url) for url in urls]
    return tuple(sources)
