"""`filmgate orphans`."""

import re

import httpx
import pytest

from gateway.cli.orphans import advice, counted
from gateway.storage.orphans import Reason
from tests.gateway.cli.operating import run, said, told
from tests.gateway.cli.programs import Program, until


@pytest.fixture(scope="module")
def orphan(gate: Program) -> str:
    """A video that was canceled when it was made already; its film is nobody's."""
    # As long as a slow machine takes to cancel it.
    body = {"prompt": "Storm at sea [[mock run=5m]]", "model": "pictory/pixverse5.5"}
    video = str(httpx.post(f"{gate.url}/v1/videos", json=body).json()["id"])

    def at(phase: str) -> bool:
        return bool(httpx.get(f"{gate.url}/v1/videos/{video}").json()["phase"] == phase)

    until(lambda: at("rendering"))
    assert run(gate, "jobs", "cancel", video).exit_code == 0
    until(lambda: at("failed"))
    return video


@pytest.mark.parametrize("words", [["orphans"], ["orphans", "list"]])
def test_orphans_are_counted_by_reason_and_listed_with_their_links(
    gate: Program, orphan: str, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.gateway.cli.operating.WIDE", {"COLUMNS": "400"})
    text = said(gate, *words)
    (one,) = (one for one in told(gate, "orphans")["data"] if one["video_id"] == orphan)
    assert re.search(r"^reason +films +what happened", text)
    assert re.search(r"^canceled +[1-9]\d* +its video was canceled", text, re.MULTILINE)
    # Of the others some may be there, for other tests resubmit videos of the same gateway.
    assert re.search(r"^was_taken_as_not_made +0 +it turned up", text, re.MULTILINE)
    row = (
        rf"^{re.escape(one['upstream_id'])} +mock-pictory +{orphan} +canceled "
        rf"+\d{{4}}-\d\d-\d\d \S+ UTC +{re.escape(one['url'])} *$"
    )
    assert re.search(row, text, re.MULTILINE)
    assert "Fetch a film by its link" in text


def test_programs_get_all_that_were_asked_for_page_by_page(
    gate: Program, orphan: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.net.client.PAGE", 1)
    whole = httpx.get(f"{gate.url}/v1/orphans?limit=2").json()
    found = told(gate, "orphans", "--limit", "2")
    assert found == {"data": whole["data"], "counts": whole["counts"]}
    assert found["data"][0]["video_id"] == orphan


def test_a_reason_that_only_a_newer_gateway_knows_is_told_as_it_is() -> None:
    assert counted({"unheard_of": 1}) == [("unheard_of", 1, None)]


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_told_in_words(reason: Reason) -> None:
    ((_, _, words),) = counted({reason.value: 1})
    assert words


@pytest.mark.parametrize(
    ("urls", "starts"),
    [
        (["https://there.test/a.mp4"], ["Fetch", "Is its video"]),
        ([None], ["Look for one", "Is its video"]),
        (["https://there.test/a.mp4", None], ["Fetch", "Look for one", "Is its video"]),
    ],
)
def test_what_can_be_done_depends_on_the_links(urls: list[str | None], starts: list[str]) -> None:
    words = advice([{"url": url} for url in urls])
    assert len(words) == len(starts)
    assert all(line.startswith(start) for line, start in zip(words, starts, strict=True))
