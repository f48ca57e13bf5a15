"""The settings tree: every setting with its type, bounds, default and meaning.

The annotations are the one source: the loader takes types and bounds from them, and the
table in the README is printed from them.
"""

from decimal import Decimal
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Meta

from gateway.model.strategy import Strategy
from providers.contract import Secret

Network: TypeAlias = IPv4Network | IPv6Network
LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]
LogFormat: TypeAlias = Literal["auto", "json", "pretty"]

GIB: Final = 1024**3
SQLITE: Final = "sqlite:///"
TIB: Final = 1024**4


class ServerSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gateway listens, and who may use it."""

    host: Annotated[
        str,
        Meta(
            description="Address to listen on. Any but a loopback address needs `api_keys` or "
            "`operator_keys`."
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=1, le=65535, description="TCP port to listen on.")] = 8080
    public_url: Annotated[
        str | None,
        Meta(
            description="Where providers reach this gateway with callbacks, at most 400 "
            "characters; https unless it is a loopback address. Without it the gateway only polls."
        ),
    ] = None
    api_keys: Annotated[
        tuple[Secret, ...],
        Meta(
            description="Bearer keys that clients use. With neither these nor `operator_keys` "
            "the gateway is open, on loopback only, and everybody is its operator."
        ),
    ] = ()
    operator_keys: Annotated[
        tuple[Secret, ...],
        Meta(description="Bearer keys that may also see every job and use the operator's routes."),
    ] = ()


class DatabaseSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where jobs are kept."""

    url: Annotated[
        str,
        Meta(
            description="`sqlite:///` and the path of the database file, or "
            "`postgresql://user@host:port/name`."
        ),
    ] = "sqlite:///filmgate.db"
    password: Annotated[
        Secret | None,
        Meta(description="The password for PostgreSQL, unless it is in the URL or none is asked."),
    ] = None

    @property
    def is_sqlite(self) -> bool:
        """Whether this is a file of one gateway, and not a server."""
        return self.url.startswith(SQLITE)

    @property
    def path(self) -> Path:
        """The SQLite file.

        Raises:
            ValueError: It is no SQLite.
        """
        if not self.is_sqlite:
            raise ValueError("only SQLite has a file")
        return Path(self.url.removeprefix(SQLITE))

    @property
    def full_url(self) -> Secret:
        """The URL with the password in it."""
        if self.password is None:
            return Secret(self.url)
        user, _, place = self.url.partition("@")
        return Secret(f"{user}:{quote(self.password.reveal(), safe='')}@{place}")


class MediaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where inputs and finished videos are kept."""

    directory: Annotated[
        Path, Meta(description="Folder for input pictures and finished videos.")
    ] = Path("filmgate-media")
    max_bytes: Annotated[
        int,
        Meta(ge=1, le=TIB, description="Largest file that is fetched or kept, in bytes."),
    ] = 2 * GIB


class AccountSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Credentials at one provider."""

    name: Annotated[
        str,
        Meta(
            pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$",
            description="Your name for the account, in logs and job records; unique.",
        ),
    ]
    provider: Annotated[str, Meta(description="The provider it is with.")]
    api_key: Annotated[Secret, Meta(description="The provider's key for this account.")]
    email: Annotated[
        str | None,
        Meta(description="The account's e-mail address, for providers that ask for it."),
    ] = None
    base_url: Annotated[
        str | None,
        Meta(description="Root of the provider's API; the provider's own when left out."),
    ] = None
    max_jobs: Annotated[
        int,
        Meta(ge=1, le=10_000, description="How many jobs the account may have in flight."),
    ] = 3
    exclusive: Annotated[
        bool,
        Meta(
            description="Whether nobody but this gateway makes videos with this key. Otherwise "
            "a submission whose answer was lost is never taken as not made because it is not "
            "in the provider's lists."
        ),
    ] = True


class RouteSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Targets under one name, and how one of them is chosen."""

    plain: ClassVar[str] = "targets"
    """The setting that a plain list in place of the table stands for."""

    targets: Annotated[
        tuple[str, ...],
        Meta(
            description="An ordered list of targets, each `provider/model`. Alone it may stand "
            "for the whole route: `NAME = [...]`."
        ),
    ]
    strategy: Annotated[
        Strategy,
        Meta(
            description="Which target gets a job: the first with a free slot, the one whose "
            "account is the least busy, the cheapest, or one by chance and `weights`."
        ),
    ] = Strategy.PRIORITY
    weights: Annotated[
        dict[str, Annotated[int, Meta(ge=1, le=1_000_000)]],
        Meta(
            description="For `weighted`, a whole number for each target: "
            '`{ "pictory/veo3.1" = 3, "pictory/pixverse5.5" = 1 }`.'
        ),
    ] = {}


class MoneySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What providers' credits cost, so that prices are told and limited in money."""

    currency: Annotated[
        str | None,
        Meta(description="The currency you pay in, as three letters: `USD`. None: credits only."),
    ] = None
    credit: Annotated[
        dict[str, Decimal],
        Meta(
            description="What one credit of a provider costs you, in that currency: "
            '`pictory = "0.04"`. A string, as binary fractions are not exact.'
        ),
    ] = {}


class WebhookSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How clients are told of finished videos."""

    secret: Annotated[
        Secret | None,
        Meta(
            description="What webhooks are signed with (Standard Webhooks): `whsec_` and 24 to 64 "
            "bytes in base64. None: they are not signed."
        ),
    ] = None


class NetworkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Which addresses may be reached."""

    allow_private: Annotated[
        tuple[Network, ...],
        Meta(
            description="Private networks that inputs and webhooks may use as well, there over "
            'plain http too; `["127.0.0.0/8"]` for local tests.'
        ),
    ] = ()


class WatchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How running jobs and accounts are followed."""

    poll_seconds: Annotated[
        float | None,
        Meta(
            gt=0, le=86_400, description="Seconds between looks; the provider's pace when left out."
        ),
    ] = None
    deadline_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=30 * 86_400,
            description="Seconds after which a job that is still running needs attention; more "
            "than `settle_seconds`.",
        ),
    ] = 1800.0
    stalled_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=30 * 86_400,
            description="Seconds without any progress after which a running job needs attention.",
        ),
    ] = 1200.0
    settle_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=30 * 86_400,
            description="Seconds after a submission whose answer was lost before which it is "
            "never taken as not made, and its job sent again.",
        ),
    ] = 600.0
    lease_seconds: Annotated[
        float,
        Meta(
            ge=1,
            le=3600,
            description="Seconds without a sign of life after which another replica is taken to "
            "be gone.",
        ),
    ] = 15.0
    rest_seconds: Annotated[
        float,
        Meta(
            gt=0,
            le=86_400,
            description="Seconds that an account gets no jobs after its key, its credits or its "
            "provider failed.",
        ),
    ] = 300.0


class RetentionSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How long finished videos are kept."""

    days: Annotated[
        float | None,
        Meta(
            gt=0,
            le=36_500,
            description="Days after which finished videos are removed, with their files; kept "
            "until you delete them when left out.",
        ),
    ] = None


class LogSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is written to the log, and how."""

    level: Annotated[LogLevel, Meta(description="The least important level that is written.")] = (
        "info"
    )
    format: Annotated[
        LogFormat,
        Meta(description="`json` lines, `pretty` text, or `auto`: pretty on a terminal."),
    ] = "auto"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything the gateway was told. Made by `load`, which checks; the constructor does not."""

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    media: MediaSettings = MediaSettings()
    accounts: tuple[AccountSettings, ...] = ()
    routes: dict[str, RouteSettings] = {}
    money: MoneySettings = MoneySettings()
    providers: Annotated[
        dict[str, dict[str, str]],
        Meta(
            description="Something of a provider's own that may change on its side, by the "
            "provider's name."
        ),
    ] = {}
    webhooks: WebhookSettings = WebhookSettings()
    network: NetworkSettings = NetworkSettings()
    watch: WatchSettings = WatchSettings()
    retention: RetentionSettings = RetentionSettings()
    log: LogSettings = LogSettings()


def is_loopback(host: str) -> bool:
    """Whether `host` (a name or an address, without port) can only mean this machine."""
    name = host.lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
