"""What comes back: outcomes of submissions and uploads, sightings of jobs, refusals."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

import msgspec

from providers.contract.table import Price


class Fault(StrEnum):
    """Why a provider said no, in the gateway's words; clients see these as `error.code`."""

    INVALID_REQUEST = "provider_rejected_request"
    INVALID_INPUT = "provider_rejected_input"
    MODERATED = "content_moderated"
    UNAUTHORIZED = "provider_unauthorized"
    NO_SUBSCRIPTION = "provider_subscription_lapsed"
    NO_CREDITS = "insufficient_credits"
    UNKNOWN_ACCOUNT = "provider_account_unknown"
    ON_HOLD = "account_on_hold"
    BLOCKED = "blocked_at_the_edge"
    THROTTLED = "provider_throttled"
    GENERATION_FAILED = "generation_failed"
    RESULT_GONE = "result_gone"


class Blame(StrEnum):
    """Whose move it is."""

    CALLER = "caller"
    OPERATOR = "operator"
    PROVIDER = "provider"


BLAME: Final[Mapping[Fault, Blame]] = MappingProxyType(
    {
        Fault.INVALID_REQUEST: Blame.CALLER,
        Fault.INVALID_INPUT: Blame.CALLER,
        Fault.MODERATED: Blame.CALLER,
        Fault.UNAUTHORIZED: Blame.OPERATOR,
        Fault.NO_SUBSCRIPTION: Blame.OPERATOR,
        Fault.NO_CREDITS: Blame.OPERATOR,
        Fault.UNKNOWN_ACCOUNT: Blame.OPERATOR,
        Fault.ON_HOLD: Blame.OPERATOR,
        Fault.BLOCKED: Blame.OPERATOR,
        Fault.THROTTLED: Blame.PROVIDER,
        Fault.GENERATION_FAILED: Blame.PROVIDER,
        Fault.RESULT_GONE: Blame.PROVIDER,
    }
)
"""Every fault: who can mend it."""


class Scope(StrEnum):
    """What a refusal is about: only this job, the account, or the whole provider."""

    JOB = "job"
    ACCOUNT = "account"
    PROVIDER = "provider"


class Limit(StrEnum):
    """Which limit a `THROTTLED` refusal ran into, where the provider tells."""

    ACCOUNT_JOBS = "account_jobs"
    """As many jobs as the account may have by its own `max_jobs`."""
    ALL_ACCOUNTS = "all_accounts"
    """Every account behind these credentials has as many jobs as it may."""
    PLAN = "plan"
    """What the account's plan allows, counting jobs that were started elsewhere."""


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The provider answered in its own documented words that it will not do this.

    Nothing was made and nothing was charged. `words` are the provider's; `wait_seconds` is
    what it asked for (`Retry-After`), None where it named no time; `pause` is how long its
    documentation says to wait, from the first time to the most, where `retry` is set; `limit`
    is what there was too much of, None where no words tell.
    """

    fault: Fault
    scope: Scope
    retry: bool
    words: str
    status: int
    wait_seconds: float | None = None
    pause: tuple[float, float] = (10.0, 30.0)
    limit: Limit | None = None


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """The provider took the job (and will bill it) under this id."""

    remote_id: str


class Unclear(msgspec.Struct, frozen=True, kw_only=True):
    """An answer from which nobody can tell whether a job was made.

    Never a reason to send again: `evidence` is kept and the attempt is reconciled. It is
    looked for under `remote_id`, where the answer named one all the same.
    """

    evidence: str
    status: int
    remote_id: str | None = None


class Uploaded(msgspec.Struct, frozen=True, kw_only=True):
    """The provider keeps a picture or video under this reference."""

    reference: str


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Not finished. `word` is the provider's own status, known to us or not."""

    word: str
    progress: int | None = None


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """The video can be fetched at `url`, for as long as the provider keeps it."""

    url: str
    cost: Price | None = None


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The provider's own verdict that this job will never deliver."""

    fault: Fault
    words: str


class Unseen(msgspec.Struct, frozen=True, kw_only=True):
    """This look told nothing about the job (an error, a gap in a list): look again later."""

    reason: str
    wait_seconds: float | None = None


SubmitOutcome: TypeAlias = Accepted | Refused | Unclear
UploadOutcome: TypeAlias = Uploaded | Refused | Unclear
Sighting: TypeAlias = Running | Finished | Failed | Unseen


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """What a callback's body claims. Nobody signs callbacks: it only wakes a poll."""

    remote_id: str | None = None
    reference: str | None = None
