"""How a job is written into its row, and read from it."""

from typing import Any, Final

import msgspec
from sqlalchemy import RowMapping

from gateway.model.inputs import StoredInput
from gateway.model.job import Choice, Job, JobError, Result
from gateway.model.phases import Phase
from gateway.model.request import CreateVideo
from providers.contract import Price

_JSON: Final[dict[str, Any]] = {
    "request": CreateVideo,
    "choices": tuple[Choice, ...],
    "error": JobError,
    "cost": Price,
    "result": Result,
    "kept": dict[str, StoredInput],
}
_HIDDEN: Final = frozenset({"providers", "woken_at", "taken_at"})


def stored(name: str, value: object) -> object:
    """A member of `Job` as its column holds it."""
    if isinstance(value, Phase):
        return value.value
    if name in _JSON and value is not None:
        return msgspec.json.encode(value).decode()
    return value


def job_of(row: RowMapping) -> Job:
    """The job of a row."""
    values = {name: value for name, value in row.items() if name not in _HIDDEN}
    for name, kind in _JSON.items():
        if values[name] is not None:
            values[name] = msgspec.json.decode(values[name], type=kind)
    values["phase"] = Phase(values["phase"])
    return Job(**values)
