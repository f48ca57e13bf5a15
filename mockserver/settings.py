"""What a mock server can be told before it starts."""

from typing import Literal, get_args

import msgspec

from mockserver.rules import Count

ClockKind = Literal["real", "scaled", "manual"]

DEFAULT_EMAIL = "ops@example.com"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """A PixVerse account configured at useapi.net (useapi.net: POST accounts/email)."""

    email: str
    max_jobs: int = 3
    """Jobs this account runs at once, 1 to 8."""
    reply_url: str | None = None
    """Callback URL for requests that name none."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How the mock providers behave; every duration is in virtual seconds."""

    clock: ClockKind = "real"
    """`real`: wall time; `scaled`: wall time times `speed`; `manual`: moves by `advance` only."""
    speed: float = 1.0
    """Virtual seconds per wall second of the scaled clock."""
    queue_seconds: float = 5.0
    run_seconds: float = 45.0
    max_jobs: int = 3
    """Concurrency of the default account; `accounts` has its own."""
    accounts: tuple[Account, ...] = ()
    """PixVerse accounts; none means one account, `ops@example.com`."""
    seed: int = 0
    """Decides every random choice: job ids and which free account is taken."""
    extra_hosts: tuple[str, ...] = ()
    """Hosts that callbacks and input downloads may reach besides loopback; `*` means any."""
    refuse_encoded_ids: bool = True
    """Answer 400 to a percent-encoded `:` or `@` in the id of `GET videos/{video_id}`."""
    queued_is_final: bool = False
    """Report `video_status_final: true` for QUEUED, as one page of useapi.net documents."""
    prompt_count: Count = "code_points"
    """What counts as one character wherever a length is limited; neither provider says."""
    strict_combinations: bool = False
    """Refuse what PixVerse's own API cannot make: see `pixverse_rules.combination_faults`."""
    edge_blocks_agents: bool = False
    """Pictory's edge answers 403 to requests that do not name a program of their own."""
    public_url: str | None = None
    """Origin of the media links; none means the origin the submit was sent to."""
    control_token: str | None = None
    """Bearer token that `/__mock` asks for; none leaves it open."""

    def __post_init__(self) -> None:
        if self.clock not in get_args(ClockKind):
            raise ValueError(f"clock must be one of {get_args(ClockKind)}, got {self.clock!r}")
        if self.prompt_count not in get_args(Count):
            raise ValueError(
                f"prompt_count must be one of {get_args(Count)}, got {self.prompt_count!r}"
            )
        if min(self.queue_seconds, self.run_seconds) < 0:
            raise ValueError("queue_seconds and run_seconds must not be negative")

    def pixverse_accounts(self) -> tuple[Account, ...]:
        """The accounts in force, the default one included."""
        return self.accounts or (Account(email=DEFAULT_EMAIL, max_jobs=self.max_jobs),)
