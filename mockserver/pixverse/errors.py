"""The errors useapi.net documents for PixVerse videos, and those its callers meet besides.

Sources: useapi.net: POST videos/create-frames-v3, Responses; further pages where named.
"""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from mockserver.magic.directives import Busy
from mockserver.wire.evidence import Evidence
from mockserver.wire.refusals import Refusal

PAGE = "useapi.net: POST videos/create-frames-v3, Responses"
OWN = "this mock"


def _refusal(status: int, meaning: str, text: str, evidence: Evidence, source: str) -> Refusal:
    return Refusal(
        status=status, meaning=meaning, body={"error": text}, evidence=evidence, source=source
    )


def _upstream(status: int, text: str) -> Refusal:
    meaning = "Trouble at or before the service; nothing was made."
    return _refusal(status, meaning, text, "invented", OWN)


REFUSALS: Mapping[int, Refusal] = {
    row.status: row
    for row in (
        _refusal(
            400,
            "The request breaks a rule; the text names every fault.",
            "The request is not acceptable",
            "documented",
            f"{PAGE} (the texts are invented)",
        ),
        _refusal(401, "The token is missing or wrong.", "Unauthorized", "documented", PAGE),
        _refusal(
            402,
            "The useapi.net subscription has lapsed.",
            "Account has no subscription or subscription expired",
            "documented",
            "useapi.net: PixVerse API v1, GET jobs/cancel",
        ),
        _refusal(
            404,
            "The named account is not configured.",
            "Account {email} is not configured.",
            "inferred",
            "useapi.net: GET accounts/email",
        ),
        _refusal(
            412,
            "The PixVerse account has no credits left.",
            "All Credits have been used up. Please upgrade your membership or purchase credits.",
            "documented",
            PAGE,
        ),
        _refusal(
            422,
            "The prompt was moderated.",
            "Your prompt has triggered our AI moderator, please re-enter your prompt",
            "documented",
            PAGE,
        ),
        _refusal(
            429,
            "PixVerse itself runs no more: wait 10 to 30 s or longer, then try again.",
            "Reached the limit for concurrent generations.",
            "documented",
            PAGE,
        ),
        _upstream(500, "Internal Server Error"),
        _upstream(502, "Bad Gateway"),
        _upstream(503, "Service Unavailable"),
        _upstream(504, "Gateway Timeout"),
        _refusal(
            596,
            "The PixVerse account is on hold until it is configured anew.",
            "Your PixVerse account has pending error. Please address this issue at "
            "https://useapi.net/docs/api-pixverse-v2/post-pixverse-accounts-email "
            "before making any new API calls.",
            "documented",
            PAGE,
        ),
    )
}
"""Errors on demand, by status."""

BUSY: Mapping[Busy, Refusal] = {
    "account": _refusal(
        429,
        "The named account runs as many jobs as it may.",
        "Account {email} is busy executing {maxJobs} tasks.",
        "documented",
        PAGE,
    ),
    "all": _refusal(
        429,
        "No account was named and every one runs as many jobs as it may.",
        "All configured accounts are running at maximum capacity.",
        "documented",
        PAGE,
    ),
}
"""The two other texts of status 429: the queue of useapi.net itself is full."""

SEED_BASE = 2_147_483_000
MAGIC_SEEDS: Mapping[int, int] = {SEED_BASE + status: status for status in REFUSALS}
"""Seeds whose last three digits are the status that every submit with them is answered with."""

TOKEN_SUFFIXES = (402, 412)
"""A token that ends in `-` and one of these gets that error for every submit."""
EMAIL_SUFFIXES = (412, 422, 429, 596)
"""An account whose e-mail ends in `+` and one of these before the `@` is configured without being
posted, and answers every submit so; one with `+596` until it is posted."""
HOLD = 596
HOLD_SUFFIX = str(HOLD)
"""A token that ends in `-596` finds each account on hold until it is configured anew."""


_MAGIC_EMAIL = re.compile(r"[^@]*\+(\d{3})@.+")


def status_in(email: str) -> int | None:
    """The status that an account's e-mail asks for; None where it asks for none."""
    found = _MAGIC_EMAIL.fullmatch(email)
    return int(found[1]) if found and int(found[1]) in EMAIL_SUFFIXES else None


def filled(refusal: Refusal, **facts: object) -> Refusal:
    """The refusal with the facts of the case in its text."""
    body: dict[str, Any] = refusal.body
    return msgspec.structs.replace(refusal, body={"error": body["error"].format(**facts)})
