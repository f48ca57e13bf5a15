"""What struck is told in the order in which it would be written."""

import pytest

from mockserver.engine.faults import Faults

PLANS = (
    ("poll#2:status=503", "poll:reset"),
    ("poll:reset", "poll#2:status=503"),
    ("poll#3:reset", "poll#1-2:timeout", "poll#1-3:status=500"),
    ("submit#2:reset", "request#2:status=500", "poll#2:garble"),
)
HAPPENINGS = (("poll", "a"), ("poll", "b"), ("submit", "c"), ("poll", "a"), ("submit", "c"))


def struck(faults: Faults) -> list[list[str]]:
    return [
        [fault.name for fault in faults.strike(target, key, ())]  # type: ignore[arg-type]
        for target, key in HAPPENINGS
    ]


@pytest.mark.parametrize("plan", PLANS)
def test_what_struck_strikes_the_same_and_in_the_same_order_when_it_is_pasted(
    plan: tuple[str, ...],
) -> None:
    faults = Faults(0, plan)
    first = struck(faults)
    again = Faults(0, faults.lines)

    assert struck(again) == first
    assert again.lines == faults.lines == tuple(line for line in plan if line in faults.lines)


def test_chance_comes_after_the_plan_and_in_its_own_order() -> None:
    chaos = ("submit:status=500=100%", "poll:reset=100%", "poll:status=502=100%")
    faults = Faults(3, ("poll#3:garble",), chaos)
    first = struck(faults)

    assert faults.lines[0] == "poll#3:garble"
    assert [line.partition(":")[2] for line in faults.lines[1:]] == (
        ["status=500"] * 2 + ["reset"] * 3 + ["status=502"] * 3
    )
    assert struck(Faults(9, faults.lines)) == first


def test_what_was_added_after_a_clearing_comes_after_what_struck_before_it() -> None:
    faults = Faults(0, ("poll:reset", "submit:reset"))
    faults.strike("submit", "a", ())
    faults.clear()
    faults.add("poll#1:status=503")

    assert [fault.line for fault in faults.plan] == ["poll#1:status=503"]
    assert [fault.name for fault in faults.fork().strike("poll", "b", ())] == ["status"]
    faults.strike("poll", "b", ())
    assert faults.lines == ("submit:reset", "poll#1:status=503")
