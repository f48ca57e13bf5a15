"""The ledger and its slots as a state machine: hypothesis chooses what happens next.

The engine and its statements are the real ones; the provider is the model, for it charges for
every request that reaches it.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from gateway.model.phases import Phase
from tests.simulation.history import RAM
from tests.simulation.judge import life
from tests.simulation.lab import DEADLINE, MAX_JOBS, SETTLE, Lab, Replica
from tests.simulation.provider import REFUSALS, Made, Request

Step = TypeVar("Step", bound=Callable[..., Any])

WHICH = st.integers(0, 3)
"""One of those there are, counted round."""
WHO = st.integers(0, 1)
ANSWER = st.sampled_from(["made", "made", "made", *REFUSALS])


def _some(of: str) -> Callable[[Step], Step]:
    """Only where there are some."""

    def there(machine: "LedgerMachine") -> bool:
        return bool(getattr(machine, of)())

    return precondition(there)


class LedgerMachine(RuleBasedStateMachine):
    """Two replicas, one account, one provider; every order of events."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=RAM if RAM.is_dir() else None))
        self.lab = Lab(self.folder)

    def teardown(self) -> None:
        self.lab.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # --- what there is

    def jobs(self) -> list[str]:
        return self.lab.jobs

    def on_the_way(self) -> list[Request]:
        return self.lab.on_the_way()

    def awaited(self) -> list[Request]:
        return self.lab.awaited()

    def answered(self) -> list[Request]:
        return [one for one in self.awaited() if one.answer is not None]

    def unanswered(self) -> list[Request]:
        return [one for one in self.awaited() if one.answer is None]

    def running(self) -> list[Made]:
        return [one for one in self.lab.provider.made if one.end is None]

    def made(self) -> list[Made]:
        return self.lab.provider.made

    def _who(self, who: int) -> Replica:
        return self.lab.replicas[who]

    # --- what can happen

    @precondition(lambda self: len(self.lab.jobs) < 3)
    @rule(who=WHO)
    def accept(self, who: int) -> None:
        self.lab.accept(self._who(who))

    @_some("jobs")
    @rule(who=WHO, after=st.sampled_from([0.0, 1.0, 20.0]))
    def turn(self, who: int, after: float) -> None:
        self.lab.loop.settle(after)
        self.lab.turn(self._who(who))

    @_some("jobs")
    @rule(who=WHO, after=st.sampled_from([0.0, 20.0, SETTLE, DEADLINE]))
    def beat(self, who: int, after: float) -> None:
        self.lab.loop.settle(after)
        self.lab.beat(self._who(who))

    @_some("on_the_way")
    @rule(which=WHICH, answer=ANSWER)
    def arrive(self, which: int, answer: str) -> None:
        self.lab.arrive(_pick(self.on_the_way(), which), answer)

    @_some("unanswered")
    @rule(which=WHICH, answer=ANSWER)
    def arrive_and_reply(self, which: int, answer: str) -> None:
        request = _pick(self.unanswered(), which)
        self.lab.arrive(request, answer)
        self.lab.reply(request)

    @_some("answered")
    @rule(which=WHICH)
    def reply(self, which: int) -> None:
        self.lab.reply(_pick(self.answered(), which))

    @_some("awaited")
    @rule(which=WHICH)
    def lose_the_answer(self, which: int) -> None:
        self.lab.fall(_pick(self.awaited(), which))

    @_some("unanswered")
    @rule(which=WHICH)
    def not_get_there(self, which: int) -> None:
        self.lab.unsent(_pick(self.unanswered(), which))

    @_some("jobs")
    @rule(who=WHO, at_once=st.booleans())
    def end(self, who: int, *, at_once: bool) -> None:
        if at_once:
            self.lab.die(who)
        else:
            self.lab.stop(who)

    @_some("running")
    @rule(which=WHICH, well=st.booleans())
    def end_there(self, which: int, *, well: bool) -> None:
        _pick(self.running(), which).end = well

    @_some("made")
    @rule(who=WHO, which=WHICH)
    def call_back(self, who: int, which: int) -> None:
        self.lab.call_back(self._who(who), _pick(self.made(), which))

    @_some("jobs")
    @rule()
    def shut_or_open_the_lists(self) -> None:
        self.lab.provider.lists = not self.lab.provider.lists

    @_some("jobs")
    @rule(
        who=WHO,
        which=WHICH,
        deed=st.sampled_from(["cancel", "resubmit", "give_up", "adopt", "remove"]),
        other=WHICH,
    )
    def decide(self, who: int, which: int, deed: str, other: int) -> None:
        replica, job_id = self._who(who), _pick(self.jobs(), which)
        if deed != "adopt":
            getattr(self.lab, deed)(replica, job_id)
        elif self.made():
            self.lab.adopt(replica, job_id, _pick(self.made(), other))

    # --- what always holds

    @invariant()
    def nobody_pays_twice(self) -> None:
        for job_id, count in self.lab.charges().items():
            assert count <= 1 + self.lab.resubmits[job_id], f"{job_id} was charged {count} times"

    @invariant()
    def slots_and_attempts_agree(self) -> None:
        assert not self.lab.disk.broken, self.lab.disk.broken
        ((taken,),) = self.lab.disk.ask("SELECT count(*) FROM slots WHERE attempt_id IS NOT NULL")
        assert taken <= MAX_JOBS

    @invariant()
    def jobs_live_by_the_table_and_end_once(self) -> None:
        assert not (found := life(self.lab.disk)), found
        assert not self.lab.loop.errors, self.lab.loop.errors

    @invariant()
    def an_end_has_one_notice(self) -> None:
        assert not self.lab.disk.ask(
            "SELECT job FROM audit WHERE kind = 'notice' GROUP BY job HAVING count(*) > 1"
        )
        assert not self.lab.disk.ask(
            "SELECT id FROM jobs WHERE phase IN ('completed', 'failed')"
            " AND id NOT IN (SELECT job_id FROM deliveries)"
        )

    @invariant()
    def whoever_needs_attention_says_why(self) -> None:
        assert not self.lab.disk.ask(
            "SELECT id FROM jobs WHERE phase = ? AND error IS NULL", Phase.NEEDS_ATTENTION.value
        )

    @invariant()
    def a_film_is_of_its_own_job(self) -> None:
        owner = dict(self.lab.disk.ask("SELECT one, job FROM audit WHERE kind = 'attempt'"))
        for job_id, remote_id in self.lab.disk.ask(
            "SELECT id, remote_id FROM jobs WHERE phase = 'completed'"
        ):
            made = next(one for one in self.made() if one.remote_id == remote_id)
            assert owner[made.submission.reference] == job_id or self.lab.by_hand[job_id]


def _pick(among: list[Any], which: int) -> Any:
    return among[which % len(among)]
