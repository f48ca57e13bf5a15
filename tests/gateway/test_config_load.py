"""What a sound configuration becomes, and which source wins."""

from decimal import Decimal
from ipaddress import ip_network
from pathlib import Path

import pytest

from gateway.config import (
    ConfigError,
    RouteSettings,
    Settings,
    is_loopback,
    load,
    to_accounts,
)
from gateway.model.strategy import Strategy
from providers.contract import Account, Secret
from tests.gateway.test_config_support import CANARY, ENVIRON, PROVIDERS, SOUND, load_text

HOOK_KEY = f"whsec_{'A' * 32}"


def test_a_sound_file_becomes_settings(tmp_path: Path) -> None:
    settings = load_text(tmp_path)

    assert settings.server.port == 8080
    assert settings.server.api_keys == (Secret(f"{CANARY}-3"),)
    assert [account.name for account in settings.accounts] == ["a", "o"]
    assert [account.max_jobs for account in settings.accounts] == [3, 5]
    assert settings.accounts[0].api_key.reveal() == CANARY
    assert settings.routes == {"default": RouteSettings(targets=("orbit-video/o2.5", "acme/fast"))}
    assert settings.routes["default"].strategy is Strategy.PRIORITY
    assert all(account.exclusive for account in settings.accounts)


def test_every_setting_can_be_given(tmp_path: Path) -> None:
    text = SOUND.replace(
        '["env:GATE_KEY"]',
        '["env:GATE_KEY"]\noperator_keys = ["env:ACME_KEY"]\nhost = "0.0.0.0"\nport = 9000',
    ).replace("[server]", '[server]\npublic_url = "https://gate.example.com/"')
    settings = load_text(
        tmp_path,
        text.replace("max_jobs = 5", "max_jobs = 5\nexclusive = false")
        + """
[routes.cheap]
targets = ["acme/fine", "acme/fast"]
strategy = "weighted"
weights = { "acme/fine" = 1, "acme/fast" = 4 }
[database]
url = "sqlite:////var/lib/gate.db"
[media]
directory = "/srv/media"
max_bytes = 1000
[network]
allow_private = ["10.0.0.0/8", "fd00::/8"]
[money]
currency = "EUR"
[money.credit]
acme = "0.0425"
orbit-video = 1
[providers.orbit-video]
path = "v2/make"
[webhooks]
secret = "env:HOOK_KEY"
[watch]
poll_seconds = 2
deadline_seconds = 60.5
stalled_seconds = 30
settle_seconds = 45
lease_seconds = 5
[retention]
days = 0.5
[log]
level = "debug"
format = "json"
""",
        {"HOOK_KEY": HOOK_KEY},
    )

    assert settings.server.host == "0.0.0.0"  # noqa: S104 - never bound
    assert settings.server.public_url == "https://gate.example.com"
    assert settings.database.path == Path("/var/lib/gate.db")
    assert settings.media.directory == Path("/srv/media")
    assert settings.media.max_bytes == 1000
    assert settings.network.allow_private == (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    assert settings.money.currency == "EUR"
    assert settings.money.credit == {"acme": Decimal("0.0425"), "orbit-video": Decimal(1)}
    assert settings.providers == {"orbit-video": {"path": "v2/make"}}
    assert settings.webhooks.secret == Secret(HOOK_KEY)
    assert settings.watch.poll_seconds == 2.0
    assert settings.watch.deadline_seconds == 60.5
    assert settings.watch.stalled_seconds == 30.0
    assert settings.watch.settle_seconds == 45.0
    assert settings.watch.lease_seconds == 5.0
    assert settings.retention.days == 0.5
    assert [account.exclusive for account in settings.accounts] == [True, False]
    assert settings.server.operator_keys == (Secret(CANARY),)
    assert settings.routes["cheap"] == RouteSettings(
        targets=("acme/fine", "acme/fast"),
        strategy=Strategy.WEIGHTED,
        weights={"acme/fine": 1, "acme/fast": 4},
    )
    assert (settings.log.level, settings.log.format) == ("debug", "json")


def test_without_file_the_defaults_hold_under_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load(None, {}, PROVIDERS, accounts_required=False)

    assert settings.database.path == tmp_path / "filmgate.db"
    assert settings.media.directory == tmp_path / "filmgate-media"
    assert settings.server == Settings().server
    assert settings.accounts == ()


def test_data_may_have_a_folder_of_its_own(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{CANARY}\n")
    key.chmod(0o600)
    text = SOUND.replace("env:ACME_KEY", "file:key")
    data = tmp_path / "data"
    settings = load_text(tmp_path, text, environ={"FILMGATE_DATA": str(data)})

    assert settings.database.path == data / "filmgate.db"
    assert settings.media.directory == data / "filmgate-media"
    # A secret stays beside the file that names it.
    assert settings.accounts[0].api_key == Secret(CANARY)

    settings = load_text(tmp_path, text, environ={"FILMGATE_DATA": ""})
    assert settings.database.path == tmp_path / "filmgate.db"


def test_filmgate_toml_in_the_working_directory_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("filmgate.toml").write_text(SOUND)

    assert len(load(None, ENVIRON, PROVIDERS).accounts) == 2


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(f"{CANARY}\n")
    key.chmod(0o600)
    settings = load_text(tmp_path, SOUND.replace("env:ACME_KEY", "file:key"))

    assert settings.accounts[0].api_key.reveal() == CANARY
    assert settings.database.path == tmp_path / "filmgate.db"


def test_a_byte_order_mark_is_no_fault(tmp_path: Path) -> None:
    assert len(load_text(tmp_path, f"\ufeff{SOUND}").accounts) == 2


@pytest.mark.parametrize("ending", ["", "\n", "\r\n"])
def test_a_secret_file_loses_one_line_end(tmp_path: Path, ending: str) -> None:
    key = tmp_path / "key"
    key.write_bytes(f"{CANARY}{ending}".encode())
    key.chmod(0o640)
    settings = load_text(tmp_path, SOUND.replace("env:ACME_KEY", f"file:{key}"))

    assert settings.accounts[0].api_key == Secret(CANARY)


@pytest.mark.parametrize(
    ("name", "value", "path", "expected"),
    [
        ("SERVER__PORT", "9000", "server.port", 9000),
        ("SERVER__HOST", "::1", "server.host", "::1"),
        ("SERVER__API_KEYS", "[]", "server.api_keys", ()),
        ("SERVER__PUBLIC_URL", "http://localhost:1", "server.public_url", "http://localhost:1"),
        ("WATCH__POLL_SECONDS", "0.5", "watch.poll_seconds", 0.5),
        ("LOG__LEVEL", "error", "log.level", "error"),
        ("ROUTES__DEFAULT", '["acme/fine"]', "routes.default.targets", ("acme/fine",)),
        (
            "ROUTES__DEFAULT__1",
            "acme/fine",
            "routes.default.targets",
            ("orbit-video/o2.5", "acme/fine"),
        ),
        ("ROUTES__DEFAULT__STRATEGY", "cheapest", "routes.default.strategy", Strategy.CHEAPEST),
        ("ROUTES__NEW__0", "acme/fine", "routes.new", RouteSettings(targets=("acme/fine",))),
        (
            "ROUTES__NEW",
            '{targets = ["acme/fine"], strategy = "least_busy"}',
            "routes.new",
            RouteSettings(targets=("acme/fine",), strategy=Strategy.LEAST_BUSY),
        ),
        ("ACCOUNTS__1__EXCLUSIVE", "false", "accounts.1.exclusive", False),
        ("RETENTION__DAYS", "30", "retention.days", 30.0),
        ("DATABASE__PASSWORD", "", "database.password", None),
        ("MONEY__CURRENCY", "USD", "money.currency", "USD"),
        (
            "PROVIDERS__ORBIT-VIDEO__PATH",
            "v2/make",
            "providers",
            {"orbit-video": {"path": "v2/make"}},
        ),
        (
            "NETWORK__ALLOW_PRIVATE",
            '["127.0.0.0/8"]',
            "network.allow_private",
            (ip_network("127.0.0.0/8"),),
        ),
    ],
)
def test_the_environment_overrides_the_file(
    tmp_path: Path, name: str, value: str, path: str, expected: object
) -> None:
    found: object = load_text(tmp_path, environ={f"FILMGATE__{name}": value})
    for key in path.split("."):
        if isinstance(found, dict):
            found = found[key]
        elif isinstance(found, tuple):
            found = found[int(key)]
        else:
            found = getattr(found, key)

    assert found == expected


def test_an_amount_from_the_environment_is_exact(tmp_path: Path) -> None:
    environ = {"FILMGATE__MONEY__CURRENCY": "USD", "FILMGATE__MONEY__CREDIT__ACME": "0.1"}

    assert load_text(tmp_path, environ=environ).money.credit == {"acme": Decimal("0.1")}


def test_routes_name_the_models_that_the_adapter_settings_make(tmp_path: Path) -> None:
    text = SOUND.replace("orbit-video/o2.5", "orbit-video/o3")
    settings = load_text(tmp_path, f"{text}[providers.orbit-video]\nmodel = 'o3'")

    assert settings.routes["default"].targets[0] == "orbit-video/o3"
    with pytest.raises(ConfigError, match='no model "o3"'):
        load_text(tmp_path, text)


def test_a_faulty_adapter_setting_leaves_the_sound_ones_in_force(tmp_path: Path) -> None:
    text = SOUND.replace("orbit-video/o2.5", "orbit-video/o3")
    with pytest.raises(ConfigError) as caught:
        load_text(tmp_path, f"{text}[providers.orbit-video]\nmodel = 'o3'\npath = '!'")

    assert [fault.where for fault in caught.value.faults] == ["providers.orbit-video.path"]


def test_the_longest_public_url_is_taken(tmp_path: Path) -> None:
    url = "https://gate.example.com/".ljust(400, "p")
    settings = load_text(tmp_path, extra={"server": {"public_url": url}})

    assert settings.server.public_url == url


def test_an_operators_key_alone_closes_the_gateway(tmp_path: Path) -> None:
    text = SOUND.replace('api_keys = ["env:GATE_KEY"]', 'operator_keys = ["env:GATE_KEY"]')
    settings = load_text(tmp_path, text.replace("[server]", '[server]\nhost = "::"'))

    assert settings.server.api_keys == ()
    assert settings.server.operator_keys == (Secret(ENVIRON["GATE_KEY"]),)


@pytest.mark.parametrize(
    ("given", "url", "full"),
    [
        ("postgresql://u@h/d", "postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgres://u@h:5433/d", "postgresql://u@h:5433/d", "postgresql://u@h:5433/d"),
        ("POSTGRES://u@[::1]/d", "postgresql://u@[::1]/d", "postgresql://u@[::1]/d"),
        ("postgresql://u:p@h/d", "postgresql://u@h/d", "postgresql://u:p@h/d"),
        ("postgresql://u:@h/d", "postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:p@s:w@h/d", "postgresql://u@h/d", "postgresql://u:p%40s%3Aw@h/d"),
        ("postgresql://u:%2F%25@h/d", "postgresql://u@h/d", "postgresql://u:%2F%25@h/d"),
        ("postgresql://u%40v:p@h/d", "postgresql://u%40v@h/d", "postgresql://u%40v:p@h/d"),
        (
            "postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=/a@b",
            "postgresql://u@h/d?sslmode=verify-full&sslrootcert=/a@b",
            "postgresql://u:p@h/d?sslmode=verify-full&sslrootcert=/a@b",
        ),
        (
            "postgresql://u:p@/d?host=/run/postgresql",
            "postgresql://u@/d?host=/run/postgresql",
            "postgresql://u:p@/d?host=/run/postgresql",
        ),
    ],
)
def test_the_password_is_taken_out_of_the_databases_url(
    tmp_path: Path, given: str, url: str, full: str
) -> None:
    database = load_text(tmp_path, extra={"database": {"url": given}}).database

    assert database.url == url
    assert database.full_url.reveal() == full
    assert not database.is_sqlite
    with pytest.raises(ValueError, match="only SQLite has a file"):
        _ = database.path


def test_the_databases_password_may_be_a_secret_of_its_own(tmp_path: Path) -> None:
    extra = {"database": {"url": "postgresql://u@h/d", "password": "env:DB"}}
    database = load_text(tmp_path, environ={"DB": "a b/c@d:%?#"}, extra=extra).database

    assert database.password == Secret("a b/c@d:%?#")
    assert database.full_url == Secret("postgresql://u:a%20b%2Fc%40d%3A%25%3F%23@h/d")


def test_a_file_of_sqlite_is_its_own_full_url(tmp_path: Path) -> None:
    database = load_text(tmp_path).database

    assert database.is_sqlite
    assert database.full_url.reveal() == f"sqlite:///{tmp_path / 'filmgate.db'}"


def test_an_index_reaches_into_an_account(tmp_path: Path) -> None:
    settings = load_text(tmp_path, environ={"FILMGATE__ACCOUNTS__1__MAX_JOBS": "7"})

    assert [account.max_jobs for account in settings.accounts] == [3, 7]


def test_accounts_can_come_from_the_environment_alone(tmp_path: Path) -> None:
    environ = {
        "FILMGATE__ACCOUNTS__1__NAME": "second",
        "FILMGATE__ACCOUNTS__1__PROVIDER": "acme",
        "FILMGATE__ACCOUNTS__1__API_KEY": "env:ACME_KEY",
        "FILMGATE__ACCOUNTS__0__NAME": "first",
        "FILMGATE__ACCOUNTS__0__PROVIDER": "acme",
        "FILMGATE__ACCOUNTS__0__API_KEY": "env:ACME_KEY",
    }

    assert [a.name for a in load_text(tmp_path, "", environ).accounts] == ["first", "second"]


def test_the_environment_names_routes_in_any_case(tmp_path: Path) -> None:
    text = SOUND + 'Best = ["acme/fast"]\n'
    environ = {"FILMGATE__ROUTES__BEST": '["acme/fine"]', "FILMGATE__ROUTES__NEW": '["acme/fast"]'}
    routes = load_text(tmp_path, text, environ).routes

    assert routes["Best"].targets == ("acme/fine",)
    assert routes["new"].targets == ("acme/fast",)


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert load_text(tmp_path, environ={"FILMGATE__SERVER__PORT": ""}).server.port == 8080


def test_other_variables_are_none_of_ours(tmp_path: Path) -> None:
    environ = {"FILMGATE_CONFIG": "x", "FILMGATE": "y"}

    assert len(load_text(tmp_path, environ=environ).accounts) == 2


def test_extra_settings_win_over_the_environment(tmp_path: Path) -> None:
    extra = {"server": {"port": 1234, "host": None}}
    settings = load_text(tmp_path, environ={"FILMGATE__SERVER__PORT": "9000"}, extra=extra)

    assert settings.server.port == 1234
    assert settings.server.host == "127.0.0.1"


def test_extra_accounts_replace_the_files_without_resolving_its_secrets(tmp_path: Path) -> None:
    extra = {
        "accounts": [{"name": "mock", "provider": "acme", "api_key": Secret("mock")}],
        "routes": {"default": ["acme/fast"]},
    }
    text = SOUND.replace("env:ACME_KEY", "env:NOT_SET")
    settings = load_text(tmp_path, text, extra=extra)

    assert [account.name for account in settings.accounts] == ["mock"]


def test_routes_may_stand_without_accounts_where_none_are_required(tmp_path: Path) -> None:
    settings = load_text(tmp_path, '[routes]\nx = ["acme/fast"]', accounts_required=False)

    assert settings.routes == {"x": RouteSettings(targets=("acme/fast",))}


def test_accounts_get_their_providers_base_url_unless_they_have_one(tmp_path: Path) -> None:
    text = SOUND.replace("max_jobs = 5", 'max_jobs = 5\nbase_url = "http://127.0.0.1:8081/o/"')

    assert to_accounts(load_text(tmp_path, text), PROVIDERS) == (
        Account(
            name="a",
            provider="acme",
            key=Secret(CANARY),
            base_url="https://api.acme.example/v1",
            max_jobs=3,
        ),
        Account(
            name="o",
            provider="orbit-video",
            key=Secret(f"{CANARY}-2"),
            base_url="http://127.0.0.1:8081/o",
            max_jobs=5,
            email="ops@example.com",
        ),
    )


def test_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no such file"):
        load(tmp_path / "none.toml", {}, PROVIDERS)


def test_a_folder_in_place_of_the_file_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path, {}, PROVIDERS)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "a.localhost"])
def test_a_loopback_host_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example.com", ""])  # noqa: S104
def test_any_other_host_is_not_loopback(host: str) -> None:
    assert not is_loopback(host)
