"""Looking names up, so that one which hangs holds up no other."""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, Final

THREADS: Final = 16


class SystemResolver:
    """`getaddrinfo` on threads of its own: look-ups cannot be cancelled once they are under way.

    Whoever asks for a name that is being looked up waits for the same answer, so a name that
    hangs has one thread, however often and by whomever it is asked for.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, "filmgate-lookup")
        self._under_way: dict[tuple[str, int], _LookUp] = {}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """All addresses of a name, as text.

        Raises:
            OSError: It has none, or that cannot be found out.
        """
        name = (host, port)
        one = self._under_way.get(name)
        if one is None:
            look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
            one = self._under_way[name] = _LookUp(self._threads.submit(look_up))
            one.found.add_done_callback(lambda _: self._ended(name, one))
        one.waiting += 1
        try:
            found = await asyncio.shield(one.found)
        finally:
            one.waiting -= 1
            # One that waits for a thread and that nobody waits for needs none any more.
            if not one.waiting and one.work.cancel():
                self._forget(name, one)
        return [str(sockaddr[0]) for *_, sockaddr in found]

    def _ended(self, name: tuple[str, int], one: "_LookUp") -> None:
        self._forget(name, one)
        if not one.found.cancelled():
            # Everybody may have left: then its failure is nobody's business.
            one.found.exception()

    def _forget(self, name: tuple[str, int], one: "_LookUp") -> None:
        if self._under_way.get(name) is one:
            del self._under_way[name]

    def close(self) -> None:
        """Begin no more; those under way are left to end by themselves."""
        for one in list(self._under_way.values()):
            one.found.cancel()
        self._threads.shutdown(wait=False, cancel_futures=True)


class _LookUp:
    """One that is under way, or waits for a thread; how many wait for its answer."""

    def __init__(self, work: "Future[list[Any]]") -> None:
        self.work = work
        self.found = asyncio.wrap_future(work)
        self.waiting = 0
