"""The PixVerse accounts configured at useapi.net: who has room, who is on hold.

Sources: useapi.net: POST accounts/email, GET accounts/email, GET accounts, GET features.
"""

from collections.abc import Collection, Mapping
from typing import Any, cast
from urllib.parse import unquote

import msgspec

from mockserver.engine import chance
from mockserver.engine.core import Engine
from mockserver.engine.jobs import Job
from mockserver.magic.directives import Busy
from mockserver.pixverse.answers import account_document, features_document
from mockserver.pixverse.errors import BUSY, HOLD, REFUSALS, filled, status_in
from mockserver.pixverse.rules import MAX_JOBS_MAX, NAME, REPLY_MAX
from mockserver.settings import Account
from mockserver.wire.forms import FormError, read_fields
from mockserver.wire.http import RefusedError, Request, Response, reply
from mockserver.wire.rules import Count, Field, Integer, Text

FIELDS: Mapping[str, Field] = {
    "email": Field(Text(REPLY_MAX, 1), "The PixVerse login; the same as in the path."),
    "password": Field(Text(REPLY_MAX, 1), "Its password; kept nowhere and shown masked."),
    "maxJobs": Field(Integer(1, MAX_JOBS_MAX), "Jobs the account runs at once."),
    "token": Field(Text(0), "Left empty; something for the provider's own debugging."),
}
"""The body of `POST /accounts/{email}`; lengths of texts are inferred."""
REQUIRED = ("email", "password", "maxJobs")


def error(text: str, status: int) -> Response:
    """`{"error": text, "code": status}`; the pages that show `code` give it the HTTP status."""
    return reply({"error": text, "code": status}, status)


def faults_of(email: str, body: Mapping[str, Any], *, count: Count = "code_points") -> list[str]:
    """Every fault of a configuration for the account in the path."""
    faults = [f"{name} is required" for name in REQUIRED if body.get(name) is None]
    for name, field in FIELDS.items():
        if body.get(name) is not None and (fault := field.rule.fault(body[name], count)):
            faults.append(f"{name} {fault}")
    if not faults and body["email"] != email:
        faults.append("email must be the one in the path")
    return faults


class Accounts:
    """The configurations of one mock server, its holds, and the choice of an account."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._accounts = {each.email: each for each in engine.settings.pixverse_accounts()}
        self._held: set[str] = set()
        self._configured: set[str] = set()
        """Accounts posted anew, which the token for holds finds in order."""

    def fork(self, engine: Engine) -> "Accounts":
        """The same accounts in another world."""
        accounts = Accounts(engine)
        accounts._accounts = self._accounts.copy()
        accounts._held, accounts._configured = self._held.copy(), self._configured.copy()
        return accounts

    @property
    def emails(self) -> Collection[str]:
        """The accounts by email, those configured later included."""
        return self._accounts.keys()

    @property
    def held(self) -> frozenset[str]:
        """The accounts on hold."""
        return frozenset(self._held)

    def hold(self, email: str) -> None:
        """Puts an account on hold: creates through it answer 596 until it is configured anew.

        Raises:
            KeyError: there is no such account.
        """
        self._held.add(self._accounts[email].email)

    def require(self, email: str | None) -> None:
        """Checks that the account named, if one is, is configured.

        Raises:
            RefusedError: it is not.
        """
        if email is None or email in self._accounts:
            return
        status = status_in(email)
        if status is None:
            raise RefusedError(filled(REFUSALS[404], email=email).response())
        self._accounts[email] = Account(email=email, max_jobs=self._engine.settings.max_jobs)
        if status == HOLD:
            self.hold(email)

    def executing(self, account: Account) -> tuple[Job, ...]:
        """The jobs that hold a slot of the account."""
        return self._engine.jobs.in_flight(NAME, account.email)

    def every(self) -> tuple[Account, ...]:
        """All configurations."""
        return tuple(self._accounts.values())

    def free(self, email: str | None, max_jobs: int | None, key: str, *, holding: bool) -> Account:
        """An account with a free slot; the request's `maxJobs` overrides the account's.

        Overflow is refused, never queued (create-frames-v3, Responses). That an account on hold
        is passed over where none is named is inferred.

        Args:
            email: the account that the request names.
            max_jobs: the limit that the request names.
            key: what decides the choice between several.
            holding: whether the token is the one that finds accounts on hold.

        Raises:
            RefusedError: the account named, or every one, is on hold or busy.
        """
        named = self.every() if email is None else (self._accounts[email],)
        usable = [account for account in named if not self._is_held(account.email, holding)]
        if not usable:
            raise RefusedError(REFUSALS[596].response())
        free = [
            account
            for account in usable
            if len(self.executing(account)) < (max_jobs or account.max_jobs)
        ]
        if not free:
            raise RefusedError(self.busy("all" if email is None else "account", email, max_jobs))
        draw = chance.draw(self._engine.settings.seed, NAME, "account", key)
        return free[draw % len(free)]

    def busy(
        self, who: Busy, email: str | None, max_jobs: int | None, retry_after: int | None = None
    ) -> Response:
        """The 429 that says who is busy; without an email the first account is blamed."""
        account = self._accounts[email or next(iter(self._accounts))]
        limit = max_jobs or account.max_jobs
        return filled(BUSY[who], email=account.email, maxJobs=limit).response(retry_after)

    def _is_held(self, email: str, holding: bool) -> bool:  # noqa: FBT001
        return email in self._held or (holding and email not in self._configured)

    async def list_all(self, _request: Request) -> Response:
        """`GET /accounts`: configurations by email, secrets masked."""
        return reply({account.email: account_document(account) for account in self.every()})

    async def get(self, request: Request) -> Response:
        """`GET /accounts/{email}`; an unknown one is 404 without a body."""
        account = self._accounts.get(unquote(request.params["email"]))
        return Response(status=404) if account is None else reply(account_document(account))

    async def post(self, request: Request) -> Response:
        """`POST /accounts/{email}`: configures an account, which ends its hold."""
        email = unquote(request.params["email"])
        try:
            body = read_fields(request, integers=frozenset({"maxJobs"}), booleans=frozenset())
        except FormError as fault:
            return error(str(fault), 400)
        if faults := faults_of(email, body, count=self._engine.settings.prompt_count):
            return error("; ".join(faults), 400)
        known = self._accounts.get(email, Account(email=email))
        account = msgspec.structs.replace(known, max_jobs=cast("int", body["maxJobs"]))
        self._accounts[email] = account
        self._held.discard(email)
        self._configured.add(email)
        return reply(account_document(account), 201)

    async def features(self, request: Request) -> Response:
        """`GET /features?email=`: what the plan allows and has left; `email` as for uploads."""
        email = request.query.get("email")
        if email is None and len(self._accounts) > 1:
            return error("Parameter email is required when several accounts are configured", 400)
        email = next(iter(self._accounts)) if email is None else email
        if email not in self._accounts:
            return error(f"Account {email} is not configured.", 404)
        return reply(features_document(self._engine.ledger.spent(NAME, email)))
