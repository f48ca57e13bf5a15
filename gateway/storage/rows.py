"""How a job is written into its row, and read from it."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Final

import msgspec

from gateway.model.inputs import StoredInput
from gateway.model.job import Choice, Job, JobError, Result
from gateway.model.phases import Phase
from gateway.model.request import CreateVideo
from gateway.model.strategy import Strategy
from gateway.storage.tables import jobs
from providers.contract import Price

_JSON: Final[dict[str, Any]] = {
    "request": CreateVideo,
    "choices": tuple[Choice, ...],
    "error": JobError,
    "cost": Price,
    "result": Result,
    "kept": dict[str, StoredInput],
}
COLUMNS: Final = tuple(jobs.c[name] for name in Job.__struct_fields__)
"""What `job_of` reads, in this order."""


def stored(name: str, value: object) -> object:
    """A member of `Job` as its column holds it."""
    if isinstance(value, StrEnum):
        return value.value
    if name in _JSON and value is not None:
        return msgspec.json.encode(value).decode()
    return value


def row_of(job: Job) -> dict[str, object]:
    """A job as its row holds it, by column."""
    row = msgspec.structs.asdict(job)
    row["phase"] = job.phase.value
    row["strategy"] = job.strategy.value
    for name in _JSON:
        if row[name] is not None:
            row[name] = msgspec.json.encode(row[name]).decode()
    return row


def job_of(row: Sequence[Any]) -> Job:
    """The job of a row of `COLUMNS`."""
    values = dict(zip(Job.__struct_fields__, row, strict=True))
    for name, kind in _JSON.items():
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name], type=kind)
    values["phase"] = Phase(values["phase"])
    values["strategy"] = Strategy(values["strategy"])
    return Job(**values)
