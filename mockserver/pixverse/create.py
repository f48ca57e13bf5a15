"""How useapi.net takes an order for a PixVerse video: reads, checks, refuses or accepts."""

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

from mockserver.engine.chance import draw
from mockserver.engine.core import Engine
from mockserver.engine.jobs import Callback, Job, Order, Phase, Role, Source
from mockserver.magic.directives import DirectiveError, Script, parse
from mockserver.media.render import film_size
from mockserver.pixverse.accounts import Accounts
from mockserver.pixverse.errors import (
    HOLD,
    HOLD_SUFFIX,
    MAGIC_SEEDS,
    REFUSALS,
    TOKEN_SUFFIXES,
    filled,
    status_in,
)
from mockserver.pixverse.files import Files
from mockserver.pixverse.rules import (
    BOOLEANS,
    INTEGERS,
    NAME,
    SHORT_SIDES,
    UNIT,
    Endpoint,
    cost_in_credits,
    faults_of,
    order_of,
)
from mockserver.settings import Account
from mockserver.wire.forms import FormError, read_fields
from mockserver.wire.http import RefusedError, Request, Response, reply
from mockserver.wire.refusals import garbage
from mockserver.wire.shapes import SIDES, dimensions, fitted, nearest_ratio
from mockserver.wire.sniff import picture_size

FIRST_VIDEO_NUMBER = 100_000_000_000
VIDEO_NUMBERS = 899_999_999_999


def refused(text: str, status: int) -> RefusedError:
    """`{"error": text}`, as the create pages show it."""
    return RefusedError(reply({"error": text}, status))


class Creator:
    """The create endpoints of one mock server."""

    def __init__(self, engine: Engine, accounts: Accounts, files: Files) -> None:
        self._engine = engine
        self._accounts = accounts
        self._files = files

    async def create(self, endpoint: Endpoint, token: str, request: Request) -> Response:
        """Checks, then limits, then accepts and takes a slot."""
        suffix = token.rpartition("-")[2]
        for status in TOKEN_SUFFIXES:
            if suffix == str(status):
                raise RefusedError(REFUSALS[status].response())
        params, script = self._read(endpoint, request)
        prompt = params.get("prompt", "")
        email, max_jobs = params.get("email"), params.get("maxJobs")
        self._accounts.require(email)
        self._refuse_on_demand(params, script)
        params, size = await self._shaped(endpoint, params)
        # Nothing waits from here to the acceptance, or two requests could take the same slot.
        account = self._accounts.free(email, max_jobs, request.key, holding=suffix == HOLD_SUFFIX)
        order = self._order(params, size, script, account, token, request)
        if self._engine.is_full(NAME, account.email):
            raise RefusedError(REFUSALS[429].response())
        if self._engine.cannot_pay(NAME, account.email, order.cost):
            raise RefusedError(REFUSALS[412].response())
        job = self._engine.accept(order)
        if self._engine.among_first(script.garble_reply, NAME, "garble-reply", prompt):
            response = garbage(job.id)
        else:
            response = reply({"video_id": job.id}, job=job.id)
        response.account = account.email
        if self._engine.among_first(script.lose_reply, NAME, "lose-reply", prompt):
            response.lost = "cut"
        return response

    def _read(self, endpoint: Endpoint, request: Request) -> tuple[dict[str, Any], Script]:
        try:
            body = read_fields(request, integers=INTEGERS, booleans=BOOLEANS)
        except FormError as fault:
            raise refused(str(fault), 400) from None
        finished = self._finished() if body.get("video_id") else frozenset()
        faults = faults_of(
            endpoint,
            body,
            self._files.paths,
            videos=finished,
            count=self._engine.settings.prompt_count,
            strict=self._engine.settings.strict_combinations,
        )
        if faults:
            raise refused("; ".join(faults), 400)
        try:
            script = parse(body.get("prompt") or "", refusals=REFUSALS, provider=NAME)
        except DirectiveError as fault:
            raise refused(str(fault), 400) from None
        return order_of(endpoint, body), script

    def _finished(self) -> frozenset[str]:
        jobs = self._engine.jobs.of(NAME)
        return frozenset(job.id for job in jobs if job.phase is Phase.COMPLETED)

    def _refuse_on_demand(self, params: Mapping[str, Any], script: Script) -> None:
        """Answers as a directive or a magic seed asks for.

        Raises:
            RefusedError: one does.
        """
        prompt, email = params.get("prompt", ""), params.get("email")
        status = script.refuse or MAGIC_SEEDS.get(params.get("seed", 0), 0)
        if not status and email is not None and status_in(email) not in {None, HOLD}:
            status = status_in(email) or 0
        if status:
            known = filled(REFUSALS[status], email=email or next(iter(self._accounts.emails)))
            raise RefusedError(known.response(script.retry_after))
        if self._engine.among_first(script.throttle, NAME, "throttle", prompt):
            raise RefusedError(REFUSALS[429].response(script.retry_after))
        if script.busy is not None:
            max_jobs = params.get("maxJobs")
            raise RefusedError(
                self._accounts.busy(script.busy, email, max_jobs, script.retry_after)
            )

    async def _shaped(
        self, endpoint: Endpoint, params: dict[str, Any]
    ) -> tuple[dict[str, Any], tuple[int, int]]:
        """The order with what it takes over from its source, and the film's size in pixels."""
        if endpoint.shape == "ratio":
            return params, dimensions(params["aspect_ratio"], SHORT_SIDES[params["quality"]])
        size: tuple[int, int] | None
        if endpoint.shape == "first_frame":
            size = picture_size(self._files.data(params["first_frame_path"]))
        elif video_id := params.get("video_id"):
            order = self._source(video_id).order
            size = (order.width, order.height)
        else:
            data = self._files.data(params["video_path"])
            looked = partial(asyncio.to_thread, film_size, data)
            size = await self._engine.tape.again(looked)
        size = size or SIDES[params["aspect_ratio"]]
        shaped = params | {"aspect_ratio": nearest_ratio(size)}
        return shaped, fitted(size, SHORT_SIDES[params["quality"]])

    def _source(self, video_id: str) -> Job:
        job = self._engine.jobs.get(NAME, video_id)
        if job is None:
            raise KeyError(video_id)
        return job

    def _order(
        self,
        params: dict[str, Any],
        size: tuple[int, int],
        script: Script,
        account: Account,
        token: str,
        request: Request,
    ) -> Order:
        settings = self._engine.settings
        number = FIRST_VIDEO_NUMBER + draw(settings.seed, NAME, request.key) % VIDEO_NUMBERS
        quality, seconds = params["quality"], params["duration"]
        reply_url = params.get("replyUrl") or account.reply_url
        user = token.removeprefix("user:").partition("-")[0]
        return Order(
            id=f"user:{user}-pixverse:{account.email}-video:{number}",
            key=request.key,
            intent=request.intent,
            cause=request.n,
            provider=NAME,
            account=account.email,
            prompt=params.get("prompt", ""),
            params=params | {"replyUrl": reply_url},
            cost=cost_in_credits(quality, seconds, params["motion_mode"], params["model"]),
            unit=UNIT,
            width=size[0],
            height=size[1],
            seconds=seconds,
            sources=self._sources(params),
            callback=Callback(url=reply_url, progress=True)
            if reply_url and not script.no_callback
            else None,
            origin=settings.public_url or request.origin,
            queue_seconds=settings.queue_seconds if script.queue is None else script.queue,
            run_seconds=settings.run_seconds if script.run is None else script.run,
            fate=script.fail,
            quirks=script.quirks,
            garbled_looks=script.garble_poll,
        )

    def _sources(self, params: Mapping[str, Any]) -> tuple[Source, ...]:
        roles: dict[str, Role] = {
            "first_frame_path": "first",
            "last_frame_path": "last",
            "video_path": "extend",
        }
        sources = [
            Source(role=role, url=path, data=self._files.data(path))
            for name, role in roles.items()
            if (path := params.get(name))
        ]
        if video_id := params.get("video_id"):
            order = self._source(video_id).order
            url = f"{order.origin}{self._engine.host.prefix}/media/{order.media_name}.mp4"
            sources.append(Source(role="extend", url=url))
        return tuple(sources)
