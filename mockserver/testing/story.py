"""A world's journal as text, one short line for each thing, below what it comes of."""

from collections.abc import Iterator

from mockserver.engine.journal import (
    Command,
    Delivery,
    Entry,
    Event,
    Exchange,
    Loaded,
    Moved,
    Received,
    Transition,
)
from mockserver.verdict.quoting import reply_of
from mockserver.world import World

LINES_AT_MOST = 200
DEEPEST = 5


def story(world: World, at_most: int = LINES_AT_MOST) -> str:
    """The lines: number, virtual seconds, what happened, and after an arrow what it comes of."""
    lines = list(world.journal)
    left = len(lines) - at_most
    told = [_told(world, line) for line in lines[-at_most:]]
    return "\n".join([f"   … {left} earlier lines", *told] if left > 0 else told)


def _told(world: World, line: Event) -> str:
    indent = "  " * min(DEEPEST, sum(1 for _ in _causes(world, line)))
    cause = "" if line.cause is None else f"  ← {line.cause}"
    return f"{line.n:>5} {line.at:>9.1f} s  {indent}{_said(world, line)}{cause}"


def _causes(world: World, line: Event | None) -> Iterator[Event]:
    while line is not None and line.cause is not None:
        line = world.journal.get(line.cause)
        if line is not None:
            yield line


def _said(world: World, line: Event) -> str:  # noqa: PLR0911 - one for each kind
    job = _name(world, line.job)
    match line:
        case Exchange():
            query = f"?{line.query}" if line.query else ""
            about = f" ({job})" if line.job else ""
            return f"{line.method} {line.path}{query} → {reply_of(line)}{about}"
        case Transition():
            why = f": {line.why}" if line.why else ""
            return f"{job} {line.before} → {line.after}{why}"
        case Entry():
            return f"{line.kind} of {line.amount} {line.unit} for {job}"
        case Loaded():
            return f"{job} reads {line.url}{f': {line.fault}' if line.fault else ''}"
        case Delivery():
            how = f"{line.how} " if line.how else ""
            struck = f" [{', '.join(line.faults)}]" if line.faults else ""
            return f"{how}callback {job} {line.phase} → {line.error or line.status}{struck}"
        case Received():
            return f"webhook into {line.inbox} → {line.status}"
        case Moved():
            return f"time moved by {line.seconds:g} s"
        case Command():
            given = ", ".join(f"{name}={value!r}" for name, value in line.given.items())
            return f"told: {line.name} {given}".rstrip()
        case _:
            return type(line).__name__.lower()


def _name(world: World, job: str | None) -> str:
    found = None if job is None else world.jobs.find(job)
    return f"job {job}" if found is None else f"job{found.number}"
