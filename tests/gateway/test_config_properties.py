"""Whatever is in a configuration: settings or faults come out, and no secret in either's text."""

import string
import tomllib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import ConfigError, Settings, effective, load
from gateway.config.read import Kind
from tests.gateway.test_config_support import CANARY, PROVIDERS

WORDS = (
    "acme",
    "orbit-video",
    "acme/fast",
    "127.0.0.1",
    "0.0.0.0",  # noqa: S104 - never bound
    "https://gate.example.com",
    "http://[",
    "sqlite:///x.db",
    "postgresql://u@h",
    "postgresql://u:p@h/d",
    "weighted",
    "least_busy",
    "env:KEY",
    "env:",
    "file:/dev/null",
    "file:\x00",
    "info",
    "10.0.0.0/8",
    "a@b",
)
SCALARS = st.one_of(
    st.booleans(),
    st.integers(),
    st.just(10**400),
    st.floats(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.text(),
    st.sampled_from(WORDS),
)


def sections(struct: type[msgspec.Struct]) -> st.SearchStrategy[dict[str, Any]]:
    """Tables with the right keys, and what may be the right values."""
    fields = {field.name: Kind.of(field.type) for field in msgspec.structs.fields(struct)}
    return st.fixed_dictionaries({}, optional={name: values(kind) for name, kind in fields.items()})


def values(kind: Kind) -> st.SearchStrategy[Any]:
    if kind.plain:
        return values(kind.plain) | sections(kind.struct or Settings)
    if kind.struct:
        return sections(kind.struct)
    if kind.items:
        return st.lists(values(kind.items), max_size=3)
    if kind.values:
        return st.dictionaries(st.text(max_size=4), values(kind.values), max_size=3)
    if kind.choices:
        return st.sampled_from(kind.choices)
    return SCALARS


ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
TREES = st.one_of(
    sections(Settings),
    st.dictionaries(st.sampled_from(Settings.__struct_fields__) | st.text(), ANYTHING, max_size=5),
)
VARIABLES = st.dictionaries(
    st.lists(
        st.sampled_from([*Settings.__struct_fields__, "0", "1", "name", "port", "api_keys", ""]),
        min_size=1,
        max_size=4,
    ).map(lambda path: "FILMGATE__" + "__".join(path).upper()),
    st.text() | st.sampled_from(["1", "[]", "{}", "[{}]", "x", "['env:KEY']"]),
    max_size=4,
)


@pytest.fixture(autouse=True, scope="module")
def _empty_working_directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("empty"))
        yield


def outcome(
    tree: dict[str, Any], environ: dict[str, str], *, accounts_required: bool = True
) -> Settings | ConfigError:
    try:
        return load(None, environ, PROVIDERS, extra=tree, accounts_required=accounts_required)
    except ConfigError as error:
        return error


@settings(max_examples=150, deadline=None)
@given(tree=TREES, environ=VARIABLES, accounts_required=st.booleans())
def test_any_tree_becomes_settings_or_faults(
    tree: dict[str, Any],
    environ: dict[str, str],
    accounts_required: bool,  # noqa: FBT001
) -> None:
    found = outcome(tree, {"KEY": "k", **environ}, accounts_required=accounts_required)
    if isinstance(found, Settings):
        assert tomllib.loads(effective(found)).keys() <= set(Settings.__struct_fields__)
    else:
        assert found.faults
        assert all(fault.where and fault.problem for fault in found.faults)
        assert str(found).replace("\n", "").isprintable()


PLACES = st.sampled_from(
    [
        ("server", "api_keys"),
        ("server", "operator_keys"),
        ("server", "host"),
        ("server", "public_url"),
        ("server", "port"),
        ("database", "url"),
        ("database", "password"),
        ("media", "max_bytes"),
        ("network", "allow_private"),
        ("watch", "poll_seconds"),
    ]
)
DISGUISES = st.sampled_from(
    [
        "{}",
        "env:{}",
        "ENV:{}",
        "http://u:{}@h",
        "postgresql://u:{}@h/d",
        "postgresql://u:{}@h",
        "postgresql://u:/{}@h/d",
        "postgresql://u:?{}@h/d",
        "postgres://u@h/d?password={}",
        "postgresql+psycopg://u:{}@h/d",
    ]
)


@settings(max_examples=60, deadline=None)
@given(place=PLACES, disguise=DISGUISES, listed=st.booleans(), tail=st.text(string.ascii_lowercase))
def test_a_secret_in_a_wrong_place_is_never_shown(
    place: tuple[str, str],
    disguise: str,
    listed: bool,  # noqa: FBT001
    tail: str,
) -> None:
    section, key = place
    text = disguise.format(CANARY + tail)
    account = {"name": "a", "provider": "acme", "api_key": text}
    tree = {section: {key: [text] if listed else text}, "accounts": [account]}
    error = outcome(tree, {})

    assert isinstance(error, ConfigError)
    assert CANARY not in f"{error} {error!r} {error.faults!r}"
