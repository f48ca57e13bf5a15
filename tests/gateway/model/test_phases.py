import re
from collections.abc import Collection
from itertools import product
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.model.phases import (
    FINAL,
    HOLDS_SLOT,
    INITIAL,
    INITIAL_WITH_SOURCES,
    STATUS,
    TRANSITIONS,
    Event,
    IllegalMoveError,
    Phase,
    Status,
    mermaid,
    step,
)
from tests.strategies import CALM

PAGE = Path(__file__).parents[3] / "docs" / "states.md"
LEGAL = [(phase, event) for phase, moves in TRANSITIONS.items() for event in moves]
ILLEGAL = [pair for pair in product(Phase, Event) if pair not in LEGAL]
DECIDED = {Event.RESUBMITTED}
"""What only an operator does, who knows that it may be paid for again."""
NOTHING_PAID = {
    Event.NOT_SENT,
    Event.NOT_MADE,
    Event.HELD_BACK,
    Event.SOURCES_READY,
    Event.THROTTLED,
    Event.TURNED_AWAY,
}


def reachable(start: Phase, *, without: Collection[Event] = ()) -> set[Phase]:
    """Everywhere a job can get to from a phase, that phase included."""
    found, left = {start}, [start]
    while left:
        for event, to in TRANSITIONS[left.pop()].items():
            if to not in found and event not in without:
                found.add(to)
                left.append(to)
    return found


def test_the_table_has_a_row_for_every_phase_and_a_use_for_every_event() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert {event for _, event in LEGAL} == set(Event)


def test_every_phase_has_a_status_and_every_status_a_phase() -> None:
    assert set(STATUS) == set(Phase)
    assert set(STATUS.values()) == set(Status)
    assert {phase for phase in Phase if STATUS[phase] in {Status.COMPLETED, Status.FAILED}} == FINAL


def test_every_phase_can_be_reached_and_leads_to_an_end() -> None:
    assert reachable(INITIAL_WITH_SOURCES) == set(Phase)
    assert reachable(INITIAL) == set(Phase) - {INITIAL_WITH_SOURCES}
    assert {Phase.COMPLETED, Phase.FAILED} == FINAL
    for phase in set(Phase) - FINAL - {Phase.CANCELING}:
        assert reachable(phase) >= FINAL
    assert reachable(Phase.CANCELING) & FINAL == {Phase.FAILED}


@pytest.mark.parametrize(
    "phase",
    [
        Phase.SUBMISSION_UNKNOWN,
        Phase.RENDERING,
        Phase.CANCELING,
        Phase.DOWNLOADING,
        Phase.NEEDS_ATTENTION,
    ],
)
def test_once_something_may_be_paid_only_proof_or_an_operator_leads_back_to_the_line(
    phase: Phase,
) -> None:
    unproved = {Event.NOT_MADE} | DECIDED
    back = {Phase.WAITING_FOR_SLOT, Phase.PREPARING, Phase.SUBMITTING}
    assert reachable(phase, without=unproved).isdisjoint(back)


def test_the_line_is_reached_again_only_when_nothing_was_paid() -> None:
    back = {
        (phase, event) for phase, event in LEGAL if step(phase, event) is Phase.WAITING_FOR_SLOT
    }
    assert {phase for phase, _ in back} == {
        INITIAL_WITH_SOURCES,
        Phase.PREPARING,
        Phase.SUBMITTING,
        Phase.SUBMISSION_UNKNOWN,
        Phase.NEEDS_ATTENTION,
    }
    assert {event for _, event in back} == NOTHING_PAID | DECIDED


def test_canceling_leads_nowhere_but_to_its_end() -> None:
    assert set(TRANSITIONS[Phase.CANCELING].values()) == {Phase.CANCELING, Phase.FAILED}
    for phase in set(Phase) - FINAL - {Phase.CANCELING, Phase.DOWNLOADING}:
        events = set(TRANSITIONS[phase]) & {Event.CANCELED, Event.CANCEL_ASKED}
        free = phase in {INITIAL, INITIAL_WITH_SOURCES, Phase.PREPARING, Phase.NEEDS_ATTENTION}
        assert events == {Event.CANCELED if free else Event.CANCEL_ASKED}


def test_a_job_waits_too_long_only_before_it_is_bound() -> None:
    left = {phase for phase, event in LEGAL if event is Event.EXPIRED}
    assert left == {INITIAL, INITIAL_WITH_SOURCES}
    assert left.isdisjoint(HOLDS_SLOT)


def test_a_deadline_fails_no_job_but_one_that_was_canceled() -> None:
    led = {pair[0]: step(*pair) for pair in LEGAL if pair[1] is Event.DEADLINE_PASSED}
    assert led.pop(Phase.CANCELING) is Phase.FAILED
    assert set(led.values()) == {Phase.NEEDS_ATTENTION}


def test_a_slot_is_held_from_the_binding_to_the_end_of_the_attempt() -> None:
    for phase, event in LEGAL:
        if step(phase, event) in HOLDS_SLOT and phase not in HOLDS_SLOT:
            # A job that is taken back from the line goes on without a slot.
            taken_back = {Event.ADOPTED, Event.OUTCOME_LOST}
            assert event in {Event.SLOT_BOUND, *taken_back} or phase is Phase.DOWNLOADING
    assert HOLDS_SLOT.isdisjoint(FINAL | {INITIAL, Phase.NEEDS_ATTENTION})


@pytest.mark.parametrize(("phase", "event"), LEGAL)
def test_a_legal_move_leads_where_the_table_says(phase: Phase, event: Event) -> None:
    assert step(phase, event) is TRANSITIONS[phase][event]


@pytest.mark.parametrize(("phase", "event"), ILLEGAL)
def test_an_illegal_move_raises_and_names_phase_and_event(phase: Phase, event: Event) -> None:
    with pytest.raises(IllegalMoveError) as refused:
        step(phase, event)
    assert str(refused.value) == f"'{event.value}' cannot happen in '{phase.value}'"
    assert refused.value.__cause__ is None


def test_the_page_shows_the_chart_of_the_table() -> None:
    between = re.search(r"<!-- states -->\n(.*)<!-- /states -->", PAGE.read_text(), re.DOTALL)
    assert between is not None
    assert between[1] == f"```mermaid\n{mermaid()}```\n"


def test_the_page_explains_every_phase_with_its_status() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(\w+)` \| \S", PAGE.read_text(), re.MULTILINE)
    assert rows == [(phase.value, STATUS[phase].value) for phase in Phase]


def test_the_chart_has_one_arrow_for_each_move_and_each_end() -> None:
    lines = mermaid().splitlines()
    assert lines[:3] == [
        "stateDiagram-v2",
        "    [*] --> waiting_for_slot",
        "    [*] --> waiting_for_input",
    ]
    assert len(lines) == 3 + len(LEGAL) + len(FINAL)
    assert "    submitting --> submission_unknown: outcome_lost" in lines
    assert lines[-2:] == ["    completed --> [*]", "    failed --> [*]"]


class Walk(RuleBasedStateMachine):
    """A job pushed about by chance: it keeps to the table, and pays once at most."""

    def __init__(self) -> None:
        super().__init__()
        self.phase = INITIAL_WITH_SOURCES
        self.paid = 0
        self.decided = 0

    @precondition(lambda self: self.phase not in FINAL)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(sorted(TRANSITIONS[self.phase])))
        sent = self.phase is Phase.SUBMITTING or (self.phase is Phase.CANCELING and not self.paid)
        self.phase = step(self.phase, event)
        self.paid += sent and event in {Event.ACCEPTED, Event.OUTCOME_LOST}
        # The world keeps to what was proved, and to whoever was said to be there.
        self.paid -= event is Event.NOT_MADE and self.paid > 0
        self.paid += event is Event.ADOPTED and not self.paid
        self.decided += event is Event.RESUBMITTED

    @rule(event=st.sampled_from(Event))
    def push(self, event: Event) -> None:
        before = self.phase
        if event not in TRANSITIONS[before]:
            with pytest.raises(IllegalMoveError):
                step(before, event)

    @invariant()
    def is_paid_for_once_unless_an_operator_wants_it_again(self) -> None:
        assert self.paid <= 1 + self.decided

    @invariant()
    def has_a_status(self) -> None:
        assert self.phase in STATUS

    @invariant()
    def costs_nothing_while_in_line(self) -> None:
        if self.phase in {INITIAL, INITIAL_WITH_SOURCES, Phase.PREPARING}:
            assert self.paid <= self.decided


Walk.TestCase.settings = CALM
TestWalk = Walk.TestCase
