"""`filmgate accounts`."""

import re
from collections.abc import Iterator

import httpx
import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.accounts import jobs, state, why
from tests.gateway.cli.operating import run, said, told
from tests.gateway.cli.programs import Program


@pytest.fixture
def resting(gate: Program) -> Iterator[Program]:
    """A gateway one account of which is paused."""
    done = run(gate, "accounts", "pause", "mock-pictory", "--reason", "the [bold] bill is due")
    assert done.exit_code == 0, done.output
    assert done.stdout == "mock-pictory: paused\n"
    yield gate
    assert said(gate, "accounts", "resume", "mock-pictory").startswith("mock-pictory: ")


@pytest.mark.parametrize("words", [["accounts"], ["accounts", "list"]])
def test_accounts_are_listed_with_how_they_stand(gate: Program, words: list[str]) -> None:
    lines = said(gate, *words).splitlines()
    assert re.fullmatch(r"account +provider +jobs +state +why, and what to do *", lines[0])
    assert any(re.match(r"mock-pictory +pictory +\d/\d", line) for line in lines)
    assert any(re.match(r"mock-pixverse +useapi-pixverse +\d/\d", line) for line in lines)


def test_a_paused_account_says_why_and_what_to_do(resting: Program) -> None:
    line = next(line for line in said(resting, "accounts").splitlines() if "mock-pictory" in line)
    assert "paused" in line
    assert "paused_by_operator; the [bold] bill is due; resume account 'mock-pictory'" in line


def test_programs_get_the_gateways_own_answer(resting: Program) -> None:
    found = told(resting, "accounts")
    assert found == told(resting, "accounts", "list")
    assert found == httpx.get(f"{resting.url}/v1/accounts").json()["data"]


@pytest.mark.parametrize("verb", ["pause", "resume"])
@pytest.mark.parametrize("name", ["nobody", "../videos", "a b?c"])
def test_an_account_that_is_not_there_is_said(gate: Program, verb: str, name: str) -> None:
    done = run(gate, "accounts", verb, name)
    assert done.exit_code == 2
    assert done.stderr.startswith("filmgate: Not found: ")


def test_help_is_help_and_a_typo_no_list(gate: Program) -> None:
    for word in ("--help", "-h"):
        assert "Commands:" in CliRunner().invoke(main, ["accounts", word]).stdout
    assert run(gate, "accounts", "lits").exit_code == 2


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"state": "ok"}, ("1/3", "ok", "")),
        ({"limit": 2, "state": "probing"}, ("1/2 (3)", "probing: one job at a time", "")),
        (
            {"state": "resting", "until": 1_800_000_000, "reason": "provider_throttled"},
            ("1/3", "resting until 2027-01-15 08:00:00 UTC", "provider_throttled"),
        ),
        (
            {
                "state": "paused",
                "reason": "no",
                "words": "it said (top it up)",
                "advice": "top it up",
            },
            ("1/3", "paused", "no; it said (top it up)"),
        ),
        (
            {"state": "paused", "reason": "no", "words": "it said", "advice": "top it up"},
            ("1/3", "paused", "no; it said; top it up"),
        ),
    ],
)
def test_an_account_is_told_in_words(values: dict[str, object], words: tuple[str, ...]) -> None:
    facts = dict.fromkeys(("until", "reason", "words", "advice"))
    account = {"taken": 1, "limit": 3, "max_jobs": 3, **facts, **values}
    assert (jobs(account), state(account), why(account)) == words
