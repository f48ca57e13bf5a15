"""The gateway's clock: what it follows while it runs, and what it does not."""

import time

import pytest
import structlog

from gateway.app import SystemClock
from gateway.model.clock import SECOND

NEAR = 2 * SECOND


class Machine:
    """The machine's clock, which a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead, self._real = 0.0, time.time_ns
        monkeypatch.setattr(time, "time_ns", self._now)

    def _now(self) -> int:
        return self._real() + round(self.ahead * 1e9)

    def time(self) -> int:
        return self._now() // 1000


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


def test_a_machine_that_slept_or_was_behind_is_followed(machine: Machine) -> None:
    clock = SystemClock()
    with structlog.testing.capture_logs() as lines:
        machine.ahead = 3600.0
        assert abs(clock.now() - machine.time()) < NEAR
        assert abs(clock.now() - machine.time()) < NEAR
    assert [one["log_level"] for one in lines] == ["warning"]


def test_a_machine_whose_clock_is_set_back_is_not_followed_and_that_is_said_once(
    machine: Machine,
) -> None:
    clock = SystemClock()
    before = clock.now()
    with structlog.testing.capture_logs() as lines:
        machine.ahead = -3600.0
        assert 0 <= clock.now() - before < NEAR
        assert 0 <= clock.now() - before < NEAR
    assert [one["log_level"] for one in lines] == ["warning"]
    assert abs(clock.wall() - machine.time()) < NEAR


@pytest.mark.parametrize("seconds", [-4.0, 4.0])
def test_a_machine_whose_clock_is_off_by_little_is_left_alone(
    machine: Machine, seconds: float
) -> None:
    clock = SystemClock()
    before = clock.now()
    with structlog.testing.capture_logs() as lines:
        machine.ahead = seconds
        assert 0 <= clock.now() - before < NEAR
    assert lines == []


@pytest.mark.parametrize("hours", [-1, 1])
def test_where_replicas_share_a_database_its_clock_alone_is_followed_both_ways(
    machine: Machine, hours: int
) -> None:
    clock = SystemClock()
    told = clock.now() + hours * 3600 * SECOND
    clock.follow(told)
    machine.ahead = 86_400.0
    assert 0 <= clock.now() - told < NEAR
    assert 0 <= clock.wall() - told < NEAR
