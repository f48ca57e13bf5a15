"""What was spent, and what was paid for twice."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import msgspec

from mockserver.engine.jobs import Job
from mockserver.engine.journal import Exchange
from mockserver.magic.directives import without_directives
from mockserver.verdict.history import History
from mockserver.verdict.quoting import quotes, reply_of

if TYPE_CHECKING:
    from mockserver.world import World

RULE = (
    "rule: one wish is charged once. A submit whose reply did not arrive may have been taken: look "
    "for its job in the provider's lists and adopt it, before sending it again or elsewhere"
)
START_ROLES = frozenset({"first", "last", "extend"})
"""Inputs that make a wish another wish at whichever provider."""


class DoubleCharge(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs that were made and charged for one wish."""

    kind: Literal["again", "elsewhere"]
    """Sent again to the same endpoint, or to another one or another provider."""
    prompt: str
    jobs: tuple[str, ...]
    """The ids, first one first."""
    requests: tuple[int, ...]
    """The journal's lines of the submits."""
    amounts: tuple[int, ...]
    units: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return self.text


class _Charge(msgspec.Struct, frozen=True, kw_only=True):
    """A job that stays paid for, and the request that made it."""

    job: Job
    submit: Exchange | None
    wish: str

    @property
    def endpoint(self) -> tuple[str, str]:
        order = self.job.order
        return (order.provider, "" if self.submit is None else self.submit.operation)


def double_charges(world: "World") -> list[DoubleCharge]:
    """Wishes that were charged more than once and not given back.

    The same wish is the same request but for callback URL, reference and account, its inputs
    compared by content; or, sent elsewhere, the same prompt and the same pictures to start from.
    Another seed is another wish.
    """
    history = History(world)
    paid = world.ledger.per_job
    charges = [
        _Charge(job=job, submit=submit, wish=history.wish(submit) if submit else job.order.intent)
        for job in world.jobs
        if paid.get(job.id, 0) > 0
        for submit in (history.submit_of(job),)
    ]
    return [*_again(history, charges), *_elsewhere(history, charges)]


def _again(history: History, charges: Sequence[_Charge]) -> Iterator[DoubleCharge]:
    groups: defaultdict[str, list[_Charge]] = defaultdict(list)
    for charge in charges:
        groups[charge.wish].append(charge)
    for group in groups.values():
        if len(group) > 1:
            yield _double("again", history, group)


def _elsewhere(history: History, charges: Sequence[_Charge]) -> Iterator[DoubleCharge]:
    groups: defaultdict[object, list[_Charge]] = defaultdict(list)
    for charge in charges:
        prompt = without_directives(charge.job.order.prompt)
        inputs = _inputs(history, charge.job)
        if prompt or inputs:
            groups[prompt, inputs].append(charge)
    for group in groups.values():
        first = group[0]
        others = [one for one in group if one.endpoint != first.endpoint and _agree(first, one)]
        if others:
            yield _double("elsewhere", history, [first, *others])


def _inputs(history: History, job: Job) -> tuple[tuple[str, str], ...]:
    sources = (source for source in job.order.sources if source.role in START_ROLES)
    return tuple((source.role, history.content_of(source.url) or source.url) for source in sources)


def _agree(one: _Charge, other: _Charge) -> bool:
    """Whether the seeds are no two different ones."""
    seeds = {charge.job.order.params.get("seed") for charge in (one, other)} - {None}
    return len(seeds) < 2  # noqa: PLR2004 - two


def _double(
    kind: Literal["again", "elsewhere"], history: History, group: Sequence[_Charge]
) -> DoubleCharge:
    orders = [charge.job.order for charge in group]
    lines = [charge.submit for charge in group if charge.submit is not None]
    where = "" if kind == "again" else ", elsewhere"
    head = f"charged {_times(len(group))} for one wish{where}: {_short(orders[0].prompt)}"
    rows = [_row(history, charge) for charge in group]
    reply = f"the reply to #{lines[0].n}: {reply_of(lines[0])}" if lines else ""
    text = "\n".join([head, *(f"    {row}" for row in rows), f"  {reply}", f"  {RULE}"])
    return DoubleCharge(
        kind=kind,
        prompt=orders[0].prompt,
        jobs=tuple(order.id for order in orders),
        requests=tuple(line.n for line in lines),
        amounts=tuple(order.cost for order in orders),
        units=tuple(order.unit for order in orders),
        text=text,
    )


def _row(history: History, charge: _Charge) -> str:
    job, submit = charge.job, charge.submit
    n = "" if submit is None else f"#{submit.n} at {submit.at:g} s, {submit.path}: "
    return f"{n}{job.order.cost} {job.order.unit}, {history.name(job.id)} {job.phase} ({job.id})"


def _times(count: int) -> str:
    return {2: "twice"}.get(count, f"{count} times")


def _short(prompt: str, longest: int = 80) -> str:
    return repr(prompt if len(prompt) <= longest else f"{prompt[: longest - 1]}…")


def assert_no_double_charge(world: "World") -> None:
    """Fails where a wish was charged more than once.

    Raises:
        AssertionError: one was; the text names the requests and the amounts.
    """
    if doubles := double_charges(world):
        raise AssertionError("\n\n".join(str(double) for double in doubles))


def spent(world: "World", provider: str | None = None) -> int:
    """Charges less refunds, in the provider's unit.

    Args:
        world: where it was spent.
        provider: its name; None means the only one that was paid.

    Raises:
        ValueError: several were paid, whose units cannot be added up.
    """
    return _bill(world, provider)[0]


def _bill(world: "World", provider: str | None) -> tuple[int, str, str]:
    """Amount, unit and name of a provider."""
    totals = world.ledger.total
    if provider is None:
        if len(totals) > 1:
            names = ", ".join(sorted(totals))
            raise ValueError(f"{names} were paid, each in its own unit: name one of them")
        provider = next(iter(totals), world.providers[0].name)
    return totals.get(provider, 0), world.named(provider).unit, provider


def assert_spent(
    world: "World",
    *,
    at_most: int | None = None,
    exactly: int | None = None,
    provider: str | None = None,
) -> None:
    """Fails where more was spent, or something else.

    Args:
        world: where it was spent.
        at_most: in the provider's unit; Pictory's is a tenth of an AI credit.
        exactly: the same.
        provider: its name; None means the only one that was paid.

    Raises:
        AssertionError: it was not so; the text lists the charges and refunds.
        ValueError: neither limit is given, or several providers were paid and none is named.
    """
    if at_most is None and exactly is None:
        raise ValueError("say `at_most` or `exactly`")
    amount, unit, name = _bill(world, provider)
    wanted = []
    if exactly is not None and amount != exactly:
        wanted.append(f"exactly {exactly}")
    if at_most is not None and amount > at_most:
        wanted.append(f"at most {at_most}")
    if wanted:
        entries = [entry for entry in world.ledger.entries if entry.provider == name]
        rows = "\n".join(f"    {quoted}" for quoted in quotes(list(entries)))
        raise AssertionError(
            f"spent at {name}: {amount} {unit}, expected {' and '.join(wanted)}\n{rows}"
        )
