"""The verdict as a whole: to be printed, or to fail a test with."""

from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from mockserver.verdict.quoting import quotes
from mockserver.verdict.rules import RULES, Finding, findings

if TYPE_CHECKING:
    from mockserver.engine.journal import Journal
    from mockserver.world import World


TOLD_AT_MOST = 5
"""Findings of one rule that are told in full."""


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be said of a client."""

    world: str
    findings: tuple[Finding, ...]
    text: str

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What a client must not do."""
        return tuple(each for each in self.findings if each.level == "error")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """What it should not do."""
        return tuple(each for each in self.findings if each.level == "warn")

    def __str__(self) -> str:
        return self.text

    @property
    def is_good(self) -> bool:
        """Whether there is nothing to be said."""
        return not self.findings


def verdict(world: "World", *, allow: Collection[str] = ()) -> Verdict:
    """Judges a client by what it did to a world.

    Args:
        world: where it was at work.
        allow: names of rules that it may break.

    Raises:
        ValueError: there is no such rule.
    """
    if unknown := set(allow) - RULES.keys():
        known = ", ".join(RULES)
        raise ValueError(f"there is no rule {', '.join(sorted(unknown))}; there are: {known}")
    found = tuple(each for each in findings(world) if each.rule not in allow)
    return Verdict(world=world.name, findings=found, text=_text(world.name, world.journal, found))


def assert_good_client(
    world: "World", *, allow: Collection[str] = (), warnings_are_errors: bool = False
) -> None:
    """Fails where the client broke a rule.

    Args:
        world: where it was at work.
        allow: names of rules that it may break.
        warnings_are_errors: fails for warnings too.

    Raises:
        AssertionError: it broke one; the text names the rule, the requests and what to do.
        ValueError: `allow` names a rule that does not exist.
    """
    found = verdict(world, allow=allow)
    if found.errors or (warnings_are_errors and found.warnings):
        raise AssertionError(str(found))


def _text(world: str, journal: "Journal", found: tuple[Finding, ...]) -> str:
    if not found:
        return f"world {world}: a good client"
    errors = sum(each.level == "error" for each in found)
    head = f"world {world}: {_count(errors, 'error')}, {_count(len(found) - errors, 'warning')}"
    told = [head]
    for rule in RULES:
        broken = [each for each in found if each.rule == rule]
        told += [_told(each, journal) for each in broken[:TOLD_AT_MOST]]
        if len(broken) > TOLD_AT_MOST:
            told.append(f"{rule}: {len(broken) - TOLD_AT_MOST} more")
    return "\n\n".join(told)


def _told(finding: Finding, journal: "Journal") -> str:
    rule = RULES[finding.rule]
    lines = [line for n in finding.requests if (line := journal.get(n)) is not None]
    return "\n".join(
        [
            f"{finding.level} {rule.name}: {finding.text}",
            *(f"    {quoted}" for quoted in quotes(lines)),
            f"  known: {rule.says} ({rule.source})",
            f"  instead: {rule.instead}",
        ]
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
