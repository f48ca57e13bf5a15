"""The grammar of an inbox's answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockserver.inbox.script import Script, ScriptError, Step, parse


def first(script: Script, count: int) -> list[Step]:
    steps = []
    for _ in range(count):
        steps.append(script.step)
        script = script.after()
    return steps


@pytest.mark.parametrize(
    ("text", "statuses"),
    [
        ("200", [200, 200, 200]),
        ("500*3, 200", [500, 500, 500, 200, 200]),
        ("500, 410", [500, 410, 410]),
        (" 503*2 ,\t204 ", [503, 503, 204]),
        ("timeout*2, reset, 200", [0, 0, 0, 200, 200]),
        ("slow=5s*2, 500", [200, 200, 500]),
        ("500*2", [500, 500, 500]),
    ],
)
def test_steps_are_taken_in_turn_and_the_last_repeats(text: str, statuses: list[int]) -> None:
    assert [step.status for step in first(parse(text), len(statuses))] == statuses


def test_each_way_to_answer() -> None:
    text = "timeout, reset, slow=5s, 503 retry-after=30, 410 slow=2m retry-after=1"

    assert parse(text).steps == (
        Step(status=0, lost="hang"),
        Step(status=0, lost="reset"),
        Step(slow=5),
        Step(status=503, retry_after="30"),
        Step(status=410, slow=120, retry_after="1"),
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "between any two commas"),
        ("500,,200", "between any two commas"),
        ("199", "'199' is no answer"),
        ("500*0", "no answer"),
        ("late", "such as `500*3`"),
        ("200 500", "no answer"),
        ("slow=soon", "slow takes a duration"),
        ("503 retry-after=soon", "no answer"),
        ("slow=1s slow=2s", "no answer"),
    ],
)
def test_what_is_no_script_is_refused_with_what_it_should_be(text: str, said: str) -> None:
    with pytest.raises(ScriptError) as caught:
        parse(text)

    assert said in str(caught.value)


@given(st.text() | st.from_regex(r"([1-6]\d\d|timeout|reset|slow=\d)(\*\d{1,5})?( .{0,9})?,? ?"))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        script = parse(text)
    except ScriptError:
        return
    assert all(step.times > 0 for step in script.steps)
    assert parse(script.text) == script
