"""Keys of kind http are read in their own table and in their former place."""

from pathlib import Path

import pytest

from keyturn.config.loading import load_settings
from keyturn.config.settings import ConnectorSettings, HttpSettings
from keyturn.config.validation import ConfigError

NEW = """
[connectors.acme]
follow_floor = 1.0
[connectors.acme.http]
definition = "acme.toml"
base_url = "https://oem.example"
answer_bytes = 2048
[connectors.acme.answer_wait]
start = 9.0
"""
OLD = """
[connectors.acme]
follow_floor = 1.0
definition = "acme.toml"
base_url = "https://oem.example"
answer_bytes = 2048
[connectors.acme.answer_wait]
start = 9.0
"""
SETTINGS = ConnectorSettings(
    http=HttpSettings("acme.toml", base_url="https://oem.example", answer_bytes=2048),
    follow_floor=1.0,
    answer_wait={"start": 9.0},
)


def written(folder: Path, text: str) -> Path:
    file = folder / "config.toml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("text", [NEW, OLD], ids=["new", "old"])
def test_both_places_mean_the_same(tmp_path: Path, text: str) -> None:
    assert load_settings(written(tmp_path, text), {}).connectors == {"acme": SETTINGS}


@pytest.mark.parametrize("between", ["__HTTP__", "__"])
def test_both_places_have_a_variable(between: str) -> None:
    prefix = f"KEYTURN_CONNECTORS_ACME{between}"
    environ = {f"{prefix}DEFINITION": "a.toml", f"{prefix}ANSWER_BYTES": "2048", f"{prefix}TIMEOUT": "2.5"}

    http = load_settings(None, environ).connectors["acme"].http

    assert http == HttpSettings("a.toml", answer_bytes=2048, timeout=2.5)


@pytest.mark.parametrize("between", ["__HTTP__", "__"])
@pytest.mark.parametrize("text", [NEW, OLD], ids=["new", "old"])
def test_the_environment_wins_over_the_file_whatever_the_places(tmp_path: Path, text: str, between: str) -> None:
    environ = {f"KEYTURN_CONNECTORS_ACME{between}BASE_URL": "https://other.example"}

    http = load_settings(written(tmp_path, text), environ).connectors["acme"].http

    assert (http.base_url, http.definition) == ("https://other.example", "acme.toml")


def test_an_empty_table_takes_nothing_away(tmp_path: Path) -> None:
    text = '[connectors.acme]\ndefinition = "acme.toml"\nhttp = {}\n'

    assert load_settings(written(tmp_path, text), {}).connectors["acme"].http == HttpSettings("acme.toml")


WRONG = [
    (
        "[connectors.acme]\ntimeout = 1\n[connectors.acme.http]\ndefinition = 'a'\ntimeout = 1",
        "connectors.acme.timeout: given as connectors.acme.http.timeout too; leave one of them out (config.toml).",
    ),
    (
        "[connectors.acme.http]\ntimeout = 1",
        "connectors.acme.http.definition: must be set, it has no default.",
    ),
    (
        "[connectors.acme.http]\ndefinition = 'a'\ntimeout = 0",
        "connectors.acme.http.timeout: expected a number from 0.001 to 2592000, got 0 (config.toml).",
    ),
    (
        "[connectors.acme]\ndefinition = 'a'\ntimeout = 0",
        "connectors.acme.timeout: expected a number from 0.001 to 2592000, got 0 (config.toml).",
    ),
    (
        "[connectors.acme.http]\ndefinition = 'a'\nbase_url = 'oem.example'",
        "connectors.acme.http.base_url: expected an http or https URL of host and path only, got 'oem.example' "
        "(config.toml).",
    ),
    (
        "[connectors.acme.http]\ndefinition = 'a'\nproxy_user_file = 'b'",
        "connectors.acme.http.proxy: expected a URL, as proxy_user_file is set, got None (default).",
    ),
    (
        "[connectors.acme.base_url]\nx = 1",
        "connectors.acme.base_url: expected a string, got a table (config.toml).",
    ),
    (
        "[connectors.acme.http]\ndefinition = 'a'\nquota = 1",
        "connectors.acme.http.quota: no such key; allowed are answer_bytes, base_url, ca_file, client_certificate, "
        "client_key, definition, header_bytes, header_fields, proxy, proxy_user_file, timeout (config.toml).",
    ),
    (
        "[connectors.acme]\nkind = 'mqtt'\ntimeout = 1",
        "connectors.acme.http: expected nothing, as acme is of kind mqtt, got a table (config.toml).",
    ),
    (
        "[connectors.acme]\ndefinition = 'a'\n[connectors.acme.options]\nbroker = 'b'",
        "connectors.acme.options: expected nothing, as acme is of kind http, got a table (config.toml).",
    ),
    (
        "[connectors.acme]\nkind = ''",
        "connectors.acme.kind: expected a non-empty string, got '' (config.toml).",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG)
def test_a_wrong_file_is_refused_with_the_place_where_it_was_written(tmp_path: Path, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(written(tmp_path, text), {})

    assert str(refused.value).replace(str(tmp_path) + "/", "") == sentence


def test_both_places_in_the_environment_are_refused() -> None:
    environ = {"KEYTURN_CONNECTORS_ACME__TIMEOUT": "1", "KEYTURN_CONNECTORS_ACME__HTTP__TIMEOUT": "1"}

    with pytest.raises(ConfigError, match=r"^connectors\.acme\.timeout: given as connectors\.acme\.http\.timeout too;"):
        load_settings(None, environ)


def test_another_kind_needs_no_definition_and_has_options(tmp_path: Path) -> None:
    text = "[connectors.acme]\nkind = 'mqtt'\n[connectors.acme.options]\nbroker = 'b'\nport = 8883\ntls = true"

    settings = load_settings(written(tmp_path, text), {"KEYTURN_CONNECTORS_ACME__OPTIONS__TOPIC": "t"})

    options: dict[str, str | int | float | bool] = {"broker": "b", "port": 8883, "tls": True, "topic": "t"}
    assert settings.connectors["acme"] == ConnectorSettings(kind="mqtt", options=options)
