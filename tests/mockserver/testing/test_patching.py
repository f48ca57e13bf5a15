import threading
from collections.abc import Callable

from mockserver.testing.patching import SharedPatch, Target


def shout(real: Callable[[], str]) -> Callable[[], str]:
    return lambda: real().upper()


class Base:
    @staticmethod
    def word() -> str:
        return "quiet"


def test_the_first_user_replaces_and_the_last_one_restores() -> None:
    class Owner:
        word = staticmethod(lambda: "quiet")

    patch = SharedPatch(Target(Owner, "word", shout))
    patch.acquire()
    patch.acquire()
    assert Owner.word() == "QUIET"
    patch.release()
    assert Owner.word() == "QUIET"
    patch.release()
    assert Owner.word() == "quiet"


def test_what_was_inherited_is_inherited_again() -> None:
    class Owner(Base):
        pass

    patch = SharedPatch(Target(Owner, "word", shout))
    patch.acquire()
    assert Owner.word() == "QUIET"
    assert Base.word() == "quiet"
    patch.release()

    assert "word" not in vars(Owner)


def test_many_threads_that_come_and_go_leave_the_original_behind() -> None:
    class Owner(Base):
        pass

    patch = SharedPatch(Target(Owner, "word", shout))
    heard: set[str] = set()

    def visit() -> None:
        for _ in range(200):
            patch.acquire()
            heard.add(Owner.word())
            patch.release()

    threads = [threading.Thread(target=visit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert heard == {"QUIET"}
    assert Owner.word() == "quiet"
