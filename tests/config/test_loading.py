"""Settings come from a file and the environment; a wrong one is named."""

from pathlib import Path

import pytest

from keyturn.config.loading import load_settings, refuse_unknown_commands
from keyturn.config.settings import Settings
from keyturn.config.validation import ConfigError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("config.toml")


def test_nothing_written_gives_the_defaults() -> None:
    assert load_settings(None, {}) == Settings()


def test_the_file_overrides_the_defaults_and_the_environment_the_file(file: Path) -> None:
    file.write_text('[server]\nport = 9000\nhost = "::1"\n[log]\nlevel = "debug"\n')

    settings = load_settings(file, {"KEYTURN_SERVER_PORT": "9001"})

    assert (settings.server.port, settings.server.host, settings.log.level) == (9001, "::1", "debug")
    assert settings.server.body_limit == Settings().server.body_limit


def test_an_integer_serves_as_a_duration(file: Path) -> None:
    file.write_text("[engine]\nanswer_timeout = 7\n")

    assert load_settings(file, {}).engine.answer_timeout == 7.0


def test_the_environment_reaches_every_kind_of_setting() -> None:
    settings = load_settings(
        None,
        {
            "KEYTURN_COMMANDS_INITIATE_WAIT": "0",
            "KEYTURN_COMMANDS_SEND_WAIT__START": "30",
            "KEYTURN_SERVER_TRUSTED_PROXIES": "10.0.0.0/8, 192.0.2.7",
            "KEYTURN_LOG_FORMAT": "json",
            "KEYTURN_CONNECTORS_MY_OEM__DEFINITION": "acme.toml",
            "KEYTURN_CONNECTORS_MY_OEM__TIMEOUT": "2.5",
            "KEYTURN_CONNECTORS_MY_OEM__ANSWER_WAIT__START": "9",
        },
    )

    assert settings.commands.initiate_wait == 0
    assert settings.commands.send_wait == {"start": 30.0}
    assert settings.server.trusted_proxies == ("10.0.0.0/8", "192.0.2.7")
    assert settings.log.format == "json"
    connector = settings.connectors["my_oem"]
    assert (connector.http.definition, connector.http.timeout, connector.answer_wait) == (
        "acme.toml",
        2.5,
        {"start": 9.0},
    )


def test_a_connector_of_the_file_can_be_completed_from_the_environment(file: Path) -> None:
    file.write_text('[connectors.acme]\nbase_url = "https://oem.example/api"\nsend_wait = {}\n')

    settings = load_settings(
        file, {"KEYTURN_CONNECTORS_ACME__DEFINITION": "acme.toml", "KEYTURN_CONNECTORS_ACME__SEND_WAIT__START": "5"}
    )

    connector = settings.connectors["acme"]
    assert (connector.http.definition, connector.http.base_url) == ("acme.toml", "https://oem.example/api")
    assert connector.send_wait == {"start": 5.0}


def test_the_key_file_lies_in_the_data_directory_unless_it_is_named() -> None:
    assert load_settings(None, {"KEYTURN_SERVER_DATA": "here"}).key_file == Path("here/keyturn.keys")
    assert load_settings(None, {"KEYTURN_KEYS_FILE": "there.keys"}).key_file == Path("there.keys")


@pytest.mark.parametrize(
    "variable", ["KEYTURN_SERVICE_PORT", "KEYTURN_SERVICE_HOST", "KEYTURN_PORT", "KEYTURN_CONFIG", "PATH", "KEYTURN_"]
)
def test_variables_that_are_no_settings_are_left_alone(variable: str) -> None:
    assert load_settings(None, {variable: "tcp://192.0.2.1:80"}) == Settings()


WRONG_FILES = [
    ("[server]\nport = 'x'", "server.port: expected an integer from 0 to 65535, got 'x' (config.toml)."),
    ("[server]\nport = 65536", "server.port: expected an integer from 0 to 65535, got 65536 (config.toml)."),
    ("[server]\nport = true", "server.port: expected an integer from 0 to 65535, got True (config.toml)."),
    ("[server.port]\nx = 1", "server.port: expected an integer from 0 to 65535, got a table (config.toml)."),
    ("server = 5", "server: expected a table, got 5 (config.toml)."),
    ("[server]\nport = {}", "server.port: expected an integer from 0 to 65535, got a table (config.toml)."),
    ("[server]\nprot = 1", "server.prot: no such key; the nearest is 'port' (config.toml)."),
    ("[sever]\nport = 1", "sever: no such key; the nearest is 'server' (config.toml)."),
    ("[keys]\nzzz = 1", "keys.zzz: no such key; allowed are file (config.toml)."),
    ("[server]\nhost = ''", "server.host: expected a non-empty string, got '' (config.toml)."),
    (
        "[server]\ntrusted_proxies = [1]",
        "server.trusted_proxies: expected a list of strings, got [1] (config.toml).",
    ),
    (
        "[server]\ntrusted_proxies = ['10.1.2.3/8']",
        "server.trusted_proxies: expected IP addresses and networks (10.0.0.0/8), got '10.1.2.3/8' (config.toml).",
    ),
    (
        "[server]\ntls_certificate = 'c.pem'",
        "server.tls_key: expected a file, as server.tls_certificate is set, got '' (default).",
    ),
    (
        "[server]\ntls_key = 'k.pem'",
        "server.tls_certificate: expected a file, as server.tls_key is set, got '' (default).",
    ),
    (
        "[server]\nmetrics_port = 9100",
        "server.metrics_host: expected an address, as server.metrics_port is set, got '' (default).",
    ),
    (
        "[engine]\nsweep_interval = 0",
        "engine.sweep_interval: expected a number from 0.001 to 2592000, got 0 (config.toml).",
    ),
    (
        "[engine]\nsweep_interval = inf",
        "engine.sweep_interval: expected a number from 0.001 to 2592000, got inf (config.toml).",
    ),
    (
        "[engine]\nclock_step = nan",
        "engine.clock_step: expected a number from 0.001 to 2592000, got nan (config.toml).",
    ),
    ("[log]\nlevel = 'loud'", "log.level: expected one of debug, error, info, warning, got 'loud' (config.toml)."),
    (
        "[commands.send_wait]\nstart = -1",
        "commands.send_wait.start: expected a number from 0.001 to 2592000, got -1 (config.toml).",
    ),
    ("[connectors.acme]", "connectors.acme.definition: must be set, it has no default."),
    ("[connectors.acme]\ntimeout = 1", "connectors.acme.definition: must be set, it has no default."),
    (
        "[connectors.acme]\ndefinition = 'a'\nurl = 'b'",
        "connectors.acme.url: no such key; allowed are answer_bytes, answer_wait, base_url, ca_file, "
        "client_certificate, client_key, definition, follow_ceiling, follow_floor, header_bytes, header_fields, "
        "http, initiate_wait, kind, options, proxy, proxy_user_file, quota, send_wait, timeout (config.toml).",
    ),
    (
        "[connectors.acme]\ndefinition = 'a'\nproxy_user_file = 'b'",
        "connectors.acme.proxy: expected a URL, as proxy_user_file is set, got None (default).",
    ),
    (
        "[connectors.acme]\ndefinition = 'a'\nproxy = 'http://me:hunter2@proxy:3128'",
        "connectors.acme.proxy: expected an http or https URL of host and port only (user and password: "
        "proxy_user_file), got 'http://***@proxy:3128' (config.toml).",
    ),
    (
        "[connectors.Acme]\ndefinition = 'a'",
        "connectors.Acme: expected a name of small letters and digits, with single - or _ between, got 'Acme' "
        "(config.toml).",
    ),
    (
        "[connectors.acme]\ndefinition = 'a'\nbase_url = 'oem.example'",
        "connectors.acme.base_url: expected an http or https URL of host and path only, got 'oem.example' "
        "(config.toml).",
    ),
    (
        "[connectors.acme]\ndefinition = 'a'\nfollow_floor = 5\nfollow_ceiling = 1.5",
        "connectors.acme.follow_ceiling: expected at least follow_floor, which is 5, got 1.5 (config.toml).",
    ),
    (
        "[connectors.acme]\ndefinition = 'a'\nclient_key = 'k.pem'",
        "connectors.acme.client_certificate: expected a file, as client_key is set, got None (default).",
    ),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG_FILES)
def test_a_wrong_file_is_refused_with_the_setting_and_what_is_allowed(file: Path, text: str, sentence: str) -> None:
    file.write_text(text)

    with pytest.raises(ConfigError) as refusal:
        load_settings(file, {})

    assert str(refusal.value) == sentence


WRONG_VARIABLES = [
    ("SERVER_PORT", "x", "server.port: expected an integer from 0 to 65535, got 'x' (KEYTURN_SERVER_PORT)."),
    ("SERVER_PROT", "1", "server.prot: no such key; the nearest is 'port' (KEYTURN_SERVER_PROT)."),
    ("SERVER__PORT", "1", "server._port: no such key; the nearest is 'port' (KEYTURN_SERVER__PORT)."),
    ("SERVR_PORT", "1", "KEYTURN_SERVR_PORT: no such setting; the nearest is KEYTURN_SERVER_PORT (environment)."),
    (
        "TOKENS_LIFETIME",
        "1.5",
        "tokens.lifetime: expected an integer from 1 to 86400, got '1.5' (KEYTURN_TOKENS_LIFETIME).",
    ),
    (
        "TOKENS_LIFE",
        "1.5",
        "tokens.lifetime: expected an integer from 1 to 86400, got '1.5' (KEYTURN_TOKENS_LIFE, as tokens.life).",
    ),
    (
        "COMMANDS_SEND_WAIT",
        "5",
        "commands.send_wait: expected a table, got '5' (KEYTURN_COMMANDS_SEND_WAIT).",
    ),
    (
        "SERVER_TRUSTED_PROXIES",
        "proxy.example",
        "server.trusted_proxies: expected IP addresses and networks (10.0.0.0/8), got 'proxy.example' "
        "(KEYTURN_SERVER_TRUSTED_PROXIES).",
    ),
]


@pytest.mark.parametrize(("name", "text", "sentence"), WRONG_VARIABLES)
def test_a_wrong_variable_is_refused_by_its_name(name: str, text: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load_settings(None, {f"KEYTURN_{name}": text})

    assert str(refusal.value) == sentence


def test_a_file_that_is_not_there_is_named(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"^config\.toml: cannot be read \(No such file or directory\)\.$"):
        load_settings(file, {})


@pytest.mark.parametrize("content", [b"[server\n", b"\xff\xfe"])
def test_a_file_that_is_no_toml_is_refused(file: Path, content: bytes) -> None:
    file.write_bytes(content)

    with pytest.raises(ConfigError, match=r"^config\.toml: not valid TOML: .+\.$"):
        load_settings(file, {})


def test_a_password_in_a_url_is_refused_without_being_shown(file: Path) -> None:
    file.write_text("[connectors.acme]\ndefinition = 'a'\nbase_url = 'https://me:hunter2@oem.example/?key=hunter3'\n")

    with pytest.raises(ConfigError) as refusal:
        load_settings(file, {})

    assert "hunter" not in str(refusal.value)
    assert "'https://***@oem.example/?***'" in str(refusal.value)


def test_a_wait_for_a_command_that_does_not_exist_is_refused() -> None:
    settings = load_settings(None, {"KEYTURN_COMMANDS_ANSWER_WAIT__STRAT": "5"})

    refuse_unknown_commands(settings, frozenset({"strat"}))
    with pytest.raises(ConfigError, match=r"^commands\.answer_wait\.strat: no such command; the nearest is 'start'\.$"):
        refuse_unknown_commands(settings, frozenset({"start", "location"}))


def test_a_connectors_wait_for_a_command_that_does_not_exist_is_refused(file: Path) -> None:
    file.write_text("[connectors.acme]\ndefinition = 'a'\nsend_wait = { strat = 5 }\n")

    with pytest.raises(ConfigError, match=r"^connectors\.acme\.send_wait\.strat: no such command"):
        refuse_unknown_commands(load_settings(file, {}), frozenset({"start"}))
