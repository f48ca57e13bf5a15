"""A thousand histories: whatever goes wrong, nobody pays twice and nothing is lost."""

import pytest

from tests.simulation.found import FOUND
from tests.simulation.run import failures, run

PARTS = 20
EACH = 50


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_happens_no_job_is_lost_or_paid_for_twice(part: int) -> None:
    found = failures(range(part * EACH, (part + 1) * EACH))
    assert not found, "\n".join(words for _, words in found)


def test_histories_that_once_went_wrong_go_well() -> None:
    found = failures(FOUND)
    assert not found, "\n".join(words for _, words in found)


def test_a_seed_has_one_history() -> None:
    one, other = run(7), run(7)
    assert list(one.world.journal) == list(other.world.journal)
    assert one.disk.ask("SELECT * FROM events") == other.disk.ask("SELECT * FROM events")


def test_the_histories_are_eventful() -> None:
    """Else they would prove nothing: what can happen to jobs happens in some of them."""
    seen: set[str] = set()
    for seed in range(200, 260):
        history = run(seed)
        seen |= {row[0] for row in history.disk.ask("SELECT DISTINCT event FROM events")}
    assert seen >= {
        "accepted",
        "outcome_lost",
        "adopted",
        "not_made",
        "not_sent",
        "throttled",
        "turned_away",
        "canceled",
        "cancel_asked",
        "called_back",
        "link_failed",
        "saved",
        "provider_failed",
        "deadline_passed",
        "notice_delivered",
        "sources_ready",
    }
