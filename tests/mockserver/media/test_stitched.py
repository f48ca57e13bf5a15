from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mockserver.media import drawn
from mockserver.media.clip import Clip, Source
from mockserver.media.notes import Note
from mockserver.media.render import MissingExtraError, film, last_frame_png
from mockserver.media.stitched import faults_of_stitching, runs_of
from tests.mockserver.drivers import png
from tests.mockserver.media.films import clip, encoded_anew, joined

JOBS = ("a", "b", "c")


def short(job: str, segment: int = 0, **change: object) -> Clip:
    return clip(width=32, height=32, seconds=2, job=job, segment=segment, **change)


A, B, C, FOREIGN = (drawn.film(short(job)) for job in (*JOBS, "x"))
UNKNOWN = encoded_anew(A)
ENDLESS = (
    "the film should end after segment 3, but its next picture (picture 13) is frame 0 of job x"
)


def misplaced(segment: int, job: str, picture: int, other: str) -> str:
    return (
        f"segment {segment} should be job {job}, but its first picture "
        f"(picture {picture} of the film) is frame 0 of job {other}"
    )


CASES: dict[str, tuple[bytes, list[str]]] = {
    "in order": (joined(A, B, C), []),
    "permuted": (
        joined(A, C, B),
        [misplaced(2, "b", 5, "c")],
    ),
    "dropped": (
        joined(A, C),
        [
            misplaced(2, "b", 5, "c"),
            "job b is nowhere in the film",
        ],
    ),
    "the last one dropped": (
        joined(A, B),
        [
            "segment 3 should be job c, but the film ends before it",
            "job c is nowhere in the film",
        ],
    ),
    "doubled": (
        joined(A, B, B, C),
        [
            misplaced(3, "c", 9, "b"),
            "job b is in the film more than once: pictures 5 to 8 and pictures 9 to 12",
        ],
    ),
    "a foreign one between": (
        joined(A, B, FOREIGN, C),
        [
            misplaced(3, "c", 9, "x"),
            "job x does not belong in this film: pictures 9 to 12",
        ],
    ),
    "a foreign one behind": (
        joined(A, B, C, FOREIGN),
        [
            ENDLESS,
            "job x does not belong in this film: pictures 13 to 16",
        ],
    ),
    "cut at an end": (
        joined(A, B, C, leave_out=[7, 8]),
        ["segment 2 (job b, pictures 5 to 6) lacks frames 2 to 3 of its 4"],
    ),
    "cut at a start": (
        joined(A, B, C, leave_out=[9]),
        ["segment 3 (job c, pictures 9 to 11) lacks frame 0 of its 4"],
    ),
    "cut within": (
        joined(A, B, C, leave_out=[2, 4]),
        ["segment 1 (job a, pictures 1 to 2) lacks frames 1, 3 of its 4"],
    ),
    "started again without its start": (
        joined(A, B, B, C, leave_out=[9, 10]),
        [
            "segment 2 (job b, pictures 5 to 10) has frames 2 to 3 more than once",
            "segment 2 (job b, pictures 5 to 10) has frame 2 after frame 3 (picture 9 of the film)",
        ],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_wrong_join_is_told_by_what_is_wrong_where(case: str) -> None:
    data, faults = CASES[case]

    assert faults_of_stitching(data, JOBS) == faults


@given(
    st.lists(st.sampled_from([*JOBS, "x"]), max_size=5).filter(bool),
    st.sets(st.integers(1, 20)),
)
def test_only_the_right_join_has_no_faults(jobs: list[str], leave_out: set[int]) -> None:
    films = dict(zip((*JOBS, "x"), (A, B, C, FOREIGN), strict=True))
    leave_out = {number for number in leave_out if number <= 4 * len(jobs)}
    assume(len(leave_out) < 4 * len(jobs))
    data = joined(*(films[job] for job in jobs), leave_out=sorted(leave_out))

    right = tuple(jobs) == JOBS and not leave_out
    assert (not faults_of_stitching(data, JOBS)) == right


def note(job: str, frame: int) -> Note:
    return Note(job=job, segment=0, frame=frame, of=2, prompt="")


def test_pictures_of_no_job_are_a_run_of_their_own() -> None:
    runs = list(runs_of([note("a", 0), note("a", 1), None, None, note("a", 0), note("a", 1)]))

    assert [(run.job, run.start, run.end) for run in runs] == [
        ("a", 1, 2),
        (None, 3, 4),
        ("a", 5, 6),
    ]


def test_a_title_between_two_segments_is_found() -> None:
    title = drawn.film(short("")).replace(b'{"job":""', b'{"bob":""')

    assert faults_of_stitching(joined(A, title, B, C), JOBS) == [
        "segment 2 should be job b, but its first picture (picture 5 of the film) is of no job",
        "of no job: pictures 5 to 8",
    ]


def test_the_same_job_may_be_wanted_twice() -> None:
    assert faults_of_stitching(joined(A, B, A), ["a", "b", "a"]) == []
    assert faults_of_stitching(joined(A, A), ["a", "a"]) == []


def test_a_length_that_differs_is_told() -> None:
    whole = joined(A, B, C)

    assert faults_of_stitching(whole, JOBS, seconds=6) == []
    assert faults_of_stitching(whole, JOBS, seconds=6.5) == [
        "the film is 6 s long and should be 6.5 s"
    ]


@pytest.mark.parametrize("data", [b"", b"<html>", A[: len(A) // 2]])
def test_what_is_no_film_is_the_only_fault(data: bytes) -> None:
    (fault,) = faults_of_stitching(data, JOBS, seconds=6)

    assert fault.startswith("there is no film to look at: it")


def chain(*colours: str) -> list[bytes]:
    """Films each of which starts at the last picture of the one before."""
    films: list[bytes] = []
    sources: Sequence[Source] = ()
    for segment, (job, colour) in enumerate(zip(JOBS, colours, strict=True)):
        last = Source(role="last", data=png(colour))
        made = clip(job=job, segment=segment, sources=(*sources, last))
        films.append(film(made))
        sources = (Source(role="first", data=last_frame_png(made, films[-1])),)
    return films


def test_seams_are_where_the_pictures_say() -> None:
    a, b, c = chain("red", "green", "blue")

    assert faults_of_stitching(joined(a, b, c), JOBS, seams=True) == []
    apart = faults_of_stitching(joined(a, c, b), ["a", "c", "b"], seams=True)
    assert [fault.partition(":")[0] for fault in apart] == [
        "segment 2 (from picture 3) does not start where segment 1 ends",
        "segment 3 (from picture 5) does not start where segment 2 ends",
    ]


WIDE = [drawn.film(clip(width=640, height=360, seconds=3, job=job)) for job in JOBS]


def test_a_film_that_was_encoded_anew_is_told_by_its_stamps() -> None:
    again = encoded_anew(joined(*WIDE))

    assert faults_of_stitching(again, JOBS, seconds=9) == []
    assert faults_of_stitching(again, ["a", "c", "x"]) == [
        "the film was encoded anew, and by its stamps its segments are: job a, another, job c"
    ]


def test_a_film_that_says_nothing_is_not_taken_for_right() -> None:
    assert faults_of_stitching(UNKNOWN, ["a"]) == [
        "no picture says whose it is: the film was encoded anew, or is none of ours"
    ]


@pytest.mark.usefixtures("without_extra")
def test_without_the_extra_all_but_pixels_is_looked_at() -> None:
    assert faults_of_stitching(CASES["in order"][0], JOBS, seconds=6) == []
    assert len(faults_of_stitching(CASES["doubled"][0], JOBS)) == 2
    assert faults_of_stitching(UNKNOWN, ["a"])[0].startswith("no picture says whose it is")
    with pytest.raises(MissingExtraError):
        faults_of_stitching(A, ["a"], seams=True)
