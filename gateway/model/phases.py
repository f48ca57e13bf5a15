"""The life of a job as one table.

Everything that decides where a job may go next lives here: the phases, the events that
move it and `TRANSITIONS`. A job moves only by `step()`, and the database update that
stores the move names the phase it leaves, so two movers can never both win.

Theory of operation. A job that is made from another video waits for that one first. It
waits in line until an account has a free slot; it is then
bound to one *attempt* (`preparing`: pictures are fetched and uploaded, nothing is paid).
`submitting` is committed before the paid request leaves. From there on a crash or a lost
answer leads to `submission_unknown`, never back to the line: only the provider's own
refusal, or the proof that nothing was made, does. Should a video turn up of an attempt that
was given up so, the job takes it as long as nothing else was sent; should one only be heard
of, the job is `submission_unknown` again. `needs_attention` is no
end: a video that turns up late is still taken. A job that is canceled while it may cost
something is `canceling`: what was paid for cannot be taken back, so it is watched until that
is known.
"""

from enum import StrEnum
from typing import Final


class Phase(StrEnum):
    """Where a job stands."""

    WAITING_FOR_INPUT = "waiting_for_input"
    WAITING_FOR_SLOT = "waiting_for_slot"
    PREPARING = "preparing"
    SUBMITTING = "submitting"
    SUBMISSION_UNKNOWN = "submission_unknown"
    RENDERING = "rendering"
    CANCELING = "canceling"
    DOWNLOADING = "downloading"
    NEEDS_ATTENTION = "needs_attention"
    COMPLETED = "completed"
    FAILED = "failed"


class Event(StrEnum):
    """What moves a job."""

    SOURCES_READY = "sources_ready"
    SOURCE_FAILED = "source_failed"
    EXPIRED = "expired"
    SLOT_BOUND = "slot_bound"
    HELD_BACK = "held_back"
    INPUTS_READY = "inputs_ready"
    INPUT_UNUSABLE = "input_unusable"
    ACCEPTED = "accepted"
    NOT_SENT = "not_sent"
    THROTTLED = "throttled"
    TURNED_AWAY = "turned_away"
    REFUSED = "refused"
    OUTCOME_LOST = "outcome_lost"
    ADOPTED = "adopted"
    NOT_MADE = "not_made"
    NEVER_MADE = "never_made"
    RENDERED = "rendered"
    PROVIDER_FAILED = "provider_failed"
    LINK_FAILED = "link_failed"
    SAVED = "saved"
    DEADLINE_PASSED = "deadline_passed"
    CANCELED = "canceled"
    CANCEL_ASKED = "cancel_asked"
    RESUBMITTED = "resubmitted"
    GIVEN_UP = "given_up"


class Status(StrEnum):
    """The four words of the public API; `Phase` is the finer truth beside them."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


TRANSITIONS: Final[dict[Phase, dict[Event, Phase]]] = {
    Phase.WAITING_FOR_INPUT: {
        Event.SOURCES_READY: Phase.WAITING_FOR_SLOT,
        Event.SOURCE_FAILED: Phase.FAILED,
        Event.EXPIRED: Phase.FAILED,
        Event.CANCELED: Phase.FAILED,
    },
    Phase.WAITING_FOR_SLOT: {
        Event.SLOT_BOUND: Phase.PREPARING,
        Event.OUTCOME_LOST: Phase.SUBMISSION_UNKNOWN,
        Event.ADOPTED: Phase.RENDERING,
        Event.EXPIRED: Phase.FAILED,
        Event.CANCELED: Phase.FAILED,
    },
    Phase.PREPARING: {
        Event.INPUTS_READY: Phase.SUBMITTING,
        Event.OUTCOME_LOST: Phase.SUBMISSION_UNKNOWN,
        Event.ADOPTED: Phase.RENDERING,
        Event.HELD_BACK: Phase.WAITING_FOR_SLOT,
        Event.THROTTLED: Phase.WAITING_FOR_SLOT,
        Event.TURNED_AWAY: Phase.WAITING_FOR_SLOT,
        Event.INPUT_UNUSABLE: Phase.FAILED,
        Event.REFUSED: Phase.FAILED,
        # Nothing is paid before `submitting`, and no task gets there from a job that has ended.
        Event.CANCELED: Phase.FAILED,
    },
    Phase.SUBMITTING: {
        Event.ACCEPTED: Phase.RENDERING,
        Event.NOT_SENT: Phase.WAITING_FOR_SLOT,
        Event.THROTTLED: Phase.WAITING_FOR_SLOT,
        Event.TURNED_AWAY: Phase.WAITING_FOR_SLOT,
        Event.REFUSED: Phase.FAILED,
        Event.OUTCOME_LOST: Phase.SUBMISSION_UNKNOWN,
        Event.CANCEL_ASKED: Phase.CANCELING,
    },
    Phase.SUBMISSION_UNKNOWN: {
        Event.ADOPTED: Phase.RENDERING,
        Event.NOT_MADE: Phase.WAITING_FOR_SLOT,
        Event.NEVER_MADE: Phase.NEEDS_ATTENTION,
        Event.DEADLINE_PASSED: Phase.NEEDS_ATTENTION,
        Event.CANCEL_ASKED: Phase.CANCELING,
        Event.RESUBMITTED: Phase.WAITING_FOR_SLOT,
        Event.GIVEN_UP: Phase.FAILED,
    },
    Phase.RENDERING: {
        Event.RENDERED: Phase.DOWNLOADING,
        Event.PROVIDER_FAILED: Phase.FAILED,
        Event.DEADLINE_PASSED: Phase.NEEDS_ATTENTION,
        Event.CANCEL_ASKED: Phase.CANCELING,
    },
    Phase.CANCELING: {
        Event.ACCEPTED: Phase.CANCELING,
        Event.OUTCOME_LOST: Phase.CANCELING,
        Event.ADOPTED: Phase.CANCELING,
        Event.NOT_SENT: Phase.FAILED,
        Event.THROTTLED: Phase.FAILED,
        Event.TURNED_AWAY: Phase.FAILED,
        Event.REFUSED: Phase.FAILED,
        Event.NOT_MADE: Phase.FAILED,
        Event.RENDERED: Phase.FAILED,
        Event.PROVIDER_FAILED: Phase.FAILED,
        Event.DEADLINE_PASSED: Phase.FAILED,
    },
    Phase.DOWNLOADING: {
        Event.SAVED: Phase.COMPLETED,
        # The watch reads the job again, so that a link that expired is a new link.
        Event.LINK_FAILED: Phase.RENDERING,
        Event.DEADLINE_PASSED: Phase.NEEDS_ATTENTION,
    },
    Phase.NEEDS_ATTENTION: {
        Event.ADOPTED: Phase.RENDERING,
        Event.NOT_MADE: Phase.WAITING_FOR_SLOT,
        Event.RENDERED: Phase.DOWNLOADING,
        Event.PROVIDER_FAILED: Phase.FAILED,
        Event.CANCELED: Phase.FAILED,
        Event.RESUBMITTED: Phase.WAITING_FOR_SLOT,
        Event.GIVEN_UP: Phase.FAILED,
    },
    Phase.COMPLETED: {},
    Phase.FAILED: {},
}

INITIAL: Final = Phase.WAITING_FOR_SLOT
INITIAL_WITH_SOURCES: Final = Phase.WAITING_FOR_INPUT
"""Where a job begins that is made from another video."""
_STARTS: Final = (INITIAL, INITIAL_WITH_SOURCES)
FINAL: Final = frozenset(phase for phase, moves in TRANSITIONS.items() if not moves)

STATUS: Final[dict[Phase, Status]] = {
    Phase.WAITING_FOR_INPUT: Status.QUEUED,
    Phase.WAITING_FOR_SLOT: Status.QUEUED,
    Phase.PREPARING: Status.QUEUED,
    Phase.SUBMITTING: Status.IN_PROGRESS,
    Phase.SUBMISSION_UNKNOWN: Status.IN_PROGRESS,
    Phase.RENDERING: Status.IN_PROGRESS,
    Phase.CANCELING: Status.IN_PROGRESS,
    Phase.DOWNLOADING: Status.IN_PROGRESS,
    # Not `failed`: the provider may still deliver, and bill.
    Phase.NEEDS_ATTENTION: Status.IN_PROGRESS,
    Phase.COMPLETED: Status.COMPLETED,
    Phase.FAILED: Status.FAILED,
}

IN_HAND: Final = frozenset({Phase.PREPARING, Phase.SUBMITTING})
"""In these phases a task of the engine has the job; no time makes it due."""

HOLDS_SLOT: Final = frozenset(
    {
        Phase.PREPARING,
        Phase.SUBMITTING,
        Phase.SUBMISSION_UNKNOWN,
        Phase.RENDERING,
        Phase.CANCELING,
    }
)
"""In these phases a job's attempt may occupy the provider, so its slot is taken."""


class IllegalMoveError(Exception):
    """An event that the table does not list for this phase. A bug of ours, always."""


def step(phase: Phase, event: Event) -> Phase:
    """The phase that `event` leads to.

    Raises:
        IllegalMoveError: The table has no such move.
    """
    try:
        return TRANSITIONS[phase][event]
    except KeyError:
        raise IllegalMoveError(f"{event.value!r} cannot happen in {phase.value!r}") from None


def mermaid() -> str:
    """The table as a Mermaid state diagram."""
    lines = ["stateDiagram-v2", *(f"    [*] --> {phase.value}" for phase in _STARTS)]
    for phase, moves in TRANSITIONS.items():
        lines += [f"    {phase.value} --> {to.value}: {event.value}" for event, to in moves.items()]
    lines += [f"    {phase.value} --> [*]" for phase in TRANSITIONS if phase in FINAL]
    return "\n".join(lines) + "\n"
