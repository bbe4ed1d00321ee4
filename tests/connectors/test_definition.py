"""A definition that cannot be used is refused with the key at fault and what is allowed there."""

from typing import Any

import pytest

from keyturn.commands.model.catalogue import COMMANDS
from keyturn.connectors.oem_http.connector import HttpConnector
from keyturn.connectors.oem_http.definition.document import DefinitionError
from tests.support.clock import RunningClock

from .definitions import OPERATION, SYNC, connector, definition

PLACEHOLDERS = (
    "vehicle.vin, vehicle.external_id, command.id, command.name, command.expires_at, command.expires_at_s, "
    "command.expires_at_ms, operation.id, account.<key>"
)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mode": "async"}, "mode: expected one of operation, sync"),
        (
            {"auth": {"shceme": "bearer"}},
            "auth.shceme: no such key; allowed are client_in, grant, header, life, life_unit, ",
        ),
        ({"auth": {"scheme": "oauth2"}}, "auth: token_url goes with scheme oauth2, and only with it"),
        (
            {"commands": {"lock_doors": {}}},
            "commands.lock_doors: Expected `str` matching regex '^(location|diagnostics|",
        ),
        ({"commands": {}}, "commands must list at least one command"),
        ({"commands": None}, "Object missing required field `commands`"),
        ({"commands": {"start": {"method": "HEAD"}}}, "commands.start.method: expected one of GET, POST, PUT, PATCH, "),
        ({"commands": {"start": {"path": "start"}}}, "commands.start: path must start with /"),
        ({"send": {}}, "commands.start has no path, and [send] has none for it"),
        ({"send": {"path": "/{vin}"}}, f"send.path: no placeholder {{vin}}; allowed are {PLACEHOLDERS}"),
        (
            {"send": {"path": "/{operation.id}"}},
            "send: {operation.id} has no value here; allowed are command.expires_at",
        ),
        (
            {"state": {"path": "/{command.id}"}},
            "state: {command.id} has no value here; allowed are vehicle.external_id",
        ),
        ({"result": {"state": "a[", "succeeded": ["x"]}}, "result.state: not JMESPath: "),
        ({"result": {"state": "a"}}, "result: succeeded must list at least one word of `state`"),
        ({"result": {}}, "result.state must be given in mode operation"),
        ({"accepted": {}}, "mode operation needs accepted.url, or accepted.id with status.path"),
        ({"timeout": 0}, "timeout: Expected `float` > 0.0"),
        ({"timeout": "30"}, "timeout: Expected `float`, got `str`"),
        ({"base_url": "localhost"}, "base_url: expected http(s)://host[:port][/path] and nothing more"),
        (
            {"base_url": "https://u:secret@oem.example"},
            "base_url: expected http(s)://host[:port][/path] and nothing more",
        ),
        (
            {"times": {"zone": "Mars"}},
            "times.zone: no time zone 'Mars'; allowed are IANA names and offsets such as -03:00",
        ),
        ({"times": {"pattern": "%Q"}}, "times: 'Q' is a bad directive in format '%Q'"),
        ({"answers": [{"means": "not_taken"}]}, "answers[0]: status or code must be given"),
        ({"answers": [{"status": [302], "means": "failed"}]}, "answers[0]: a 3xx answer may always have happened"),
        (
            {"answers": [{"status": [500], "means": "gone"}]},
            "answers[0].means: expected one of not_taken, already_done, ",
        ),
        (
            {"answers": [{"status": [500], "means": "failed", "temporary": True}]},
            "answers[0]: temporary goes with not_taken only",
        ),
        ({"errors": {"X": {"preconditions": [14]}}}, "errors.X.preconditions[0]: Expected `int` <= 13"),
        ({"errors": {"X": {}}}, "errors.X: one of text (with or without cancelled), preconditions, already_done"),
        (
            {"state": {"path": "/", "signals": {"speed": {}}}},
            "state: signals.speed has no value, and there is no default",
        ),
    ],
)
def test_a_fault_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DefinitionError) as refused:
        definition(**changes)
    assert str(refused.value).startswith(message)
    assert "secret" not in str(refused.value)


def test_the_address_must_come_from_somewhere() -> None:
    with pytest.raises(DefinitionError, match=r"^base_url: must be given, in the definition or in the configuration$"):
        HttpConnector(definition(base_url=None), RunningClock())


@pytest.mark.parametrize(
    "files", [{"client_certificate": "absent.pem"}, {"client_key": "absent.key"}], ids=["certificate", "key_alone"]
)
def test_a_client_certificate_must_be_there(files: dict[str, Any]) -> None:
    with pytest.raises(DefinitionError, match=r"^client_(certificate|key): "):
        HttpConnector(definition(**files), RunningClock())


def test_the_commands_that_can_be_named_are_those_of_the_catalogue() -> None:
    assert connector("http://localhost:1", commands={name: {} for name in COMMANDS}).capabilities.offers == set(
        COMMANDS
    )


def test_what_is_not_declared_is_false_and_immobilising_is_not_offered_then() -> None:
    commands: dict[str, Any] = {"commands": {"disable_ignition": {}, "enable_ignition": {}}}
    silent = connector("http://localhost:1", declares={}, **commands).capabilities
    assert (silent.enforces_preconditions, silent.blocks_next_start_only, silent.read_wakes_vehicle) == (False,) * 3
    assert silent.offers == {"enable_ignition"}
    stated = connector("http://localhost:1", declares={"blocks_next_start_only": True}, **commands).capabilities
    assert stated.offers == {"disable_ignition", "enable_ignition"}


def test_what_is_described_is_declared() -> None:
    described = connector("http://localhost:1", OPERATION).capabilities
    assert (described.reads_state, described.finds_by_reference, described.cancels) == (True, True, True)
    assert not connector("http://localhost:1", SYNC).capabilities.cancels
