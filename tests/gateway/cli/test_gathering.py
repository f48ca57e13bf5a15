"""What is written in one round of the loop is sent at once; nothing is kept that is too much."""

import asyncio

import pytest

from gateway.cli.gathering import SOON, Gathering


class Line(asyncio.Transport):
    """A connection that notes what is sent."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[bytes] = []
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent.append(bytes(data))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


@pytest.fixture
def line() -> Line:
    return Line()


@pytest.fixture
async def gathering(line: Line) -> Gathering:
    return Gathering(line, asyncio.get_running_loop())


async def test_head_and_body_of_an_answer_go_together(gathering: Gathering, line: Line) -> None:
    gathering.write(b"head ")
    gathering.write(bytearray(b"body"))
    assert not line.sent

    await asyncio.sleep(0)
    assert line.sent == [b"head body"]


async def test_each_round_sends_what_was_written_in_it(gathering: Gathering, line: Line) -> None:
    for piece in (b"one", b"two"):
        gathering.write(piece)
        await asyncio.sleep(0)
    assert line.sent == [b"one", b"two"]


async def test_who_writes_much_hears_at_once_that_it_is_too_much(
    gathering: Gathering, line: Line
) -> None:
    gathering.write(b"head ")
    gathering.write(b"x" * SOON)
    assert line.sent == [b"head " + b"x" * SOON]

    gathering.write(b"rest")
    await asyncio.sleep(0)
    assert line.sent[1:] == [b"rest"]


async def test_what_was_written_is_sent_before_the_connection_is_closed(
    gathering: Gathering, line: Line
) -> None:
    gathering.write(b"the end")
    gathering.close()
    assert (line.sent, gathering.is_closing()) == ([b"the end"], True)

    await asyncio.sleep(0)
    assert line.sent == [b"the end"]


async def test_a_connection_that_is_cut_or_gone_is_not_written_to(
    gathering: Gathering, line: Line
) -> None:
    gathering.write(b"too late")
    gathering.abort()
    await asyncio.sleep(0)
    gathering.write(b"later still")
    await asyncio.sleep(0)
    assert (line.sent, line.closed) == ([], True)
