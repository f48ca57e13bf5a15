"""What a job that was canceled says was spent: what its provider told, else what its list asks."""

from typing import Final

from gateway.model.job import Job
from gateway.routing.money import Money
from gateway.storage import Connection, ledger
from gateway.storage.ledger import Verdict
from providers.contract import Price

UNKNOWN: Final = "nobody knows whether it was charged"
_EARLIER: Final = "; an earlier try may have been charged besides"


def nothing(connection: Connection, job_id: str) -> str:
    """Its last try, if there was one, cost nothing."""
    earlier = _earlier(connection, job_id, None)
    return f"nothing more was spent{earlier}" if earlier else "nothing was spent"


def known(job: Job) -> str:
    """Whether its last try, the end of which nobody has seen, was charged."""
    return UNKNOWN if job.remote_id is None else "it was charged"


def charged(connection: Connection, money: Money, job: Job, words: str) -> str:
    """Its last try was charged, or may have been, as the words say; how much that is."""
    return f"{words}{_amount(money, job)}{_earlier(connection, job.id, job.attempt_id)}"


def _amount(money: Money, job: Job) -> str:
    choice = job.choice
    if choice is not None and job.cost is not None:
        return f": {_priced(money, choice.provider, job.cost)}"
    if choice is None or choice.price is None:
        return "; no amount was told, and no price is listed"
    which = "the nearest published" if choice.estimated else "its"
    amount = _priced(money, choice.provider, choice.price)
    return f"; no amount was told, an estimate by {which} price list is {amount}"


def _priced(money: Money, provider: str, price: Price) -> str:
    credits_ = money.in_credits(price)
    words = f"{price.amount} {price.unit}" if credits_ is None else f"{credits_} credits"
    told = money.of(provider, price)
    return words if told is None else f"{words} ({told} {money.currency})"


def _earlier(connection: Connection, job_id: str, last: str | None) -> str:
    """Words on tries before the last: an operator gave one up, or its answer came too late."""
    charged_too = any(
        one.remote_id is not None or one.verdict is Verdict.GIVEN_UP
        for one in ledger.of_job(connection, job_id)
        if one.id != last
    )
    return _EARLIER if charged_too else ""
