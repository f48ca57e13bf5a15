"""What a mock server can be told before it starts."""

from datetime import datetime
from typing import Literal, get_args

import msgspec

from mockserver.wire.rules import Count

ClockKind = Literal["real", "scaled", "frozen", "per-poll", "auto-skip"]
"""How time goes by in a world. `real`: as on the wall, or as the event loop has it. `scaled`: that
times `speed`. `frozen`: when told to only. `per-poll`: by `poll_seconds` at each look at a job, or
at the list of jobs. `auto-skip`: to whatever is due next, as soon as no request is under way."""

DEFAULT_EMAIL = "ops@example.com"
MAX_JOBS = 8
"""What useapi.net takes for `maxJobs` at most."""


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A PixVerse account configured at useapi.net (useapi.net: POST accounts/email)."""

    email: str
    max_jobs: int = 3
    """Jobs this account runs at once, 1 to 8."""
    reply_url: str | None = None
    """Callback URL for requests that name none."""

    def __post_init__(self) -> None:
        if "@" not in self.email or not 1 <= self.max_jobs <= MAX_JOBS:
            raise ValueError(
                f"an account has an e-mail and 1 to {MAX_JOBS} jobs, not {self.email!r} and "
                f"{self.max_jobs}"
            )


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the mock providers behave; every duration is in virtual seconds."""

    clock: ClockKind = "real"
    """How time goes by."""
    speed: float = 1.0
    """Virtual seconds per second of the scaled clock."""
    poll_seconds: float = 15.0
    """How far each look, at a job or at the list of jobs, moves the per-poll clock."""
    epoch: datetime | None = None
    """What the calendar shows when a world begins. None means the start of 2026 for clocks that
    are moved by hand, and the present moment for the others."""
    queue_seconds: float = 5.0
    """How long a job waits before it is rendered."""
    run_seconds: float = 45.0
    """How long it is rendered."""
    max_jobs: int = 3
    """Concurrency of the default account; `accounts` has its own."""
    accounts: tuple[Account, ...] = ()
    """PixVerse accounts; none means one account, `ops@example.com`."""
    capacity: str = ""
    """Jobs that the generator behind each account runs at once, over time, such as
    `3, 1 at 60s, 0 at 2m, 3 at 4m`; empty means no limit but the account's own. Jobs that are no
    longer tracked count until they end."""
    credits: int | None = None
    """What each account may spend before it is refused, in its provider's unit; None is endless."""
    requests_per_minute: int | None = None
    """Requests that Pictory takes within a minute in one world, whatever their keys; None is
    endless."""
    link_seconds: float | None = None
    """How long a media link works once the job has ended; None is for ever."""
    file_seconds: float = 0.0
    """How long after a job's end its files appear behind their links."""
    faults: tuple[str, ...] = ()
    """What goes wrong, such as `submit#2:accept-then-reset`; see `engine.faults`."""
    chaos: tuple[str, ...] = ()
    """Faults by chance, such as `poll:reset=5%`; the seed decides when."""
    seed: int = 0
    """Decides every random choice: job ids, which free account is taken, what `chaos` hits."""
    extra_hosts: tuple[str, ...] = ()
    """Hosts that callbacks and input downloads may reach besides loopback; `*` means any."""
    refuse_encoded_ids: bool = True
    """Answer 400 to a percent-encoded `:` or `@` in the id of `GET videos/{video_id}`."""
    queued_is_final: bool = False
    """Report `video_status_final: true` for QUEUED, as one page of useapi.net documents."""
    prompt_count: Count = "code_points"
    """What counts as one character wherever a length is limited; neither provider says."""
    strict_combinations: bool = False
    """Refuse quality, motion and length that PixVerse's own API refuses together; see
    `pixverse.rules.combination_faults`."""
    edge_blocks_agents: bool = False
    """Pictory's edge answers 403 to requests that do not name a program of their own."""
    public_url: str | None = None
    """Origin of the media links; none means the origin the submit was sent to."""
    control_token: str | None = None
    """Bearer token that `/__mock` asks for; none leaves it open."""
    world_seconds: float = 3600.0
    """Real seconds after which a world that nobody used is forgotten."""

    def __post_init__(self) -> None:
        if self.clock not in get_args(ClockKind):
            raise ValueError(f"clock must be one of {get_args(ClockKind)}, got {self.clock!r}")
        if self.prompt_count not in get_args(Count):
            raise ValueError(
                f"prompt_count must be one of {get_args(Count)}, got {self.prompt_count!r}"
            )
        if min(self.queue_seconds, self.run_seconds, self.file_seconds) < 0:
            raise ValueError("queue_seconds, run_seconds and file_seconds must not be negative")
        if min(self.speed, self.poll_seconds) <= 0:
            raise ValueError("speed and poll_seconds must be above 0")

    def pixverse_accounts(self) -> tuple[Account, ...]:
        """The accounts in force, the default one included."""
        return self.accounts or (Account(email=DEFAULT_EMAIL, max_jobs=self.max_jobs),)
