import re
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
NOTHING_PAID = {
    Event.NOT_SENT,
    Event.HELD_BACK,
    Event.SOURCES_READY,
    Event.THROTTLED,
    Event.TURNED_AWAY,
}


def reachable(start: Phase) -> set[Phase]:
    """Everywhere a job can get to from a phase, that phase included."""
    found, left = {start}, [start]
    while left:
        for to in TRANSITIONS[left.pop()].values():
            if to not in found:
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
    for phase in set(Phase) - FINAL:
        assert reachable(phase) >= FINAL


@pytest.mark.parametrize(
    "phase",
    [Phase.SUBMISSION_UNKNOWN, Phase.RENDERING, Phase.DOWNLOADING, Phase.NEEDS_ATTENTION],
)
def test_no_way_leads_back_to_the_line_once_something_may_be_paid(phase: Phase) -> None:
    assert reachable(phase).isdisjoint({Phase.WAITING_FOR_SLOT, Phase.PREPARING, Phase.SUBMITTING})


def test_the_line_is_reached_again_only_when_nothing_was_paid() -> None:
    back = {
        (phase, event) for phase, event in LEGAL if step(phase, event) is Phase.WAITING_FOR_SLOT
    }
    assert {phase for phase, _ in back} == {
        INITIAL_WITH_SOURCES,
        Phase.PREPARING,
        Phase.SUBMITTING,
    }
    assert {event for _, event in back} == NOTHING_PAID


def test_a_job_waits_too_long_only_before_it_is_bound() -> None:
    left = {phase for phase, event in LEGAL if event is Event.EXPIRED}
    assert left == {INITIAL, INITIAL_WITH_SOURCES}
    assert left.isdisjoint(HOLDS_SLOT)


def test_a_deadline_never_fails_a_job() -> None:
    led = {step(*pair) for pair in LEGAL if pair[1] is Event.DEADLINE_PASSED}
    assert led == {Phase.NEEDS_ATTENTION}


def test_a_slot_is_held_from_the_binding_to_the_end_of_the_attempt() -> None:
    for phase, event in LEGAL:
        if step(phase, event) in HOLDS_SLOT and phase not in HOLDS_SLOT:
            assert event is Event.SLOT_BOUND or phase in {
                Phase.DOWNLOADING,
                Phase.NEEDS_ATTENTION,
            }
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

    @precondition(lambda self: self.phase not in FINAL)
    @rule(data=st.data())
    def move(self, data: st.DataObject) -> None:
        event = data.draw(st.sampled_from(sorted(TRANSITIONS[self.phase])))
        self.phase = step(self.phase, event)
        self.paid += event in {Event.ACCEPTED, Event.OUTCOME_LOST}

    @rule(event=st.sampled_from(Event))
    def push(self, event: Event) -> None:
        before = self.phase
        if event not in TRANSITIONS[before]:
            with pytest.raises(IllegalMoveError):
                step(before, event)

    @invariant()
    def is_paid_for_once_at_most(self) -> None:
        assert self.paid <= 1

    @invariant()
    def has_a_status(self) -> None:
        assert self.phase in STATUS

    @invariant()
    def costs_nothing_while_in_line(self) -> None:
        if self.phase in {INITIAL, INITIAL_WITH_SOURCES, Phase.PREPARING}:
            assert self.paid == 0


Walk.TestCase.settings = CALM
TestWalk = Walk.TestCase
