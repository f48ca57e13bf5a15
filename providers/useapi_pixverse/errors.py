"""useapi.net's errors."""

from typing import Any, Final

from providers import _wire
from providers._refusals import Refusal, refused
from providers.contract import (
    Account,
    Fault,
    HttpResponse,
    Limit,
    Refused,
    Scope,
    Unclear,
    Unseen,
    shorten,
)

CREATE: Final = "useapi.net: POST videos/create-frames-v3"

REFUSALS: Final = (
    Refusal(status=400, fault=Fault.INVALID_REQUEST, scope=Scope.JOB, source=CREATE),
    # Of the account: each has a token of its own here, and one bad one says nothing of others.
    Refusal(status=401, fault=Fault.UNAUTHORIZED, scope=Scope.ACCOUNT, source=CREATE),
    Refusal(
        status=402,
        fault=Fault.NO_SUBSCRIPTION,
        scope=Scope.ACCOUNT,
        source="useapi.net: PixVerse API v1, GET jobs/cancel",
    ),
    # The `email` is none of those set up at useapi.net; the pages about accounts answer so.
    Refusal(status=404, fault=Fault.UNKNOWN_ACCOUNT, scope=Scope.ACCOUNT, source="inferred"),
    Refusal(status=412, fault=Fault.NO_CREDITS, scope=Scope.ACCOUNT, source=CREATE),
    Refusal(status=422, fault=Fault.MODERATED, scope=Scope.JOB, source=CREATE),
    # One status, three meanings: this account is full by its own maxJobs; every account
    # is; PixVerse itself refused, perhaps because of jobs started elsewhere.
    Refusal(
        status=429,
        fault=Fault.THROTTLED,
        scope=Scope.ACCOUNT,
        retry=True,
        says="is busy executing",
        limit=Limit.ACCOUNT_JOBS,
        source=CREATE,
    ),
    Refusal(
        status=429,
        fault=Fault.THROTTLED,
        scope=Scope.PROVIDER,
        retry=True,
        says="All configured accounts",
        limit=Limit.ALL_ACCOUNTS,
        source=CREATE,
    ),
    Refusal(
        status=429,
        fault=Fault.THROTTLED,
        scope=Scope.ACCOUNT,
        retry=True,
        says="Reached the limit for concurrent",
        limit=Limit.PLAN,
        source=CREATE,
    ),
    Refusal(status=429, fault=Fault.THROTTLED, scope=Scope.ACCOUNT, retry=True, source="inferred"),
    # Outside the registered range, so nobody else answers it, and its own page prints a body
    # that is no JSON. Without this row it would pass for a 5xx to retry.
    Refusal(status=596, fault=Fault.ON_HOLD, scope=Scope.ACCOUNT, any_body=True, source=CREATE),
)
"""The first row that fits decides; no row means that the outcome is unclear."""


def refusal(response: HttpResponse, body: dict[str, Any] | None) -> Refused | None:
    """The refusal that an answer to a creation or an upload is, if it is one.

    Errors that are passed on from PixVerse can be objects: then the answer is the words.
    """
    said = body.get("error") if body else None
    if said is None or isinstance(said, str):
        return refused(REFUSALS, response, said)
    return refused(REFUSALS, response, _wire.printable(response.body))


def unseen(response: HttpResponse, account: Account) -> Unseen:
    """A look that failed, in the answer's words."""
    said = _wire.printable(_wire.unkeyed(response, account, always=True).body)
    return Unseen(
        reason=f"HTTP {response.status}: {shorten(said, 120)}",
        wait_seconds=_wire.retry_after(response),
    )


def unclear(response: HttpResponse, account: Account) -> Unclear:
    """An answer that is neither a success nor a known refusal, in its own words."""
    said = _wire.printable(_wire.unkeyed(response, account, always=True).body)
    return Unclear(
        evidence=f"HTTP {response.status}: {shorten(said)}",
        status=response.status,
    )
