"""`filmgate jobs`."""

import re
from collections.abc import Iterator
from itertools import count

import httpx
import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.cli.jobs import facts
from tests.gateway.cli.operating import run, said, told
from tests.gateway.cli.programs import Program, until

LOST = "Night {} at sea [[mock garble-reply]]"
"""The mock makes a film of it, and answers the first submission with nonsense."""
_NIGHTS = count(1)


def phase(gate: Program, video: str) -> str:
    return str(httpx.get(f"{gate.url}/v1/videos/{video}").json()["phase"])


@pytest.fixture
def stuck(gate: Program) -> Iterator[str]:
    """A video whose submission's answer was lost; no list shows it, however slow a test is."""
    (mock,) = re.findall(r"mock providers on (\S+),", gate.said)
    httpx.post(f"{mock}/__mock/faults", json=["list:status=503"]).raise_for_status()
    body = {"prompt": LOST.format(next(_NIGHTS)), "model": "pictory/pixverse5.5"}
    video = str(httpx.post(f"{gate.url}/v1/videos", json=body).json()["id"])
    until(lambda: phase(gate, video) == "submission_unknown")
    yield video
    httpx.delete(f"{mock}/__mock/faults").raise_for_status()
    run(gate, "jobs", "fail", video)


def test_videos_are_listed_and_told_apart_by_phase(gate: Program, stuck: str) -> None:
    lines = said(gate, "jobs", "--phase", "submission_unknown", "--phase", "canceling").splitlines()
    assert re.match(r"video +phase +model +account +tries +made +error", lines[0])
    assert re.match(rf"{stuck} +submission_unknown +pictory/pixverse5.5 +mock-pictory", lines[1])
    assert stuck not in said(gate, "jobs", "list", "--status", "completed")


def test_a_row_is_one_line_where_no_terminal_reads_it(
    gate: Program, stuck: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    done = CliRunner().invoke(main, ["jobs", "--url", gate.url, "--limit", "1"])
    (row,) = done.stdout.splitlines()[1:]
    assert row.split()[:2] == [stuck, "submission_unknown"]


def test_the_id_of_a_video_stays_in_one_piece_on_a_narrow_terminal(
    gate: Program, stuck: str
) -> None:
    listing = ["jobs", "--url", gate.url, "--limit", "1"]
    done = CliRunner().invoke(main, listing, env={"COLUMNS": "60"})
    assert stuck in done.stdout


def test_the_code_of_an_error_is_told_once() -> None:
    error = {"code": "canceled", "message": "canceled: nothing was spent"}
    video = dict.fromkeys(("queue", "eta", "model", "account", "upstream_id", "prompt", "evidence"))
    told = dict(facts({**video, "id": "video_1", "phase": "failed", "error": error}))
    assert told["error"] == "canceled: nothing was spent"


def test_a_long_list_is_fetched_page_by_page(
    gate: Program, stuck: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.net.client.PAGE", 1)
    found = [one["id"] for one in told(gate, "jobs", "list", "--limit", "3")]
    assert found[0] == stuck
    assert found == [one["id"] for one in httpx.get(f"{gate.url}/v1/videos?limit=3").json()["data"]]


def test_one_video_is_shown_with_the_evidence(gate: Program, stuck: str) -> None:
    text = said(gate, "jobs", "show", stuck)
    assert f"video    {stuck}\nphase    submission_unknown\n" in text
    assert re.search(r"^prompt   Night \d+ at sea", text, re.MULTILINE)
    assert re.search(r"^\S+ +outcome_lost +submission_unknown", text, re.MULTILINE)
    assert re.search(r"^1 +mock-pictory +unknown +\d{4}-\d\d-\d\d", text, re.MULTILINE)
    assert told(gate, "jobs", "show", stuck)["evidence"]["owner"] == "local"


def test_to_send_a_video_again_takes_a_yes_to_paying_twice(gate: Program, stuck: str) -> None:
    for answer in ("n\n", ""):
        done = run(gate, "jobs", "resubmit", stuck, typed=answer)
        assert done.exit_code == 1
        assert "paid for twice" in done.output
        assert phase(gate, stuck) == "submission_unknown"
    done = run(gate, "jobs", "resubmit", stuck, typed="y\n")
    assert done.exit_code == 0, done.output
    assert f"{stuck}: waiting_for_slot" in done.output
    until(lambda: phase(gate, stuck) == "completed")


def test_whoever_said_yes_before_is_not_asked(gate: Program, stuck: str) -> None:
    assert said(gate, "jobs", "resubmit", stuck, "--yes") == f"{stuck}: waiting_for_slot\n"
    until(lambda: phase(gate, stuck) == "completed")


def test_a_video_is_given_up_with_a_reason(gate: Program, stuck: str) -> None:
    words = said(gate, "jobs", "fail", stuck, "--reason", "nobody needs it")
    assert words == f"{stuck}: failed (nobody needs it)\n"
    assert "given_up: nobody needs it" in said(gate, "jobs", "show", stuck)


def test_a_video_is_said_to_be_some_job_of_the_providers(gate: Program, stuck: str) -> None:
    assert said(gate, "jobs", "adopt", stuck, "an-id") == f"{stuck}: rendering\n"
    again = run(gate, "jobs", "adopt", stuck, "an-id")
    assert again.exit_code == 2
    assert again.stderr.startswith("filmgate: Not possible now: ")
    assert said(gate, "jobs", "cancel", stuck) == f"{stuck}: canceling\n"


@pytest.mark.parametrize("words", [["show"], ["fail"], ["resubmit", "--yes"], ["cancel"]])
def test_a_video_that_is_not_there_is_said(gate: Program, words: list[str]) -> None:
    for video in ("video_none", "../models"):
        done = run(gate, "jobs", *words, video)
        assert done.exit_code == 2
        assert done.stderr.startswith("filmgate: Not found: ")


def test_a_phase_that_is_none_is_said_with_those_there_are(gate: Program) -> None:
    done = run(gate, "jobs", "--phase", "stuck")
    assert done.exit_code == 2
    assert "needs_attention" in done.stderr
