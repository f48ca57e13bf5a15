"""Attempts whose answer was lost, and the jobs of the provider's that turn out to be theirs."""

from collections.abc import Mapping, Sequence

import msgspec

from providers.contract.asked import Role, VideoSpec


class Lost(msgspec.Struct, frozen=True, kw_only=True):
    """An attempt whose answer is missing, as it was sent.

    `reference` is its `Submission.reference`; `spec` has the seed that was sent, which is
    `drawn` where it is the gateway's own choice, so nobody else's but by chance; `sent_at` is in
    microseconds since 1970, UTC.
    """

    reference: str
    spec: VideoSpec
    inputs: Mapping[Role, Sequence[str]]
    sent_at: int
    drawn: bool = False


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """A job at the provider that is an attempt's; `evidence` says in words what told so.

    `named`: it carries the attempt's own reference; else it was made from the same order.
    """

    reference: str
    remote_id: str
    evidence: str
    named: bool = False


class Search(msgspec.Struct, frozen=True, kw_only=True):
    """What looking for lost attempts came to.

    Attributes:
        found: At most one job for each reference, and each job at most once.
        doubles: Further jobs that are the same attempt's: the provider made it twice.
        whole: Everything was read, back to before the oldest attempt was sent: whoever is
            not found was not there.
        suspects: Ids nobody knows that may be one of these attempts. While there are any,
            absence proves nothing.
        reason: Why the search is not whole, or what was looked at.
        wait_seconds: `Retry-After` of a list that was refused, None where it named no time.
    """

    found: tuple[Trace, ...] = ()
    doubles: tuple[Trace, ...] = ()
    whole: bool = False
    suspects: tuple[str, ...] = ()
    reason: str = ""
    wait_seconds: float | None = None
