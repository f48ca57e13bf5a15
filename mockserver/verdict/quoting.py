"""Journal lines in one line each, for messages."""

from collections.abc import Collection

from mockserver.engine.journal import Delivery, Entry, Event, Exchange

QUOTED_AT_MOST = 6
NUMBERS_AT_MOST = 5
_LOST = {"reset": "broken off", "cut": "cut off", "hang": "never answered"}


def quote(line: Event) -> str:
    """Its number, its time and what it says."""
    return f"#{line.n:<4} {line.at:>8.1f} s  {_said(line)}"


def quotes(lines: list[Event]) -> list[str]:
    """Each line, or the first few and the last where there are many."""
    if len(lines) <= QUOTED_AT_MOST:
        return [quote(line) for line in lines]
    left = len(lines) - QUOTED_AT_MOST
    head = [quote(line) for line in lines[: QUOTED_AT_MOST - 1]]
    return [*head, f"… {left} more", quote(lines[-1])]


def numbers(lines: Collection[int]) -> str:
    """The numbers of lines, or the first few of them: `#3, #5`."""
    told = ", ".join(f"#{n}" for n in list(lines)[:NUMBERS_AT_MOST])
    left = len(lines) - NUMBERS_AT_MOST
    return f"{told} and {left} more" if left > 0 else told


def reply_of(line: Exchange) -> str:
    """What became of a request's reply."""
    said = _LOST[line.lost] if line.lost else str(line.status)
    waited = line.replied_at - line.at
    late = f" after {waited:g} s" if waited else ""
    faults = f" [{', '.join(line.faults)}]" if line.faults else ""
    return f"{said}{late}{faults}"


def _said(line: Event) -> str:
    match line:
        case Exchange():
            return _exchange(line)
        case Delivery():
            how = f"{line.how} " if line.how else ""
            return f"{how}callback ({line.phase}) → {line.error or line.status}"
        case Entry():
            return f"{line.kind} of {line.amount} {line.unit}, {line.job}"
        case _:
            return type(line).__name__.lower()


def _exchange(line: Exchange) -> str:
    told = "" if line.lost else ", ".join(sorted({phase for _, phase in line.told}))
    about = f" ({told})" if told else ""
    query = f"?{line.query}" if line.query else ""
    return f"{line.method} {line.path}{query} → {reply_of(line)}{about}"
