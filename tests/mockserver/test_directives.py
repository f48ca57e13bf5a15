import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.magic.directives import (
    DIRECTIVES,
    DirectiveError,
    Script,
    parse,
    without_directives,
)


@pytest.mark.parametrize(
    ("prompt", "script"),
    [
        ("a plain prompt", Script()),
        ("[[mock]]", Script()),
        ("[[mock run=3s queue=1s]] dawn", Script(run=3, queue=1)),
        ("dawn [[mock run=250ms]] [[mock queue=2m]]", Script(run=0.25, queue=120)),
        ("[[mock fail=moderated]]", Script(fail="moderation")),
        ("[[mock fail=no-credits]]", Script(fail="credits")),
        ("[[mock busy=all retry-after=7]]", Script(busy="all", retry_after=7)),
        ("[[mock garble-reply garble-poll=2]]", Script(garble_reply=1, garble_poll=2)),
        ("[[mock queued-final odd-status]]", Script(queued_final=True, odd_status=True)),
        ("[[mock clean]]", Script(clean=True)),
        ("[[mock throttle=2 lose-reply]]", Script(throttle=2, lose_reply=1)),
        ("[[mock refuse=412]]", Script(refuse=412)),
        ("[[mock no-callback]]", Script(no_callback=True)),
    ],
)
def test_directives_are_read_from_anywhere_in_the_prompt(prompt: str, script: Script) -> None:
    assert parse(prompt, refusals={412}) == script


@pytest.mark.parametrize(
    "prompt",
    [
        "[[mock runn=3s]]",
        "[[mock run=fast]]",
        "[[mock fail=maybe]]",
        "[[mock throttle=-1]]",
        "[[mock refuse=418]]",
        "[[mock refuse=all]]",
        "[[mock no-callback=yes]]",
        "[[mock busy=me]]",
        "[[mock retry-after=5]]",
        "[[mock throttle retry-after=soon]]",
    ],
)
def test_a_directive_that_would_do_nothing_is_an_error(prompt: str) -> None:
    with pytest.raises(DirectiveError, match="mock directive"):
        parse(prompt, refusals={412})


def test_a_directive_of_another_provider_is_an_error() -> None:
    for provider, prompt in (("pictory", "[[mock busy=all]]"), ("pixverse", "[[mock clean]]")):
        parse(prompt)
        with pytest.raises(DirectiveError, match="unknown mock directive"):
            parse(prompt, provider=provider)


def test_every_example_of_the_table_can_be_read() -> None:
    for row in DIRECTIVES.values():
        parse(f"[[mock {row.example}]]", refusals={412})


def test_the_caption_is_what_stands_outside_the_directives() -> None:
    assert without_directives("dawn [[mock run=3s]]  at sea") == "dawn at sea"


@settings(deadline=None)
@given(st.text())
def test_no_text_makes_the_parser_fail_otherwise_than_by_its_own_error(text: str) -> None:
    try:
        parse(text)
        parse(f"[[mock {text}]]")
    except DirectiveError:
        pass
