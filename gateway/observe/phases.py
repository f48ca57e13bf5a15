"""One line per step of a job's life."""

from typing import Final

import structlog

FOR_PEOPLE: Final = frozenset({"deadline_passed", "outcome_lost", "turned_away", "not_sent"})
"""What an operator may have to do something about."""

_log = structlog.get_logger()


def phase_changed(
    *,
    job: str,
    before: str | None,
    after: str,
    event: str,
    attempt: str | None = None,
    account: str | None = None,
    detail: str | None = None,
) -> None:
    """Write the canonical line of a phase change; call it once the change is committed.

    Args:
        job: The job's id.
        before: The phase it left; None for a new job. Logged as `from`.
        after: The phase it is in now. Logged as `to`.
        event: What moved it. Logged as `cause`, as `event` names the kind of line.
        attempt: The attempt it is about, if any.
        account: The account of that attempt.
        detail: What else an operator wants to know, such as a provider's words.
    """
    fields = {
        "job": job,
        "attempt": attempt,
        "account": account,
        "from": before,
        "to": after,
        "cause": event,
        "detail": detail,
    }
    tell = _log.warning if event in FOR_PEOPLE else _log.info
    tell("phase", **{name: value for name, value in fields.items() if value is not None})
