"""What a refusal means for accounts: whether they rest over it, which of them, and how long."""

from gateway.engine import policy
from gateway.engine.line import Bound
from gateway.engine.tools import Tools
from gateway.storage import Connection, accounts, line, refusals
from providers.contract import Account, Limit, Refused, Scope

_FULL = (Limit.ACCOUNT_JOBS, Limit.PLAN)
"""These refusals tell how many jobs an account carries."""


def door(connection: Connection, bound: Bound, answer: Refused) -> policy.Door | None:
    """How the provider's door took jobs until now; None where no door is what refused this."""
    if answer.scope is not Scope.PROVIDER or answer.retry:
        return None
    provider = bound.account.provider
    return policy.door(
        bound.job.id,
        [
            (one.job_id, one.fault is None)
            for one in refusals.answered(connection, provider, but=bound.attempt_id)
        ],
    )


def hold_against(
    connection: Connection,
    tools: Tools,
    account: Account,
    answer: Refused,
    at: policy.Door | None,
    words: str,
    now: int,
) -> int:
    """Rest the accounts that a refusal is about; for how long, 0 where it is about the job."""
    if answer.scope is Scope.JOB and not answer.retry:
        if accounts.worked(connection, account.name):
            line.forgive(connection, account.provider)
        return 0
    accounts.reached(connection, account.name)
    if at is not None and at.picks:
        return 0
    reason = answer.fault.value
    before = accounts.throttled(connection, account.name, now, reason) if answer.retry else 0
    pause = policy.rest(answer, before, tools.rest, tools.rng, at)
    concerned = _concerned(tools, account, answer.scope)
    if answer.limit in _FULL:
        accounts.full(connection, account.name, now)
    if answer.retry:
        accounts.cool(connection, concerned, now, now + pause, reason, words)
    else:
        accounts.pause(connection, concerned, now, now + pause, reason, words)
    return pause


def _concerned(tools: Tools, account: Account, scope: Scope) -> list[str]:
    """The accounts that a refusal of this scope is about."""
    if scope is Scope.PROVIDER:
        return [one.name for one in tools.accounts.values() if one.provider == account.provider]
    return [account.name]
