"""What must be true of every history once it has come to rest."""

import hashlib
import json
from collections import Counter
from itertools import groupby
from typing import Final

from gateway.model.phases import FINAL, TRANSITIONS, Phase
from mockserver.verdict.money import double_charges
from tests.simulation.disk import Disk
from tests.simulation.history import History
from tests.simulation.staging import film_of

MOVES: Final = {(left, entered) for left, by in TRANSITIONS.items() for entered in by.values()}


def faults(history: History) -> list[str]:
    """Everything that is wrong with it; nothing where all is well."""
    found = [f"{key} was never answered" for key in history.people.unanswered]
    found += [*history.loop.errors, *history.disk.broken.values(), *life(history.disk)]
    for look in (_rest, _answers, _money, _films, _crowd, _notices):
        found += look(history)
    return list(dict.fromkeys(found))


def _rest(history: History) -> list[str]:
    """Everything has ended or waits for people, and nothing is held any more."""
    found = [f"{job_id} is still {phase}" for job_id, phase in history.unsettled()]
    if not found:
        taken = history.disk.ask("SELECT attempt_id FROM slots WHERE attempt_id IS NOT NULL")
        found += [f"a slot is still taken by {row[0]}" for row in taken]
    return found


def life(disk: Disk) -> list[str]:
    """Every job moves by the table, and ends once."""
    found: list[str] = []
    rows = disk.ask(
        "SELECT job, kind, one, other FROM audit WHERE kind IN ('accepted', 'moved', 'removed')"
        " ORDER BY job, seq"
    )
    for job_id, events in groupby(rows, key=lambda row: row[0]):
        at, ends, removed = "", 0, False
        for _, kind, one, other in events:
            if kind == "removed":
                removed = True
                if Phase(one) not in FINAL:
                    found.append(f"{job_id} was removed while it was {one}")
                continue
            if removed:
                found.append(f"{job_id} lives on after it was removed")
            if kind == "moved":
                if one != at:
                    found.append(f"{job_id} was {at} and left {one}")
                if one != other and (Phase(one), Phase(other)) not in MOVES:
                    found.append(f"{job_id} moved from {one} to {other}")
            at = other or one
            ends += Phase(at) in FINAL and at != one
        if ends > 1:
            found.append(f"{job_id} ended {ends} times")
    return found


def _answers(history: History) -> list[str]:
    """Whoever was answered has a job, and one key has one job."""
    found: list[str] = []
    known = {row[0] for row in history.disk.ask("SELECT job FROM audit WHERE kind = 'accepted'")}
    for key, ids in history.people.answers.items():
        if len(ids) > 1:
            found.append(f"{key} has {len(ids)} jobs: {sorted(ids)}")
        found += [f"{one}, accepted, is lost" for one in ids - known]
    if len(known) > len(history.plan.wishes):
        found.append(f"{len(known)} jobs came of {len(history.plan.wishes)} wishes")
    return found


def resubmits(history: History) -> Counter[str]:
    """How often the operator had each job sent again."""
    rows = history.disk.ask("SELECT job FROM audit WHERE kind = 'resubmitted'")
    return Counter(row[0] for row in rows)


def _money(history: History) -> list[str]:
    """No job was charged for more often than the operator wanted."""
    found: list[str] = []
    again = resubmits(history)
    charges: Counter[str] = Counter()
    for job in history.world.jobs:
        owner = history.disk.job_of(job)
        if owner is None:
            found.append(f"{job.id} was charged for no job of ours")
        else:
            charges[owner] += 1
    found += [
        f"{job_id} was charged {count} times"
        for job_id, count in charges.items()
        if count > 1 + again[job_id]
    ]
    if not again:
        found += [str(double) for double in double_charges(history.world)]
    return found


def _films(history: History) -> list[str]:
    """What is completed has the film that was made for it."""
    found: list[str] = []
    ours = {job.id: history.disk.job_of(job) for job in history.world.jobs}
    rows = history.disk.ask("SELECT id, remote_id, result FROM jobs WHERE phase = 'completed'")
    for job_id, remote_id, result in rows:
        if ours.get(remote_id) != job_id:
            found.append(f"{job_id} has the film of {remote_id}, made for {ours.get(remote_id)}")
        told = json.loads(result or "{}").get("digest")
        if told != hashlib.sha256(film_of(remote_id)).hexdigest():
            found.append(f"{job_id} is completed without its film")
    return found


def _crowd(history: History) -> list[str]:
    """No account ever ran more jobs than it has slots; whom people gave up may still run."""
    watched = history.disk.ask(
        "SELECT job FROM audit WHERE kind = 'resubmitted' OR other = 'needs_attention'"
    )
    if watched:
        return []
    found: list[str] = []
    for name, (most, _) in history.plan.limits.items():
        steps = sorted(
            step
            for job in history.world.jobs
            if job.order.provider == name.removeprefix("useapi-")
            for step in ((job.accepted_at, 1), (job.ended_at or job.accepted_at, -1))
        )
        running = 0
        for at, change in steps:
            running += change
            if running > most:
                found.append(f"{name} ran {running} jobs at {at:.1f} s and has {most} slots")
                break
    return found


def _notices(history: History) -> list[str]:
    """At most one notice of each end, and it says one thing."""
    found: list[str] = []
    for job_id, count in history.disk.ask(
        "SELECT job, count(*) FROM audit WHERE kind = 'notice' GROUP BY job HAVING count(*) > 1"
    ):
        found.append(f"{job_id} has {count} notices")
    for job_id, _ in history.disk.ask(
        "SELECT id, phase FROM jobs WHERE phase IN ('completed', 'failed')"
        " AND request LIKE '%client.test%' AND id NOT IN (SELECT job_id FROM deliveries)"
    ):
        found.append(f"{job_id} ended and nobody is told")
    for notice, bodies in history.net.heard.items():
        if len(bodies) > 1:
            found.append(f"{notice} was told in {len(bodies)} ways")
    return found
