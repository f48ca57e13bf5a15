"""One line for every step of a job."""

from gateway.observe import phase_changed
from tests.gateway.observe.conftest import Log


def test_a_phase_change_leaves_one_line(log: Log) -> None:
    phase_changed(
        job="video_1",
        before="queued",
        after="submitting",
        event="slot_taken",
        attempt="att_1",
        account="a",
        detail="first\nof 3",
    )
    line = log.line()
    del line["timestamp"]

    assert line == {
        "level": "info",
        "event": "phase",
        "job": "video_1",
        "attempt": "att_1",
        "account": "a",
        "from": "queued",
        "to": "submitting",
        "cause": "slot_taken",
        "detail": r"first\nof 3",
    }


def test_what_is_not_known_is_left_out(log: Log) -> None:
    phase_changed(job="video_1", before=None, after="queued", event="created")

    assert set(log.line()) == {"timestamp", "level", "event", "job", "to", "cause"}
