"""The grammar of fault lines, and chance that does not depend on the order of things."""

import random
from collections import Counter
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mockserver.engine.faults import OPTIONAL, Fault, FaultError, Faults, parse, parse_chance
from mockserver.engine.kinds import KINDS, TARGETS, Target

VALUES = {name: row.example.partition("=")[2].partition(" ")[0] for name, row in KINDS.items()}
SELECTORS = st.from_regex(r"[^#\s]{1,20}", fullmatch=True)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """Any line that is a fault, in any spelling."""
    name = draw(st.sampled_from(sorted(KINDS)))
    target = draw(st.sampled_from(sorted(KINDS[name].targets)))
    at = draw(st.just("") | SELECTORS.map(lambda text: f"@{text}"))
    first = draw(st.none() | st.integers(1, 999_999))
    times = "" if first is None else f"#{first}"
    if first is not None and draw(st.booleans()):
        times += f"-{draw(st.integers(first, 999_999))}"
    value = f"={VALUES[name]}" if VALUES[name] else ""
    option = draw(st.sampled_from(["", " retry-after=30"])) if name in OPTIONAL else ""
    spelt = name.replace("-", draw(st.sampled_from("-_")))
    space = draw(st.sampled_from(["", " ", "\t"]))
    return f"{space}{target}{at}{times}:{spelt}{value}{option}{space}"


@given(lines())
@example("poll@user:1234-pixverse:ops@example.com-video:11#2-3:reset")
@example("submit:status=429  retry-after=007")
def test_a_fault_is_written_as_it_is_read(line: str) -> None:
    fault = parse(line)

    assert parse(fault.line) == fault
    assert fault.line.replace("_", "-").split() == line.replace("_", "-").split()


@given(st.text() | st.from_regex(r"[a-z]{1,9}(@\S{1,5})?(#\d{1,9})?:[a-z-]{1,9}(=\S{1,9})?.{0,9}"))
@example("submit#0:reset")
@example("submit#٣:reset")
@example("submit:status=٥٠٣")
@example("submit:status=503 retry-after=٣")
@example("poll:slow=" + "9" * 400)
@example("callback:storm=0")
@example("submit:reset retry-after=3")
@settings(max_examples=300)
def test_no_text_breaks_the_reader(text: str) -> None:
    for read in (parse, parse_chance):
        try:
            read(text)
        except FaultError as fault:
            assert repr(text) in str(fault) or text.strip().rpartition("=")[0] in str(fault)  # noqa: PT017 - only if


@pytest.mark.parametrize("name", sorted(KINDS))
def test_each_row_shows_an_example_of_itself(name: str) -> None:
    fault = parse(KINDS[name].example)

    assert fault.name == name
    assert fault.line == KINDS[name].example


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("reset", "is no fault, such as"),
        ("submt:reset", "'submt' is none of: submit"),
        ("submit:truncate", "a submit can go wrong by: reset"),
        ("callback:reset", "a callback can go wrong by: duplicate"),
        ("submit#0:reset", "counted from 1"),
        ("submit#3-2:reset", "goes backwards"),
        ("submit:status", "takes an HTTP status"),
        ("submit:status=199", "takes an HTTP status"),
        ("submit:reset=3", "takes no value"),
        ("poll:slow=soon", "takes a duration"),
        ("poll:cut=101%", "takes a share"),
        ("callback:storm=0", "from 1 to 9999"),
        ("submit:reset retry-after=3", "only option"),
        ("submit:status=503 after=3", "only option"),
    ],
)
def test_what_is_no_fault_is_refused_with_what_it_should_be(line: str, said: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse(line)

    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("poll:reset", "does not end with a rate"),
        ("poll:reset=101%", "does not end with a rate"),
        ("poll#2:reset=5%", "chance decides the time"),
        ("download:status=5%", "takes an HTTP status"),
    ],
)
def test_what_is_no_chance_is_refused_with_what_it_should_be(line: str, said: str) -> None:
    with pytest.raises(FaultError) as caught:
        parse_chance(line)

    assert said in str(caught.value)


def test_a_chance_takes_its_value_and_option_before_the_rate() -> None:
    truncate = parse_chance("download:truncate=25%=5%")
    busy = parse_chance("submit:status=429 retry-after=3=12.5%")

    assert (truncate.fault.value, truncate.rate) == (0.25, 0.05)
    assert (busy.fault.options, busy.rate) == ({"retry-after": "3"}, 0.125)


# --- which ones are struck

Happening = tuple[Target, str]
"""An act, and the key of what it is about."""


def strikes(faults: Faults, happenings: Sequence[Happening]) -> Counter[tuple[Happening, str]]:
    """How often each of them met which fault."""
    return Counter(
        (happening, fault.line)
        for happening in happenings
        for fault in faults.strike(*happening, ("pictory",))
    )


def test_a_request_is_any_of_them_that_can_go_wrong_so() -> None:
    faults = Faults(0, ("request:garble",))
    met = {target: bool(faults.strike(target, "k", ())) for target in TARGETS}

    can = KINDS["garble"].targets
    assert met == {target: target in can for target in TARGETS}


@pytest.mark.parametrize(
    ("line", "ordinals"),
    [
        ("poll:reset", [1, 2, 3, 4, 5]),
        ("poll#2:reset", [2]),
        ("poll#2-4:reset", [2, 3, 4]),
        ("poll@pictory#5:reset", [5]),
        ("poll@somebody:reset", []),
    ],
)
def test_a_line_strikes_the_times_it_names(line: str, ordinals: list[int]) -> None:
    faults = Faults(0, (line,))
    met = [bool(faults.strike("poll", f"key{n}", ("pictory",))) for n in range(1, 6)]

    assert [n for n, each in enumerate(met, 1) if each] == ordinals


CHAOS = (
    "request:reset=20%",
    "submit:status=503=30%",
    "submit:status=429=30%",
    "poll:slow=3s=25%",
    "download:truncate=50%=50%",
    "callback:drop=30%",
    "callback:duplicate=30%",
)
WHOLE: list[Happening] = [
    (target, f"{target}-{client}-{number}")
    for client, target, number, _ in product(range(3), TARGETS[:-1], range(3), range(4))
]
"""What three clients do: each thing four times."""


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(0, 2**31))
def test_chance_strikes_the_same_under_any_interleaving(shuffle: random.Random, seed: int) -> None:
    mixed = WHOLE.copy()
    shuffle.shuffle(mixed)

    assert strikes(Faults(seed, (), CHAOS), WHOLE) == strikes(Faults(seed, (), CHAOS), mixed)


@settings(max_examples=40)
@given(st.randoms(use_true_random=False), st.integers(0, 2**31))
def test_what_struck_can_be_pasted_back(shuffle: random.Random, seed: int) -> None:
    first = Faults(seed, (), CHAOS)
    met = strikes(first, WHOLE)
    mixed = WHOLE.copy()
    shuffle.shuffle(mixed)

    again = Faults(seed + 1, first.lines)
    assert strikes(again, mixed) == met
    assert sorted(again.lines) == sorted(first.lines)
    assert all(isinstance(parse(line), Fault) for line in first.lines)


def test_two_chances_of_one_name_are_independent_of_each_other() -> None:
    faults = Faults(1, (), ("submit:status=503=50%", "submit:status=429=50%"))
    met = Counter(len(faults.strike("submit", f"key{n}", ())) for n in range(400))

    assert all(60 < met[number] < 260 for number in range(3))


def test_a_rate_is_about_how_often_it_strikes() -> None:
    faults = Faults(7, (), ("poll:reset=10%",))
    met = sum(bool(faults.strike("poll", f"key{n}", ())) for n in range(2000))

    assert 150 < met < 250


def test_a_line_that_is_none_adds_nothing() -> None:
    faults = Faults(0)
    with pytest.raises(FaultError):
        faults.add("submit:reset", "nonsense")

    assert faults.plan == ()


def test_a_fork_counts_on_by_itself() -> None:
    faults = Faults(0, ("poll#3:reset",))
    faults.strike("poll", "a", ())
    fork = faults.fork()
    faults.strike("poll", "a", ())

    assert not fork.strike("poll", "a", ())
    assert fork.strike("poll", "a", ())
    assert faults.strike("poll", "a", ())
