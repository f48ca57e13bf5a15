import json

from mockserver.coverage import BEHAVIOURS, coverage, covered, report
from tests.mockserver.verdict.hand import hand


def test_a_suite_without_a_world_has_met_nothing() -> None:
    empty = covered([])
    assert empty.percent == 0
    assert empty.missed == BEHAVIOURS
    assert str(empty).startswith(f"exercised 0 of {len(BEHAVIOURS)} (0 %); never tested:")


async def test_what_several_worlds_have_seen_is_put_together() -> None:
    journals = []
    for status in (402, 429, 500):
        async with hand() as it:
            await it.pictory(f"A lighthouse [[mock refuse={status}]]")
            journals.append(it.world.journal)
    assert {row.id for row in covered(journals).seen} == {
        "pictory.402",
        "pictory.429",
        "pictory.500",
    }
    assert len(covered(journals[:1]).seen) == 1


async def test_providers_that_were_not_spoken_to_do_not_count() -> None:
    async with hand() as it:
        await it.pictory("A lighthouse [[mock refuse=402]]")
        met = coverage(it.world)
        assert {row.provider for row in (*met.seen, *met.missed)} == {"any", "pictory"}
        everybody = covered([it.world.journal], providers=())
        assert len(everybody.missed) == len(BEHAVIOURS) - 1


async def test_a_gap_is_told_with_what_closes_it() -> None:
    async with hand() as it:
        await it.pixverse()
        text = str(coverage(it.world))
        assert "pixverse.596" in text
        assert '→ prompt="… [[mock refuse=596]]"' in text
        assert "→ faults=['submit#1:accept-then-cut']" in text
        assert "→ Settings(link_seconds=5.0); fetch the film after that" in text


def test_all_of_everything_is_a_hundred_percent() -> None:
    everything = report([row.id for row in BEHAVIOURS])
    assert everything.percent == 100
    assert str(everything) == f"exercised {len(BEHAVIOURS)} of {len(BEHAVIOURS)} (100 %)"


def test_the_report_can_be_read_by_a_program() -> None:
    told = json.loads(json.dumps(report(["pictory.402"], ["pictory"]).as_data()))
    assert told["seen"] == ["pictory.402"]
    assert told["missed"][0] == {
        "id": "pictory.400",
        "meaning": "400: The body breaks a rule; `fields` names every fault.",
        "provoke": 'prompt="… [[mock refuse=400]]"',
    }
    assert 0 < told["percent"] < 5
