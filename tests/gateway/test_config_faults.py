"""Every fault: where it is, what is wrong, and what helps."""

from pathlib import Path

import pytest

from gateway.config import ConfigError, load
from tests.gateway.test_config_support import CANARY, ENVIRON, PROVIDERS, SOUND, faults_of

ACCOUNT = '[[accounts]]\nname = "x"\nprovider = "acme"\napi_key = "env:ACME_KEY"\n'

MONEY = "[money]\ncurrency = 'USD'\n[money.credit]\n"
KEYS = {
    "EMPTY": "",
    "TWO_LINES": f"{CANARY}\n{CANARY}",
    "SHORT": f"whsec_{'A' * 31}=",
    "BARE": "A" * 32,
    "SALT": "whsec_" + "A" * 31 + "!",
}

SERVER = "[database]\nurl = 'postgresql://h"
USER = "[database]\nurl = 'postgres://u@"
CHEAP = "[routes.cheap]\n"
WEIGHTED = CHEAP + "targets = ['acme/fast', 'acme/fine']\nstrategy = 'weighted'\n"

LONG = "https://gate.example.com/".ljust(401, "p")

OPERATOR = ("server.operator_keys[0]", "by reference only", "env:NAME")

# What is appended to a sound file (or replaced in it), and the single fault that follows.
APPENDED = [
    ("[serve]\nport = 1", "serve", "is unknown", "did you mean server?"),
    ("[zzz]\nport = 1", "zzz", "is unknown", "known: accounts, database, log"),
    ("[log]\nlevl = 'info'", "log.levl", "is unknown", "did you mean level?"),
    ("[log]\nlevel = 'inf'", "log.level", 'cannot be "inf"', "did you mean info?"),
    ("[log]\nformat = 'xml'", "log.format", 'cannot be "xml"', "allowed: auto, json, pretty"),
    ("[log]\nlevel = 3", "log.level", "must be a string, not an integer", ""),
    ("[watch]\npoll_seconds = 0", "watch.poll_seconds", "out of range", "more than 0"),
    ("[watch]\npoll_seconds = nan", "watch.poll_seconds", "out of range", "more than 0"),
    ("[watch]\npoll_seconds = '2'", "watch.poll_seconds", "must be a number, not a string", ""),
    ("[watch]\ndeadline_seconds = true", "watch.deadline_seconds", "not a boolean", ""),
    ("[watch]\ndeadline_seconds = inf", "watch.deadline_seconds", "out of range", ""),
    ("[watch]\nstalled_seconds = 0", "watch.stalled_seconds", "out of range", "more than 0"),
    ("[watch]\nsettle_seconds = -1", "watch.settle_seconds", "out of range", "more than 0"),
    ("[watch]\ndeadline_seconds = 600", "watch.deadline_seconds", "is 600, and", "make dead"),
    (
        "[watch]\nsettle_seconds = 2e3",
        "watch.deadline_seconds",
        "is 1800, and watch.settle_seconds is 2000: every submission whose answer was lost",
        "make deadline_seconds more than settle_seconds",
    ),
    ("[watch]\nlease_seconds = 0.9", "watch.lease_seconds", "out of range", "1 to 3600"),
    ("[retention]\ndays = 0", "retention.days", "out of range", "more than 0"),
    ("[retention]\nday = 1", "retention.day", "is unknown", "did you mean days?"),
    (CHEAP + "targets = []", "routes.cheap.targets", "is empty", "at least one target"),
    (CHEAP + "strategy = 'cheapest'", "routes.cheap.targets", "is missing", "ordered list"),
    (
        CHEAP + "targets = ['acme/fast', 'acme/fats']",
        "routes.cheap.targets[1]",
        'no model "fats"',
        "did you mean fast?",
    ),
    (
        CHEAP + "targets = ['acme/fast']\nstrategy = 'cheap'",
        "routes.cheap.strategy",
        'cannot be "cheap"',
        "did you mean cheapest?",
    ),
    (
        CHEAP + "targets = ['acme/fast']\nstategy = 'cheapest'",
        "routes.cheap.stategy",
        "is unknown",
        "did you mean strategy?",
    ),
    (
        CHEAP + "targets = ['acme/fast']\nweights = { 'acme/fast' = 1 }",
        "routes.cheap.weights",
        "are for another strategy than priority",
        'strategy = "weighted"',
    ),
    (
        WEIGHTED + "weights = { 'acme/fast' = 1 }",
        "routes.cheap.weights",
        'has none for "acme/fine"',
        "from 1",
    ),
    (WEIGHTED, "routes.cheap.weights", 'has none for "acme/fast", "acme/fine"', "whole number"),
    (
        WEIGHTED + "weights = { 'acme/fast' = 1, 'acme/fin' = 1 }",
        'routes.cheap.weights."acme/fin"',
        '"acme/fin" is no target of this route',
        "did you mean acme/fine?",
    ),
    (
        WEIGHTED + "weights = { 'acme/fast' = 1, 'acme/fine' = 0 }",
        'routes.cheap.weights."acme/fine"',
        "out of range",
        "1 to 1000000",
    ),
    (
        WEIGHTED + "weights = { 'acme/fast' = 1, 'acme/fine' = 0.5 }",
        'routes.cheap.weights."acme/fine"',
        "must be an integer, not a float",
        "",
    ),
    ("[routes.'a/b']\ntargets = ['acme/fast']", 'routes."a/b"', "may not hold a /", ""),
    ("cheap = 'acme/fast'", "routes.cheap", "must be a list, not a string", ""),
    ("[media]\nmax_bytes = 0", "media.max_bytes", "out of range", "1 to "),
    ("[media]\nmax_bytes = 1.5", "media.max_bytes", "must be an integer, not a float", ""),
    ("[media]\ndirectory = ''", "media.directory", "is empty", ""),
    ('[media]\ndirectory = "a\\u0000b"', "media.directory", "invisible characters", ""),
    ("[media]\ndirectory = 2020-01-01", "media.directory", "not a date or time", ""),
    ("[network]\nallow_private = '::1'", "network.allow_private", "must be a list", ""),
    (
        "[network]\nallow_private = ['10.0.0.1/8']",
        "network.allow_private[0]",
        "is not an IP network",
        'did you mean "10.0.0.0/8"?',
    ),
    (
        "[network]\nallow_private = ['::/0', 'office']",
        "network.allow_private[1]",
        "is not an IP network",
        "for example",
    ),
    ("[money]\ncurrency = 'usd'", "money.currency", "is no currency code", "USD"),
    ("[money.credit]\nacme = '0.04'", "money.currency", "prices are in no currency", "USD"),
    (MONEY + "acne = '1'", "money.credit.acne", "no provider", "did you mean acme?"),
    (MONEY + "acme = 0.04", "money.credit.acme", "is not an amount", '"0.04"'),
    (MONEY + "acme = '4 cents'", "money.credit.acme", "is not an amount", "at most 6 decimals"),
    (MONEY + "acme = '-1'", "money.credit.acme", "is not an amount", ""),
    (MONEY + "acme = '1e3'", "money.credit.acme", "is not an amount", ""),
    (MONEY + "acme = '0.0000001'", "money.credit.acme", "is not an amount", ""),
    (MONEY + "acme = '1234567890'", "money.credit.acme", "is not an amount", ""),
    (MONEY + "acme = true", "money.credit.acme", "is not an amount", ""),
    (MONEY + "acme = ''", "money.credit.acme", "is not an amount", ""),
    ("[providers.acne]\nx = '1'", "providers.acne", "no provider", "did you mean acme?"),
    ("[providers.acme]\nx = '1'", "providers.acme.x", "is unknown", "Acme has none"),
    (
        "[providers.orbit-video]\nmodle = 'o3'",
        "providers.orbit-video.modle",
        "is unknown",
        "did you mean model?",
    ),
    (
        "[providers.orbit-video]\npath = '../x'",
        "providers.orbit-video.path",
        'cannot be "../x"',
        'Where it is asked. For example "make"',
    ),
    ("[providers.orbit-video]\npath = 3", "providers.orbit-video.path", "must be a string", ""),
    ("[providers]\norbit-video = 'o3'", "providers.orbit-video", "must be a table", ""),
    (
        "[providers.orbit-video]\nmodel = 'o3'",
        "routes.default[0]",
        'Orbit has no model "o2.5"',
        "known: o3",
    ),
    ("[webhooks]\nsecret = 'env:GATE_KEY'", "webhooks.secret", "is no webhook secret", "openssl"),
    ("[webhooks]\nsecret = 'whsec_x'", "webhooks.secret", "by reference only", "env:NAME"),
    ("[webhooks]\nsecret = 'env:SHORT'", "webhooks.secret", "is no webhook secret", "openssl"),
    ("[webhooks]\nsecret = 'env:BARE'", "webhooks.secret", "is no webhook secret", "openssl"),
    ("[webhooks]\nsecret = 'env:SALT'", "webhooks.secret", "is no webhook secret", "openssl"),
    ("[database]\nurl = 'mysql://x'", "database.url", "supported database", "sqlite:///"),
    (
        "[database]\nurl = 'postgresql+asyncpg://h/d'",
        "database.url",
        "names a driver",
        "begin with",
    ),
    (SERVER + "/d'", "database.url", "names no user", "postgresql://filmgate@db"),
    (SERVER + ":80x/d'", "database.url", "is not a URL that can be read", "for example"),
    (SERVER + ":99999/d'", "database.url", "is not a URL that can be read", "for example"),
    (SERVER + "[::1/d'", "database.url", "is not a URL that can be read", "for example"),
    (USER + "h/d e'", "database.url", "is not a URL that can be read", "for example"),
    (USER + "h/d#e'", "database.url", "is not a URL that can be read", "env:NAME"),
    (
        f"[database]\nurl = 'postgresql://u:{CANARY}/x@h/d'",
        "database.url",
        "is not a URL that can be read",
        "%40",
    ),
    ("[database]\nurl = 'postgresql:u@h/d'", "database.url", "is not a URL that can be read", ""),
    (USER + ":5432/d'", "database.url", "names no host", "?host="),
    (USER + "h/d?host=/run'", "database.url", "names two hosts", "?host="),
    (USER + "h_1/d'", "database.url", "names no host that there can be", "for example"),
    (USER + "h:0/d'", "database.url", "names a port that there cannot be", "1 to 65535"),
    (USER + "h'", "database.url", "names no database", "/filmgate"),
    (USER + "h/'", "database.url", "names no database", "/filmgate"),
    (USER + "h/a/b'", "database.url", "names no database, or more than one", "/filmgate"),
    (USER + f"h/d?{CANARY}=1'", "database.url", "has an option that is none", "sslmode"),
    (
        USER.replace("u@", f"u:{CANARY}@") + "h/d'\npassword = 'env:GATE_KEY'",
        "database.password",
        "is in database.url too",
        "one of them",
    ),
    ("[database]\npassword = 'env:GATE_KEY'", "database.password", "is for PostgreSQL", ""),
    (USER + f"h/d'\npassword = '{CANARY}'", "database.password", "by reference only", "env:NAME"),
    ("[database]\nurl = 'sqlite:///'", "database.url", "names no file", ""),
    ("[database]\nurl = 'sqlite:///:memory:'", "database.url", "names no file", ""),
    ("[database]\nurl = 'sqlite:///a?mode=ro'", "database.url", "takes no options", ""),
    (ACCOUNT.replace('"x"', '"a"'), "accounts[2].name", "name of accounts[0] too", ""),
    (ACCOUNT.replace('"x"', '"a b"'), "accounts[2].name", "not a usable name", "letters"),
    (ACCOUNT.replace('name = "x"\n', ""), "accounts[2].name", "is missing", ""),
    (
        ACCOUNT.replace("acme", "orbit-vide"),
        "accounts[2].provider",
        'there is no provider "orbit-vide"',
        "did you mean orbit-video?",
    ),
    (ACCOUNT.replace("acme", "orbit-video"), "accounts[2].email", "Orbit accounts need one", ""),
    (ACCOUNT + "email = 'me'", "accounts[2].email", "not an e-mail address", ""),
    (ACCOUNT + "max_job = 2", "accounts[2].max_job", "is unknown", "did you mean max_jobs?"),
    (ACCOUNT + "exclusive = 1", "accounts[2].exclusive", "must be a boolean, not an integer", ""),
    (ACCOUNT + "exclusive = 'no'", "accounts[2].exclusive", "must be a boolean, not a string", ""),
    (ACCOUNT + "max_jobs = 0", "accounts[2].max_jobs", "out of range", "1 to "),
    (ACCOUNT + "base_url = 'ftp://x'", "accounts[2].base_url", "not an http or https URL", ""),
    (ACCOUNT + "base_url = 'http://[x'", "accounts[2].base_url", "not an http or https URL", ""),
    (ACCOUNT + "base_url = 'http://h:99999'", "accounts[2].base_url", "not an http or https", ""),
    (ACCOUNT + "base_url = 'http://u:p@h'", "accounts[2].base_url", "user name or password", ""),
    (ACCOUNT + "base_url = 'http://h?k=1'", "accounts[2].base_url", "holds a query", ""),
    (
        ACCOUNT + "base_url = 'http://api.acme.example'",
        "accounts[2].base_url",
        "the API key would travel in the clear",
        "names without a dot",
    ),
    (ACCOUNT + "base_url = 'http://169.254.1.1'", "accounts[2].base_url", "in the clear", ""),
]

REPLACED = [
    ("max_jobs = 5", "max_jobs = 9", "accounts[1].max_jobs", "more than Orbit", "1 to 8"),
    ("acme/fast", "acme/fats", "routes.default[1]", 'no model "fats"', "did you mean fast?"),
    ("acme/fast", "acne/fast", "routes.default[1]", "no provider", "did you mean acme?"),
    ("acme/fast", "fast", "routes.default[1]", "is not a target", "provider/model"),
    ("acme/fast", "orbit-video/o2.5", "routes.default[1]", "in this route twice", ""),
    ('"orbit-video/o2.5", "acme/fast"', "", "routes.default", "is empty", "at least one target"),
    ("default =", '"a/b" =', 'routes."a/b"', "may not hold a /", ""),
    ("default =", '"" =', 'routes.""', "needs a name", ""),
    ("[server]", "[server]\nport = 0", "server.port", "out of range", "1 to 65535"),
    ("[server]", "[server]\nport = 65536", "server.port", "out of range", "1 to 65535"),
    ("[server]", "[server]\nport = '80'", "server.port", "not a string", "1 to 65535"),
    ("[server]", "[server]\nhost = ' '", "server.host", "is empty", ""),
    ("[server]", "[server]\nhost = 'a:1'", "server.host", "neither", "without port"),
    ("[server]", "[server]\npublic_url = 'gate'", "server.public_url", "not an http", ""),
    ("[server]", "[server]\npublic_url = 'http://gate.io'", "server.public_url", "https", ""),
    ("[server]", f"[server]\npublic_url = '{LONG}'", "server.public_url", "401 char", "most 400"),
    ('["env:GATE_KEY"]', '"env:GATE_KEY"', "server.api_keys", "must be a list", ""),
    ('["env:GATE_KEY"]', "[7]", "server.api_keys[0]", "must be a string", "env:NAME"),
    (
        '["env:GATE_KEY"]',
        '[]\nhost = "0.0.0.0"',
        "server.api_keys",
        "none: only a loopback host may be bound",
        "127.0.0.1",
    ),
    ('["env:GATE_KEY"]', f"[]\noperator_keys = ['{CANARY}']", *OPERATOR),
    ("env:GATE_KEY", CANARY, "server.api_keys[0]", "by reference only", "env:NAME"),
    ("env:GATE_KEY", "", "server.api_keys[0]", "is empty", "env:NAME"),
    ("env:GATE_KEY", "env:", "server.api_keys[0]", "names no environment variable", "env:NAME"),
    ("env:GATE_KEY", "env:NOPE", "server.api_keys[0]", "variable NOPE is not set", ""),
    ("env:GATE_KEY", "file:no/such", "server.api_keys[0]", "there is no file", ""),
    ("env:GATE_KEY", "file:.", "server.api_keys[0]", "is not a regular file", ""),
    ("env:GATE_KEY", "env:EMPTY", "server.api_keys[0]", "it names is empty", ""),
    ("env:GATE_KEY", "env:TWO_LINES", "server.api_keys[0]", "printable ones of ASCII", ""),
    ("env:GATE_KEY", "file:open", "server.api_keys[0]", "every user of this machine", "chmod 640"),
    ("env:GATE_KEY", "file:binary", "server.api_keys[0]", "is not text", ""),
    ("env:GATE_KEY", "file:huge", "server.api_keys[0]", "larger than 64 KiB", ""),
]


def the_only_fault(folder: Path, text: str, where: str, problem: str, hint: str) -> None:
    for name, mode, content in (
        ("open", 0o644, CANARY.encode()),
        ("binary", 0o600, b"\xff"),
        ("huge", 0o600, b"k" * 70_000),
    ):
        (folder / name).write_bytes(content)
        (folder / name).chmod(mode)
    [fault] = faults_of(folder, text, KEYS)

    assert fault.where == where
    assert problem in fault.problem
    assert hint in (fault.hint or "")
    assert CANARY not in str(fault)


@pytest.mark.parametrize(("text", "where", "problem", "hint"), APPENDED)
def test_an_addition_with_one_mistake_gives_one_fault(
    tmp_path: Path, text: str, where: str, problem: str, hint: str
) -> None:
    the_only_fault(tmp_path, f"{SOUND}\n{text}\n", where, problem, hint)


@pytest.mark.parametrize(("old", "new", "where", "problem", "hint"), REPLACED)
def test_a_change_with_one_mistake_gives_one_fault(
    tmp_path: Path, old: str, new: str, where: str, problem: str, hint: str
) -> None:
    assert old in SOUND
    the_only_fault(tmp_path, SOUND.replace(old, new), where, problem, hint)


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    text = SOUND.replace("[server]", "[server]\nport = 0\nhots = 'x'").replace("acme", "acne")

    assert [fault.where for fault in faults_of(tmp_path, text)] == [
        "server.hots",
        "server.port",
        "accounts[0].provider",
        "routes.default[1]",
    ]


def test_a_target_without_an_account_is_a_fault(tmp_path: Path) -> None:
    [fault] = faults_of(tmp_path, ACCOUNT + '[routes]\nr = ["orbit-video/o2.5"]')

    assert fault.where == "routes.r[0]"
    assert fault.problem == "no account for the provider orbit-video"


def test_serving_needs_an_account(tmp_path: Path) -> None:
    [fault] = faults_of(tmp_path, '[routes]\nr = ["acme/fast"]')

    assert fault.where == "accounts"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("[server\nport = 1", "line 1, column 8"),
        ("[server]\nport = \n", "line 2, column 8"),
        ("a = 1\na = 2\n", "line 2, column 6"),
    ],
)
def test_a_syntax_error_has_file_line_and_column(tmp_path: Path, text: str, place: str) -> None:
    [fault] = faults_of(tmp_path, text)

    assert fault.where == f"{tmp_path / 'gate.toml'}, {place}"
    assert fault.problem.startswith("is not TOML: ")


@pytest.mark.parametrize("text", ["a = " + "[" * 5000, "a = " + "9" * 5000, "a = '''"])
def test_a_monstrous_document_is_a_fault(tmp_path: Path, text: str) -> None:
    assert len(faults_of(tmp_path, text)) == 1


def test_a_file_that_is_not_utf8_is_a_fault(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load(path, {}, PROVIDERS)


@pytest.mark.parametrize(
    ("name", "value", "where", "problem"),
    [
        ("SERVER__PORT", "eighty", "server.port", "written as in TOML"),
        ("SERVER__PORT", "1\nx = 2", "server.port", "written as in TOML"),
        ("SERVER__PORT", "0", "server.port", "out of range"),
        ("SERVR__PORT", "1", "servr", "is unknown"),
        ("SERVER__PROT", "1", "server.prot", "is unknown"),
        ("SERVER__API_KEYS", CANARY, "server.api_keys", "must be a list, written as in TOML"),
        ("SERVER__API_KEYS__0", CANARY, "server.api_keys[0]", "by reference only"),
        ("ACCOUNTS__0__API_KEY", CANARY, "accounts[0].api_key", "by reference only"),
        ("ACCOUNTS__0__MAX_JOB", "1", "accounts[0].max_job", "is unknown"),
        ("LOG", "loud", "log", "must be a table"),
        ("ROUTES__DEFAULT", "acme/fast", "routes.default", "must be a list, written as in TOML"),
        ("ROUTES__DEFAULT__STRATEGY", "best", "routes.default.strategy", 'cannot be "best"'),
        ("ACCOUNTS__0__EXCLUSIVE", "no", "accounts[0].exclusive", "must be a boolean, written as"),
        ("DATABASE__URL", f"postgres://{CANARY}@h", "database.url", "names no database"),
        ("DATABASE__PASSWORD", CANARY, "database.password", "by reference only"),
    ],
)
def test_a_fault_from_the_environment_names_its_variable(
    tmp_path: Path, name: str, value: str, where: str, problem: str
) -> None:
    [fault] = faults_of(tmp_path, SOUND, {f"FILMGATE__{name}": value})

    assert fault.where == where
    assert problem in fault.problem
    assert fault.source == f"FILMGATE__{name}"
    assert CANARY not in str(fault)


@pytest.mark.parametrize("name", ["ACCOUNTS__7__NAME", "ACCOUNTS__X__NAME", "ACCOUNTS__²__NAME"])
def test_a_list_entry_out_of_line_is_a_fault(tmp_path: Path, name: str) -> None:
    [fault] = faults_of(tmp_path, SOUND, {f"FILMGATE__{name}": "x"})

    assert fault.where == f"FILMGATE__{name}"
    assert "does not follow the last one" in fault.problem


def test_what_extra_replaced_is_not_blamed_on_the_environment(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(SOUND)
    environ = {**ENVIRON, "FILMGATE__SERVER__PORT": "9000"}
    with pytest.raises(ConfigError) as caught:
        load(path, environ, PROVIDERS, extra={"server": {"port": 0}})

    [fault] = caught.value.faults
    assert fault.source is None


def test_a_lower_case_name_after_env_is_not_shown_as_it_may_be_the_secret(tmp_path: Path) -> None:
    [fault] = faults_of(tmp_path, SOUND.replace("env:GATE_KEY", "env:canary_7c1e0b"))

    assert fault.problem == "the environment variable it names is not set"


def test_the_error_reads_as_where_problem_and_hint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError) as caught:
        load(None, {"FILMGATE__LOG__LEVEL": "inf"}, PROVIDERS, accounts_required=False)

    assert str(caught.value) == (
        "1 fault in the configuration\n"
        'log.level (from FILMGATE__LOG__LEVEL): cannot be "inf"\n'
        "    allowed: debug, info, warning, error; did you mean info?"
    )
