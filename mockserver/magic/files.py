"""File names that script a job: the last part of an input's URL, such as `…/slow-90s.png`.

For applications that rewrite prompts; what the prompt itself says goes first. A name that is none
of these means nothing.
"""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

import msgspec

_DURATION = r"(\d+(?:\.\d+)?(?:ms|s|m|h))"


class FileName(msgspec.Struct, frozen=True):
    """A pattern of names without their extension, and the directive it stands for."""

    pattern: str
    directive: str
    """`{}` is what the pattern's group found."""
    meaning: str


FILES: Mapping[str, FileName] = {
    "slow-90s.png": FileName(f"slow-{_DURATION}", "run={}", "virtual time of rendering"),
    "queue-20s.png": FileName(
        f"queue-{_DURATION}", "queue={}", "virtual time before rendering starts"
    ),
    "fail-moderated.png": FileName(
        "fail-(failed|moderated|no-credits|input)",
        "fail={}",
        "the job is accepted, then ends so and is refunded",
    ),
    "404.png": FileName("404", "fail=input", "the job fails because its input cannot be read"),
    "lose-reply.png": FileName(
        "lose-reply",
        "lose-reply",
        "the first submit makes and charges a job, then its reply is cut",
    ),
}
"""Names by an example; which extension a file has does not matter."""


def directives_in(urls: Iterable[str]) -> str:
    """The directives that the files' names stand for, as a block for a prompt."""
    stems = [urlsplit(url).path.rpartition("/")[2].rpartition(".")[0] for url in urls]
    words = [
        row.directive.format(*found.groups())
        for stem in stems
        for row in FILES.values()
        if (found := re.fullmatch(row.pattern, stem))
    ]
    return f"[[mock {' '.join(words)}]] " if words else ""
