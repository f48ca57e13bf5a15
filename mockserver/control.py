"""`/__mock`: what the mock knows of itself, and the hand on its clock."""

import hmac
from collections import Counter
from collections.abc import Sequence
from functools import wraps
from typing import Protocol
from urllib.parse import unquote

import msgspec

from mockserver.directives import DIRECTIVES
from mockserver.engine.clock import Clock, iso
from mockserver.engine.jobs import Job, Jobs
from mockserver.engine.journal import Journal
from mockserver.engine.ledger import Ledger
from mockserver.http import Handler, Request, Response, Route, reply
from mockserver.openapi import PROVIDERS, document_of
from mockserver.pixverse_accounts import Accounts
from mockserver.settings import Settings
from mockserver.triggers import TRIGGERS

BASE_PATH = "/__mock"


class Controlled(Protocol):
    """What the control API shows and moves."""

    settings: Settings

    @property
    def clock(self) -> Clock:
        """Virtual time."""

    @property
    def jobs(self) -> Jobs:
        """Every job."""

    @property
    def ledger(self) -> Ledger:
        """Charges and refunds."""

    @property
    def journal(self) -> Journal:
        """Requests and deliveries."""

    @property
    def routes(self) -> Sequence[Route]:
        """The route table."""

    @property
    def accounts(self) -> Accounts:
        """The PixVerse accounts."""

    async def advance(self, seconds: float) -> None:
        """Moves a manual clock."""

    async def reset(self) -> None:
        """Forgets everything."""


class Advance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /__mock/clock/advance`."""

    seconds: float


def job_summary(job: Job, now: float) -> dict[str, object]:
    """A job without its bytes."""
    order = job.order
    return {
        "id": job.id,
        "provider": order.provider,
        "account": order.account,
        "phase": job.phase,
        "progress": job.progress(now),
        "prompt": order.prompt,
        "cost": order.cost,
        "unit": order.unit,
        "accepted_at": job.accepted_at,
        "started_at": job.started_at,
        "ended_at": job.ended_at,
        "failure": job.failure,
    }


class Control:
    """The control routes of one mock server."""

    def __init__(self, mock: Controlled) -> None:
        self._mock = mock

    def routes(self) -> list[Route]:
        """The rows for the route table, behind the token when there is one."""
        rows: list[tuple[str, str, Handler]] = [
            ("GET", "", self.summary),
            ("DELETE", "", self.reset),
            ("GET", "/jobs", self.jobs),
            ("GET", "/ledger", self.ledger),
            ("GET", "/journal", self.journal),
            ("POST", "/clock/advance", self.advance),
            ("POST", "/accounts/{email}/hold", self.hold),
            ("GET", "/openapi/{file}", self.document),
        ]
        return [
            Route(method, BASE_PATH + path, "mock.control", self._guarded(handler), slash=True)
            for method, path, handler in rows
        ]

    def _guarded(self, handler: Handler) -> Handler:
        @wraps(handler)
        async def check(request: Request) -> Response:
            token = self._mock.settings.control_token
            given = request.headers.get("authorization", "")
            if token and not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
                return reply({"error": "The control API needs its token as a Bearer token"}, 401)
            return await handler(request)

        return check

    async def summary(self, _request: Request) -> Response:
        """Where everything stands, which directives prompts may hold, and every trigger."""
        mock = self._mock
        now = mock.clock.now()
        return reply(
            {
                "clock": {
                    "kind": mock.clock.kind,
                    "speed": mock.clock.speed,
                    "now": now,
                    "utc": iso(mock.clock.utc(now), milliseconds=True),
                },
                "jobs": Counter(job.phase.value for job in mock.jobs),
                "charged": mock.ledger.total,
                "requests": len(mock.journal.requests),
                "deliveries": len(mock.journal.deliveries),
                "accounts": mock.accounts.every(),
                "held": sorted(mock.accounts.held),
                "directives": {row.example: row.meaning for row in DIRECTIVES.values()},
                "triggers": TRIGGERS,
                "openapi": [f"{BASE_PATH}/openapi/{name}.json" for name in PROVIDERS],
            }
        )

    async def jobs(self, _request: Request) -> Response:
        """Every job of every provider, oldest first."""
        now = self._mock.clock.now()
        return reply({"jobs": [job_summary(job, now) for job in self._mock.jobs]})

    async def ledger(self, _request: Request) -> Response:
        """The lines, and sums by provider and by job."""
        ledger = self._mock.ledger
        return reply(
            {
                "charges": ledger.charges,
                "refunds": ledger.refunds,
                "total": ledger.total,
                "per_job": ledger.per_job,
            }
        )

    async def journal(self, _request: Request) -> Response:
        """Requests and deliveries."""
        journal = self._mock.journal
        return reply({"requests": journal.requests, "deliveries": journal.deliveries})

    async def hold(self, request: Request) -> Response:
        """Puts a PixVerse account on hold until it is configured anew."""
        email = unquote(request.params["email"])
        try:
            self._mock.accounts.hold(email)
        except KeyError:
            return reply({"error": f"Account {email} is not configured"}, 404)
        return Response(status=204)

    async def document(self, request: Request) -> Response:
        """The OpenAPI document of a provider, `pictory.json` or `pixverse.json`."""
        name = request.params["file"].removesuffix(".json")
        if f"{name}.json" != request.params["file"] or name not in PROVIDERS:
            known = ", ".join(f"{each}.json" for each in PROVIDERS)
            return reply({"error": f"There are: {known}"}, 404)
        origin = self._mock.settings.public_url or request.origin
        return reply(document_of(name, self._mock.routes, origin))

    async def advance(self, request: Request) -> Response:
        """Moves a manual clock; answers when all that fell due has settled."""
        if self._mock.clock.kind != "manual":
            return reply({"error": "Only a manual clock can be advanced"}, 409)
        try:
            seconds = msgspec.json.decode(request.body, type=Advance).seconds
            await self._mock.advance(seconds)
        except ValueError as fault:
            return reply({"error": str(fault)}, 400)
        return reply({"now": self._mock.clock.now()})

    async def reset(self, _request: Request) -> Response:
        """Forgets jobs, uploads, ledger and journal; a manual clock starts anew."""
        await self._mock.reset()
        return Response(status=204)
