"""Pictory AI Studio: the routes.

Its rules stand in `pictory_rules`, its documents in `pictory_answers`.

Sources: docs.pictory.ai: Generate Video, Get Video Generation Job, Get Jobs, Clean Job, Get Quota.
Marked *inferred* or *invented* below: what those pages leave open.
"""

import random
import re
import uuid
from collections.abc import Mapping
from functools import wraps
from typing import Any

from mockserver.directives import Script, Tally, parse
from mockserver.engine.core import Engine
from mockserver.engine.jobs import Callback, Order, Source
from mockserver.http import Handler, RefusedError, Request, Response, Route, reply
from mockserver.pictory_answers import (
    CLEANED,
    credits_number,
    item,
    job_document,
    not_found,
    quota_document,
)
from mockserver.pictory_rules import (
    EXCLUSIVE,
    FIELDS,
    KEY_SUFFIXES,
    MODELS,
    NAME,
    REFUSALS,
    UNIT,
    Fault,
    cost_in_tenths,
    decoded,
    faults_of,
    invalid,
)
from mockserver.refusals import garbage
from mockserver.settings import Settings
from mockserver.shapes import dimensions

__all__ = [
    "BASE_PATH",
    "EXAMPLE_KEY",
    "FIELDS",
    "MODELS",
    "REFUSALS",
    "Fault",
    "Pictory",
    "cost_in_tenths",
    "credits_number",
    "decoded",
    "faults_of",
]

BASE_PATH = "/pictoryapis"
KEY_PREFIX = "pictai_"
EXAMPLE_KEY = "pictai_mock"
ACCOUNT = "pictory"
PAGE_SIZE = 20
"""Jobs per page of the list; the documentation gives no number (invented)."""

LIBRARY_AGENT = re.compile(
    r"(python-|aiohttp|axios|node|undici|got |go-http-client|okhttp|java|curl|wget|ruby)",
    re.IGNORECASE,
)
"""How the names begin that HTTP libraries give themselves; which ones the edge blocks is not
documented (invented)."""


class Pictory:
    """The provider's routes on one engine."""

    def __init__(self, engine: Engine, settings: Settings, tally: Tally) -> None:
        self._engine = engine
        self._settings = settings
        self._tally = tally
        self._random = random.Random(f"{NAME} {settings.seed}")  # noqa: S311

    def routes(self) -> list[Route]:
        """The rows for the route table."""
        rows: list[tuple[str, str, str, Handler]] = [
            ("POST", "/v1/aistudio/videos", "generate_video", self.generate),
            ("GET", "/v1/jobs", "list_jobs", self.list_jobs),
            ("GET", "/v1/jobs/{job_id}", "get_job", self.get_job),
            ("DELETE", "/v1/jobs/{job_id}/clean", "clean_job", self.clean_job),
            ("GET", "/v1/quota", "get_quota", self.quota),
        ]
        return [
            Route(method, BASE_PATH + path, f"{NAME}.{operation}", self._guarded(handler))
            for method, path, operation, handler in rows
        ]

    def _guarded(self, handler: Handler) -> Handler:
        """The raw key, without `Bearer`; anything else is 401 (Request Headers, Status Codes)."""

        @wraps(handler)
        async def check(request: Request) -> Response:
            agent = request.headers.get("user-agent", "")
            library = not agent or LIBRARY_AGENT.match(agent)
            if self._settings.edge_blocks_agents and library:
                return REFUSALS[403].response()
            if not request.headers.get("authorization", "").startswith(KEY_PREFIX):
                return REFUSALS[401].response()
            return await handler(request)

        return check

    async def generate(self, request: Request) -> Response:
        """`POST /v1/aistudio/videos`."""
        suffix = request.headers["authorization"].rpartition("-")[2]
        for status in KEY_SUFFIXES:
            if suffix == str(status):
                raise RefusedError(REFUSALS[status].response())
        body = self._read(request)
        prompt = body["prompt"]
        script = parse(prompt, refusals=REFUSALS, provider=NAME)
        if script.refuse:
            raise RefusedError(REFUSALS[script.refuse].response(script.retry_after))
        if self._tally.among_first(script.throttle, NAME, "throttle", prompt):
            raise RefusedError(REFUSALS[429].response(script.retry_after))
        job = self._engine.accept(self._order(body, script, request.origin))
        if self._tally.among_first(script.garble_reply, NAME, "garble-reply", prompt):
            return garbage(job.id)
        response = reply({"success": True, "data": {"jobId": job.id}}, job=job.id)
        response.lost = self._tally.among_first(script.lose_reply, NAME, "lose-reply", prompt)
        return response

    def _read(self, request: Request) -> dict[str, Any]:
        if request.content_type == "application/json":
            found = decoded(request.body, count=self._settings.prompt_count)
        else:
            found = [Fault("Content-Type", "must be application/json")]
        if isinstance(found, list):
            raise RefusedError(reply(invalid(found), 400))
        return found

    def _order(self, body: dict[str, Any], script: Script, origin: str) -> Order:
        model = MODELS[body["model"]]
        seconds = int(body["duration"].removesuffix("s"))
        width, height = dimensions(body["aspectRatio"], model.short_side)
        webhook = body.get("webhook")
        settings = self._settings
        return Order(
            id=str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            number=len(self._engine.jobs) + 1,
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
            callback=None
            if webhook is None or script.no_callback
            else Callback(url=webhook, body=job_document),
            origin=settings.public_url or origin,
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
        job = self._engine.jobs.get(NAME, job_id)
        if job is None:
            return reply(not_found(job_id))
        if job.garbles():
            return garbage(job.id)
        return reply(job_document(job), job=job.id)

    async def list_jobs(self, request: Request) -> Response:
        """`GET /v1/jobs`, newest first; the key of the next page is the last id of this one."""
        jobs = self._engine.jobs.of(NAME)
        start = 0
        if key := request.query.get("nextPageKey"):
            ids = [job.id for job in jobs]
            if key not in ids:
                return reply({"code": "INVALID_REQUEST", "message": "Unknown nextPageKey"}, 400)
            start = ids.index(key) + 1
        page = jobs[start : start + PAGE_SIZE]
        if any([job.garbles() for job in page]):  # noqa: C419 - every job counts this look
            return garbage()
        answer: dict[str, object] = {"items": [item(job) for job in page]}
        if start + PAGE_SIZE < len(jobs):
            answer["nextPageKey"] = page[-1].id
        return reply(answer)

    async def clean_job(self, request: Request) -> Response:
        """`DELETE /v1/jobs/{jobid}/clean`: safe to repeat; its answers' bodies are invented."""
        job_id = request.params["job_id"]
        job = self._engine.jobs.get(NAME, job_id)
        if job is None:
            return reply(not_found(job_id))
        try:
            self._engine.clean(job)
        except ValueError:
            text = "Only a finished job can be cleaned"
            return reply({"code": "INVALID_REQUEST", "message": text}, 400, job=job.id)
        answer = {"job_id": job.id, "success": True, "data": {"status": CLEANED}}
        return reply(answer, job=job.id)

    async def quota(self, _request: Request) -> Response:
        """`GET /v1/quota`."""
        return reply(quota_document(self._engine.ledger.total.get(NAME, 0)))


def sources_of(body: Mapping[str, Any]) -> tuple[Source, ...]:
    """The inputs by URL; references keep their order, which prompts refer to."""
    sources = []
    for name, role in EXCLUSIVE.items():
        if name in body:
            urls = body[name] if isinstance(body[name], list) else [body[name]]
            sources += [Source(role=role, url=url) for url in urls]
    return tuple(sources)
