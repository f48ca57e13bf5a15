import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mockserver.engine.jobs import LIFE, Job, Jobs, Order, Phase


def a_job(run_seconds: float = 40) -> Job:
    order = Order(
        id="1",
        key="k",
        provider="p",
        account="a",
        prompt="",
        params={},
        cost=1,
        unit="u",
        width=16,
        height=16,
        seconds=5,
        origin="",
        queue_seconds=5,
        run_seconds=run_seconds,
    )
    return Job(order=order, accepted_at=0)


def test_the_table_of_phases_is_total_and_its_ends_are_ends() -> None:
    assert set(LIFE) == set(Phase)
    assert {phase for phase in Phase if not LIFE[phase]} == {
        Phase.COMPLETED,
        Phase.FAILED,
        Phase.MODERATED,
    }


@pytest.mark.parametrize("start", list(Phase))
@pytest.mark.parametrize("target", list(Phase))
def test_only_the_steps_of_the_table_are_possible(start: Phase, target: Phase) -> None:
    job = a_job()
    job.phase = start

    if target in LIFE[start]:
        job.move(target)
        assert job.phase is target
    else:
        with pytest.raises(ValueError, match="cannot go"):
            job.move(target)
        assert job.phase is start


@settings(deadline=None)
@given(st.floats(0, 1000), st.floats(0, 100))
def test_progress_stays_below_100_until_the_end(now: float, run_seconds: float) -> None:
    job = a_job(run_seconds)
    assert job.progress(now) == 0

    job.move(Phase.RUNNING)
    job.started_at = 0
    assert 0 <= job.progress(now) <= 99

    job.move(Phase.FAILED)
    assert job.progress(now) == 100


def test_a_fork_of_jobs_lives_on_by_itself() -> None:
    jobs = Jobs()
    jobs.add(a_job())
    fork = jobs.fork()

    (job,) = fork
    job.move(Phase.RUNNING)
    fork.land(job)

    assert [each.phase for each in jobs] == [Phase.QUEUED]
    assert len(jobs.in_flight("p", "a")) == 1
    assert fork.in_flight("p", "a") == ()
    assert fork.find("p-k") is job


@pytest.mark.parametrize("name", ["1", "k", "job1"])
def test_a_job_is_found_by_its_id_its_key_and_its_number(name: str) -> None:
    jobs = Jobs()
    jobs.add(a_job())

    found = jobs.find(name)

    assert found is not None
    assert found.number == 1
    assert jobs.find("job2") is None
