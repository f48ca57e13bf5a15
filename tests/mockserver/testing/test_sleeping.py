import threading
import time
from collections.abc import Callable, Iterator

import pytest

from mockserver.testing.sleeping import Sleeping

REAL = (time.sleep, time.monotonic, time.monotonic_ns, time.time, time.time_ns)


def patched() -> bool:
    return (time.sleep, time.monotonic, time.monotonic_ns, time.time, time.time_ns) != REAL


@pytest.fixture(autouse=True)
def _leaves_no_trace() -> Iterator[None]:
    yield
    assert not patched()


class Mock:
    """A world whose job is done after 60 virtual seconds."""

    def __init__(self) -> None:
        self.now = 0.0

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def clock(self) -> float:
        return self.now

    def done(self) -> bool:
        return self.now >= 60.0


def poll(done: Callable[[], bool], *, timeout: float) -> int:
    """An ordinary synchronous client: how many polls it took."""
    deadline = time.monotonic() + timeout
    polls = 1
    while not done():
        if time.monotonic() >= deadline:
            raise TimeoutError
        time.sleep(15)
        polls += 1
    return polls


def in_thread(work: Callable[[], object]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()


def test_a_client_that_sleeps_between_polls_moves_the_mocks_clock() -> None:
    mock = Mock()
    began = time.perf_counter()

    with Sleeping(mock.advance):
        assert poll(mock.done, timeout=300) == 5

    assert mock.now == 60.0
    assert time.perf_counter() - began < 5


def test_a_deadline_that_the_client_computes_follows_the_mocks_clock() -> None:
    mock = Mock()

    with Sleeping(mock.advance, clock=mock.clock), pytest.raises(TimeoutError):
        poll(lambda: False, timeout=45)

    assert mock.now == 45.0


def test_without_a_clock_only_sleep_is_replaced() -> None:
    before = time.monotonic()

    with Sleeping(lambda _: None):
        time.sleep(1000)
        assert before <= time.monotonic() < before + 100


def test_wall_time_goes_on_from_where_it_was_and_then_follows_the_clock() -> None:
    mock = Mock()
    mock.now = 500.0
    before = time.time()

    with Sleeping(mock.advance, clock=mock.clock):
        first = time.time()
        time.sleep(15)
        assert time.time() == first + 15
        assert time.time_ns() == pytest.approx((first + 15) * 1e9)

    assert before <= first < before + 10


def test_wall_time_counts_from_a_given_epoch() -> None:
    mock = Mock()
    mock.now = 7.5

    with Sleeping(mock.advance, clock=mock.clock, epoch=1_767_225_600.0):
        assert time.time() == 1_767_225_607.5
        assert time.time_ns() == 1_767_225_607_500_000_000
        assert time.monotonic() == 7.5
        assert time.monotonic_ns() == 7_500_000_000


def test_a_negative_sleep_is_refused_as_the_real_one_refuses_it() -> None:
    mock = Mock()

    with Sleeping(mock.advance), pytest.raises(ValueError, match="must be non-negative"):
        time.sleep(-1)

    assert mock.now == 0.0


def test_the_real_functions_are_back_after_an_exception() -> None:
    def crash() -> None:
        with Sleeping(lambda _: None, clock=lambda: 0.0):
            assert patched()
            raise LookupError

    with pytest.raises(LookupError):
        crash()

    assert not patched()


def test_an_error_of_the_mocks_clock_reaches_the_client_and_breaks_nothing() -> None:
    mock = Mock()

    def refuse(seconds: float) -> None:
        raise LookupError(seconds)

    with Sleeping(mock.advance):
        with Sleeping(refuse), pytest.raises(LookupError, match="15"):
            time.sleep(15)
        time.sleep(15)

    assert mock.now == 15.0


def test_in_a_nested_use_the_innermost_is_asked_and_then_the_outer_one_again() -> None:
    outer, inner = Mock(), Mock()

    with Sleeping(outer.advance):
        time.sleep(1)
        with Sleeping(inner.advance):
            time.sleep(10)
        time.sleep(100)

    assert (outer.now, inner.now) == (101.0, 10.0)


def test_an_inner_use_without_a_clock_keeps_the_outer_ones_clock() -> None:
    outer, inner = Mock(), Mock()

    with Sleeping(outer.advance, clock=outer.clock), Sleeping(inner.advance):
        time.sleep(10)
        assert time.monotonic() == 0.0

    assert inner.now == 10.0


def test_the_innermost_clock_is_the_one_that_is_read() -> None:
    with Sleeping(lambda _: None, clock=lambda: 1.0):
        with Sleeping(lambda _: None, clock=lambda: 2.0):
            assert time.monotonic() == 2.0
        assert time.monotonic() == 1.0


def test_the_same_one_may_be_entered_again_inside_itself() -> None:
    mock = Mock()
    sleeping = Sleeping(mock.advance, clock=mock.clock)

    with sleeping:
        with sleeping:
            time.sleep(5)
        time.sleep(5)
        assert time.monotonic() == 10.0


def test_another_thread_keeps_the_real_functions() -> None:
    mock = Mock()
    slept: list[float] = []

    def serve() -> None:
        began = time.monotonic()
        time.sleep(0.01)
        slept.append(time.monotonic() - began)

    with Sleeping(mock.advance, clock=mock.clock):
        in_thread(serve)

    assert 0.009 < slept[0] < 5
    assert mock.now == 0.0


def test_threads_that_enter_have_a_clock_each_and_may_leave_in_any_order() -> None:
    mine, theirs = Mock(), Mock()
    entered, left = threading.Event(), threading.Event()

    def other() -> None:
        with Sleeping(theirs.advance):
            entered.set()
            assert left.wait(10)
            time.sleep(20)

    thread = threading.Thread(target=other)
    with Sleeping(mine.advance):
        thread.start()
        assert entered.wait(10)
        time.sleep(3)
    assert patched()
    left.set()
    thread.join(10)

    assert (mine.now, theirs.now) == (3.0, 20.0)


def test_what_moves_the_clock_may_itself_sleep_and_measure_really() -> None:
    mock = Mock()
    took: list[float] = []

    def advance(seconds: float) -> None:
        began = time.monotonic()
        time.sleep(0.005)
        took.append(time.monotonic() - began)
        mock.advance(seconds)

    with Sleeping(advance, clock=mock.clock):
        time.sleep(15)

    assert mock.now == 15.0
    assert took[0] > 0.004


def test_what_somebody_else_replaced_in_the_meantime_is_left_alone() -> None:
    naps: list[object] = []

    try:
        with Sleeping(lambda _: None):
            time.sleep = naps.append
        time.sleep(3)
    finally:
        time.sleep = REAL[0]

    assert naps == [3]
