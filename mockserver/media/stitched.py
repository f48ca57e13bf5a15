"""Whether a film is made of certain jobs' films, joined end to end, and what is wrong if not."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, islice, pairwise, zip_longest
from typing import Final, NamedTuple

from mockserver.media import reading, stamp
from mockserver.media.notes import Note
from mockserver.media.render import MissingExtraError, has_extra

LENGTH_TOLERANCE: Final = 0.05
"""Seconds."""
SEAM_TOLERANCE: Final = 8.0
"""How far apart, of 255, two pictures may be on average that are to be the same one."""


class Run(NamedTuple):
    """Pictures in a row that belong together."""

    job: str | None
    """None for pictures without a note."""
    start: int
    """The number of its first picture in the film, from 1."""
    notes: tuple[Note | None, ...]

    @property
    def end(self) -> int:
        """The number of its last picture in the film."""
        return self.start + len(self.notes) - 1

    @property
    def place(self) -> str:
        """Where in the film it is."""
        return _pictures(self.start, self.end)


def faults_of_stitching(
    data: bytes, jobs: Sequence[str], *, seconds: float | None = None, seams: bool = False
) -> list[str]:
    """What is wrong with a film that is to be these jobs' films in this order; nothing if empty.

    Args:
        data: The film.
        jobs: Whose films it is to be made of, first to last.
        seconds: How long it is to be; not looked at when None.
        seams: Whether each segment is to start at the very picture the one before ends with.

    Raises:
        MissingExtraError: Pictures are to be looked at, without the optional packages.
    """
    try:
        film = reading.read(data)
    except ValueError as cause:
        return [f"there is no film to look at: {cause}"]
    runs = list(runs_of(film.pictures))
    if film.notes:
        faults = [*_faults_of_order(runs, jobs), *_faults_of_runs(runs, jobs)]
    else:
        faults = _faults_by_stamps(data, jobs)
    if seconds is not None and abs(film.seconds - seconds) > LENGTH_TOLERANCE:
        faults.append(f"the film is {film.seconds:g} s long and should be {seconds:g} s")
    return [*faults, *_faults_of_seams(data, runs)] if seams else faults


def runs_of(pictures: Sequence[Note | None]) -> Iterator[Run]:
    """A film's pictures, cut wherever the job changes or its film starts again."""
    start = 0
    for at in range(1, len(pictures) + 1):
        if at == len(pictures) or _cut(pictures[at - 1], pictures[at]):
            first = pictures[start]
            yield Run(None if first is None else first.job, start + 1, tuple(pictures[start:at]))
            start = at


def _cut(before: Note | None, after: Note | None) -> bool:
    if before is None or after is None:
        return before is not after
    return before.job != after.job or (after.frame == 0 and before.frame > 0)


def _faults_of_order(runs: Sequence[Run], jobs: Sequence[str]) -> Iterator[str]:
    """Which segments are not what they should be."""
    if [run.job for run in runs] == list(jobs):
        return
    yield from islice(_misplaced(runs, jobs), 1)  # whatever follows the first is misplaced, too
    wanted, had = Counter(jobs), Counter(run.job for run in runs if run.job is not None)
    yield from (f"job {job} is nowhere in the film" for job in wanted if not had[job])
    for job in had - wanted:
        places = " and ".join(run.place for run in runs if run.job == job)
        if wanted[job]:
            yield f"job {job} is in the film more than once: {places}"
        else:
            yield f"job {job} does not belong in this film: {places}"
    yield from (f"of no job: {run.place}" for run in runs if run.job is None)


def _misplaced(runs: Sequence[Run], jobs: Sequence[str]) -> Iterator[str]:
    for number, (run, job) in enumerate(zip_longest(runs, jobs), 1):
        if run is None:
            yield f"segment {number} should be job {job}, but the film ends before it"
        elif job is None:
            yield (
                f"the film should end after segment {number - 1}, but its next picture "
                f"(picture {run.start}) is {_whose(run)}"
            )
        elif run.job != job:
            yield (
                f"segment {number} should be job {job}, but its first picture "
                f"(picture {run.start} of the film) is {_whose(run)}"
            )


def _whose(run: Run) -> str:
    first = run.notes[0]
    return "of no job" if first is None else f"frame {first.frame} of job {first.job}"


def _faults_of_runs(runs: Sequence[Run], jobs: Sequence[str]) -> Iterator[str]:
    """Which segments are not whole."""
    for number, run in enumerate(runs, 1):
        notes = [note for note in run.notes if note is not None]
        if run.job not in jobs or not notes:
            continue
        frames, of = [note.frame for note in notes], notes[0].of
        name = f"segment {number} (job {run.job}, {run.place})"
        lost = sorted(set(range(of)) - set(frames))
        doubled = sorted(frame for frame, count in Counter(frames).items() if count > 1)
        if lost:
            yield f"{name} lacks {_frames(lost)} of its {of}"
        if doubled:
            yield f"{name} has {_frames(doubled)} more than once"
        if frames != sorted(frames):
            at = next(at for at, (a, b) in enumerate(pairwise(frames)) if b < a)
            yield (
                f"{name} has frame {frames[at + 1]} after frame {frames[at]} "
                f"(picture {run.start + at + 1} of the film)"
            )


def _frames(numbers: Sequence[int]) -> str:
    """Frames by their numbers, neighbours drawn together."""
    spans = []
    for _, span in groupby(enumerate(numbers), lambda pair: pair[1] - pair[0]):
        first, *rest = (number for _, number in span)
        spans.append(f"{first} to {rest[-1]}" if rest else f"{first}")
    return f"frame{'s' if len(numbers) > 1 else ''} {', '.join(spans)}"


def _pictures(first: int, last: int) -> str:
    return f"pictures {first} to {last}" if last > first else f"picture {first}"


def _faults_by_stamps(data: bytes, jobs: Sequence[str]) -> list[str]:
    """The order of the segments by the codes along their top edges."""
    fault = "no picture says whose it is: the film was encoded anew, or is none of ours"
    if not has_extra():
        return [fault]
    from mockserver.media import film as films  # noqa: PLC0415
    from mockserver.media import pictures  # noqa: PLC0415

    seen = [pictures.stamp_in(picture) for picture in films.pictures_of(data)]
    codes = [code for code, _ in groupby(code for code in seen if code is not None)]
    wanted = [stamp.code_of(job) for job in jobs]
    if codes == wanted:
        return []
    names = dict(zip(wanted, jobs, strict=True))
    if not codes:
        return [fault]
    order = ", ".join(f"job {names[code]}" if code in names else "another" for code in codes)
    return [f"the film was encoded anew, and by its stamps its segments are: {order}"]


def _faults_of_seams(data: bytes, runs: Sequence[Run]) -> Iterator[str]:
    """Where a segment does not start at the picture that the one before it ends with."""
    if not has_extra():
        raise MissingExtraError
    from mockserver.media import film as films  # noqa: PLC0415
    from mockserver.media import pictures  # noqa: PLC0415

    starts = {run.start: number for number, run in enumerate(runs, 1)}
    before = None
    for at, picture in enumerate(films.pictures_of(data), 1):
        if before is not None and at in starts:
            apart = pictures.difference(before, picture)
            if apart > SEAM_TOLERANCE:
                yield (
                    f"segment {starts[at]} (from picture {at}) does not start where segment "
                    f"{starts[at] - 1} ends: the two pictures are {apart:.0f} of 255 apart"
                )
        before = picture
