"""What a test may assert of a world, as methods; each rule stands in `mockserver.verdict`."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, cast

from mockserver.engine.jobs import Job

if TYPE_CHECKING:
    from mockserver.verdict import Lineage, Verdict
    from mockserver.world import World

# The judges are imported by those methods that need them, for most worlds are never judged.


class Judged:
    """The part of a world that judges its client."""

    @property
    def _world(self) -> "World":
        return cast("World", self)

    def _spoken_to(self) -> "World":
        """Itself, if anybody has spoken to it.

        Raises:
            AssertionError: nobody has, so that every verdict on a client would be empty.
        """
        __tracebackhide__ = True
        world = self._world
        if not world.journal.requests:
            raise AssertionError(
                f"nobody has spoken to the world {world.name!r}: does the client use its keys, "
                f"such as {world.key(world.providers[0].name)!r}, and the mock's base URL?"
            )
        return world

    def verdict(self, *, allow: Collection[str] = ()) -> "Verdict":
        """What the client did that it should not have done.

        Raises:
            ValueError: `allow` names a rule that does not exist.
        """
        from mockserver import verdict  # noqa: PLC0415

        return verdict.verdict(self._world, allow=allow)

    def assert_good_client(
        self, *, allow: Collection[str] = (), warnings_are_errors: bool = False
    ) -> None:
        """Fails where the client broke a rule; `allow` names those that it may break.

        Raises:
            AssertionError: it broke one; the text names the rule and the requests. Or there was no
                client at all.
            ValueError: `allow` names a rule that does not exist.
        """
        from mockserver import verdict  # noqa: PLC0415

        __tracebackhide__ = True
        world = self._spoken_to()
        verdict.assert_good_client(world, allow=allow, warnings_are_errors=warnings_are_errors)

    def assert_no_double_charge(self) -> None:
        """Fails where one wish was charged more than once and not given back.

        Raises:
            AssertionError: one was; the text names the requests and the amounts. Or there was no
                client at all.
        """
        from mockserver import verdict  # noqa: PLC0415

        __tracebackhide__ = True
        verdict.assert_no_double_charge(self._spoken_to())

    def assert_spent(
        self,
        *,
        at_most: int | None = None,
        exactly: int | None = None,
        provider: str | None = None,
    ) -> None:
        """Fails where more was spent, or something else, in the provider's unit.

        Raises:
            AssertionError: it was not so; the text lists the charges and refunds.
            ValueError: no limit is given, or several providers were paid and none is named.
        """
        from mockserver import verdict  # noqa: PLC0415

        __tracebackhide__ = True
        verdict.assert_spent(self._world, at_most=at_most, exactly=exactly, provider=provider)

    def lineage(self) -> "Lineage":
        """Which job started from which other's film, frame or upload."""
        from mockserver import verdict  # noqa: PLC0415

        return verdict.lineage(self._world)

    def assert_chain(self, segments: int) -> None:
        """Fails where segments do not each start from the end of the one before.

        Raises:
            AssertionError: one does not; the text says what it started from.
        """
        from mockserver import verdict  # noqa: PLC0415

        __tracebackhide__ = True
        verdict.assert_chain(self._world, segments)

    def assert_stitched(
        self,
        film: bytes,
        jobs: Sequence[str | Job] | None = None,
        *,
        seconds: float | None = None,
        seams: bool = False,
    ) -> None:
        """Fails where a film is not its segments, whole, once and in order.

        Args:
            film: an MP4 that was joined without encoding it anew.
            jobs: its segments, each a job, its id, its key, or `job2`; None means every job that
                has completed, in the order in which they were accepted.
            seconds: how long it must be.
            seams: whether each segment must begin with the picture that the one before ends with;
                that needs the extra `mock`.

        Raises:
            AssertionError: it is not so; the text says what is found where.
            KeyError: there is no such job.
        """
        from mockserver.media.stitched import faults_of_stitching  # noqa: PLC0415

        __tracebackhide__ = True
        world = self._world
        if jobs is None:
            wanted = [job.id for job in world.jobs if job.phase == "completed"]
        else:
            wanted = [world.job(job).id for job in jobs]
        faults = faults_of_stitching(film, wanted, seconds=seconds, seams=seams)
        if faults:
            raise AssertionError("\n".join(["the film is not what it should be:", *faults]))
