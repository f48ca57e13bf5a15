"""Pictory AI Studio as its documentation describes it.

Sources: docs.pictory.ai: Generate Video (paths, limits, model table, status codes, exclusivity)
and the AI Studio guides; docs.pictory.ai: Get Video Generation Job and Get Jobs (answers).
Marked *inferred* or *invented* below: what those pages leave open.
"""

import random
import uuid
from collections.abc import Mapping
from functools import wraps
from typing import Any

import msgspec

from mockserver.directives import DirectiveError, Script, Tally, parse
from mockserver.engine.addresses import is_uri
from mockserver.engine.core import Engine
from mockserver.engine.jobs import Callback, Job, Order, Phase, Role, Source
from mockserver.http import Handler, RefusedError, Request, Response, Route, reply
from mockserver.settings import Settings
from mockserver.shapes import dimensions

NAME = "pictory"
BASE_PATH = "/pictoryapis"
KEY_PREFIX = "pictai_"
EXAMPLE_KEY = "pictai_mock"
ACCOUNT = "pictory"
UNIT = "tenths of an AI credit"

PROMPT_MIN, PROMPT_MAX = 5, 5000
REFERENCES_MAX = 3
PAGE_SIZE = 20
"""Jobs per page of the list; the documentation gives no number (invented)."""


class Model(msgspec.Struct, frozen=True):
    """A row of the table "Model Capabilities and Pricing"; the first value is the default."""

    ratios: tuple[str, ...]
    durations: tuple[str, ...]
    tenths_per_second: int
    short_side: int
    """Pixels of the shorter side; the documentation names none (inferred)."""


MODELS: Mapping[str, Model] = {
    "veo3.1": Model(("16:9", "9:16"), ("4s", "6s", "8s"), 200, 1080),
    "veo3.1_fast": Model(("16:9", "9:16"), ("4s", "6s", "8s"), 100, 1080),
    "pixverse5.5": Model(("16:9", "9:16", "1:1", "3:4", "4:3"), ("5s", "8s", "10s"), 16, 720),
}
DEFAULT_MODEL = "pixverse5.5"

EXCLUSIVE: Mapping[str, Role] = {
    "firstFrameImageUrl": "first",
    "extendVideoUrl": "extend",
    "referenceImageUrls": "reference",
}
"""Section "Parameter Exclusivity": at most one of these."""

STATUSES: Mapping[Phase, str] = {
    Phase.QUEUED: "in-progress",
    Phase.RUNNING: "in-progress",
    Phase.COMPLETED: "completed",
    Phase.FAILED: "failed",
    Phase.MODERATED: "failed",
}

ERROR_CODES = {
    "generation": "AI_VIDEO_GENERATION_FAILED",
    "input": "AI_VIDEO_INPUT_UNREADABLE",
    "moderation": "AI_VIDEO_CONTENT_MODERATED",
}
"""Codes of failed jobs: the field is documented, these values are invented."""

REFUSALS: Mapping[int, dict[str, str]] = {
    429: {"message": "Too Many Requests"},
    500: {"message": "Internal server error"},
}
"""Errors on demand; the statuses are documented or warned of, the texts invented."""

UNAUTHORIZED = {"message": "Unauthorized"}
NOT_FOUND = {"error_code": "5000", "error_message": "JOB_NOT_FOUND"}


class Fault(msgspec.Struct, frozen=True):
    """An entry of the 400 answer's `fields`."""

    name: str
    errors: str


def guarded(handler: Handler) -> Handler:
    """The raw key, without `Bearer`; anything else is 401 (Request Headers, Status Codes)."""

    @wraps(handler)
    async def check(request: Request) -> Response:
        if not request.headers.get("authorization", "").startswith(KEY_PREFIX):
            return reply(UNAUTHORIZED, 401)
        return await handler(request)

    return check


def faults_of(body: Mapping[str, Any]) -> list[Fault]:
    """Every fault of a request body, in the order of the documented fields.

    Unknown fields are no fault: a misspelt name is ignored silently (inferred from the vendor's
    remarks on its rendering API).
    """
    return [*_prompt(body), *_model(body), *_inputs(body), *_uris(body)]


def _prompt(body: Mapping[str, Any]) -> list[Fault]:
    prompt = body.get("prompt")
    if "prompt" not in body:
        return [Fault("prompt", "is required")]
    if not isinstance(prompt, str):
        return [Fault("prompt", "must be a string")]
    if not PROMPT_MIN <= len(prompt) <= PROMPT_MAX:
        return [Fault("prompt", f"must be between {PROMPT_MIN} and {PROMPT_MAX} characters")]
    try:
        parse(prompt, refusals=REFUSALS)
    except DirectiveError as fault:
        return [Fault("prompt", str(fault))]
    return []


def _model(body: Mapping[str, Any]) -> list[Fault]:
    name = body.get("model", DEFAULT_MODEL)
    known = isinstance(name, str) and name in MODELS
    rows = [MODELS[name]] if known else list(MODELS.values())
    allowed = {
        "aspectRatio": [ratio for row in rows for ratio in row.ratios],
        "duration": [duration for row in rows for duration in row.durations],
    }
    faults = [] if known else [Fault("model", f"must be one of: {', '.join(MODELS)}")]
    for field, values in allowed.items():
        if field in body and body[field] not in values:
            unique = ", ".join(dict.fromkeys(values))
            faults.append(Fault(field, f"must be one of: {unique}"))
    return faults


def _inputs(body: Mapping[str, Any]) -> list[Fault]:
    given = [name for name in EXCLUSIVE if name in body]
    return [Fault(name, f"must not be combined with {given[0]}") for name in given[1:]]


def _uris(body: Mapping[str, Any]) -> list[Fault]:
    faults = [
        Fault(name, "must be a valid uri")
        for name in ("firstFrameImageUrl", "extendVideoUrl", "webhook")
        if name in body and not is_uri(body[name])
    ]
    if "referenceImageUrls" in body:
        urls = body["referenceImageUrls"]
        if not isinstance(urls, list) or not 1 <= len(urls) <= REFERENCES_MAX:
            text = f"must be an array of 1 to {REFERENCES_MAX} items"
            faults.append(Fault("referenceImageUrls", text))
        else:
            faults += [
                Fault(f"referenceImageUrls[{index}]", "must be a valid uri")
                for index, url in enumerate(urls)
                if not is_uri(url)
            ]
    return faults


def cost_in_tenths(model: str, seconds: int) -> int:
    """Price of a job in tenths of an AI credit (table "AI Credits per Second")."""
    return MODELS[model].tenths_per_second * seconds


def credits_number(tenths: int) -> float | int:
    """Credits as the wire prints them: 12.8, but 8 rather than 8.0."""
    return tenths // 10 if tenths % 10 == 0 else tenths / 10


def job_document(job: Job) -> dict[str, object]:
    """The answer of Get Video Generation Job; the webhook's body is the same (inferred)."""
    order = job.order
    data: dict[str, object] = {"status": STATUSES[job.phase]}
    if job.failure is not None:
        data["error_code"] = ERROR_CODES[job.failure.kind]
        data["error_message"] = job.failure.message
    elif job.phase is Phase.COMPLETED:
        stem = f"{order.origin}/media/{order.media_name}"
        data |= {
            "url": f"{stem}.mp4",
            "duration": f"{order.seconds}s",
            "width": order.width,
            "height": order.height,
            "thumbnailImageUrl": f"{stem}.thumb.jpg",
            "lastFrameImageUrl": f"{stem}.last.png",
            "previewImageUrl": f"{stem}.preview.jpg",
            "aiCreditsUsed": credits_number(order.cost),
        }
    return {"job_id": job.id, "success": job.failure is None, "data": data}


def refusal(faults: list[Fault]) -> Response:
    """The 400 answer; its shape is documented, its message inferred."""
    return reply(
        {
            "code": "INVALID_REQUEST_BODY",
            "message": "Request body validation failed",
            "fields": faults,
        },
        400,
    )


def read_body(request: Request) -> Mapping[str, Any]:
    """A valid request body.

    Raises:
        RefusedError: it is not; the response names every fault.
    """
    if request.content_type != "application/json":
        raise RefusedError(refusal([Fault("Content-Type", "must be application/json")]))
    try:
        body = msgspec.json.decode(request.body)
    except msgspec.DecodeError:
        body = None
    if not isinstance(body, dict):
        raise RefusedError(refusal([Fault("body", "must be a JSON object")]))
    if faults := faults_of(body):
        raise RefusedError(refusal(faults))
    return body


class Pictory:
    """The provider's routes on one engine."""

    def __init__(self, engine: Engine, settings: Settings, tally: Tally) -> None:
        self._engine = engine
        self._settings = settings
        self._tally = tally
        self._random = random.Random(f"{NAME} {settings.seed}")  # noqa: S311

    def routes(self) -> list[Route]:
        """The rows for the route table."""
        jobs = f"{BASE_PATH}/v1/jobs"
        return [
            Route(
                "POST",
                f"{BASE_PATH}/v1/aistudio/videos",
                "pictory.generate_video",
                guarded(self.generate),
            ),
            Route("GET", jobs, "pictory.list_jobs", guarded(self.list_jobs)),
            Route("GET", f"{jobs}/{{job_id}}", "pictory.get_job", guarded(self.get_job)),
        ]

    async def generate(self, request: Request) -> Response:
        """`POST /v1/aistudio/videos`."""
        body = read_body(request)
        prompt = body["prompt"]
        script = parse(prompt, refusals=REFUSALS)
        if script.refuse:
            raise RefusedError(reply(REFUSALS[script.refuse], script.refuse))
        if self._tally.among_first(script.throttle, NAME, "throttle", prompt):
            raise RefusedError(reply(REFUSALS[429], 429))
        job = self._engine.accept(self._order(body, script, request.origin))
        response = reply({"success": True, "data": {"jobId": job.id}}, job=job.id)
        response.lost = self._tally.among_first(script.lose_reply, NAME, "lose-reply", prompt)
        return response

    def _order(self, body: Mapping[str, Any], script: Script, origin: str) -> Order:
        name = body.get("model", DEFAULT_MODEL)
        model = MODELS[name]
        seconds = int(body.get("duration", model.durations[0]).removesuffix("s"))
        width, height = dimensions(body.get("aspectRatio", model.ratios[0]), model.short_side)
        webhook = body.get("webhook")
        settings = self._settings
        return Order(
            id=str(uuid.UUID(int=self._random.getrandbits(128), version=4)),
            number=len(self._engine.jobs) + 1,
            provider=NAME,
            account=ACCOUNT,
            prompt=body["prompt"],
            params=body,
            cost=cost_in_tenths(name, seconds),
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
        )

    async def get_job(self, request: Request) -> Response:
        """`GET /v1/jobs/{jobid}`; the status of an unknown id is not documented (inferred)."""
        job_id = request.params["job_id"]
        job = self._engine.jobs.get(NAME, job_id)
        if job is None:
            return reply({"job_id": job_id, "success": False, "data": NOT_FOUND})
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
        answer: dict[str, object] = {"items": [_item(job) for job in page]}
        if start + PAGE_SIZE < len(jobs):
            answer["nextPageKey"] = page[-1].id
        return reply(answer)


def sources_of(body: Mapping[str, Any]) -> tuple[Source, ...]:
    """The inputs by URL; references keep their order, which prompts refer to."""
    sources = []
    for name, role in EXCLUSIVE.items():
        if name in body:
            urls = body[name] if isinstance(body[name], list) else [body[name]]
            sources += [Source(role=role, url=url) for url in urls]
    return tuple(sources)


def _item(job: Job) -> dict[str, object]:
    # The list spells the id `jobId` and puts it inside `data`; the single answer does not.
    status = STATUSES[job.phase]
    return {"success": job.failure is None, "data": {"jobId": job.id, "status": status}}
