"""Connectors made from the configuration."""

from pathlib import Path

import pytest

from keyturn.commands.model.catalogue import COMMANDS
from keyturn.connectors.oem_http.definition.document import DefinitionError
from keyturn.connectors.oem_http.factory import load_definition
from keyturn.connectors.registry import build_connectors
from tests.support.clock import RunningClock
from tests.support.oem import HANG, Oem, answer

from .configured import http_settings
from .orders import order

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("name", ["simulator", "relay", "example-sync", "example-oauth"])
def test_the_definitions_that_come_with_keyturn_can_be_loaded(name: str) -> None:
    assert load_definition(name).commands


def test_the_simulator_and_its_relay_are_declared_as_they_are() -> None:
    configs = {name: http_settings(name, base_url="http://localhost:1") for name in ("simulator", "relay")}
    built = build_connectors(configs, RunningClock())
    simulator, relay = built["simulator"].capabilities, built["relay"].capabilities
    assert simulator.offers == set(COMMANDS)
    assert relay.offers == set(COMMANDS) - {"diagnostics", "alert", "cancel_alert"}
    assert (simulator.enforces_preconditions, relay.enforces_preconditions) == (True, False)
    assert (simulator.blocks_next_start_only, relay.blocks_next_start_only) == (True, True)


def test_a_definition_can_be_a_file(tmp_path: Path) -> None:
    path = tmp_path / "acme.toml"
    path.write_text('mode = "sync"\n[commands.start]\npath = "/start"\n')
    assert set(load_definition(str(path)).commands) == {"start"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mode = sync", "not TOML"),
        ('mode = "sync"\n[commands.start]\npaht = "/"', "commands.start.paht: no such key"),
    ],
)
def test_a_fault_in_a_file_is_named_with_the_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "acme.toml"
    path.write_text(text)
    with pytest.raises(DefinitionError) as refused:
        load_definition(str(path))
    assert str(refused.value).startswith(f"{path}: {message}")


def test_an_unknown_definition_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        DefinitionError, match="acme: no such definition; allowed are example-oauth, example-sync, relay"
    ):
        build_connectors({"acme": http_settings("acme")}, RunningClock())


@pytest.mark.parametrize("base_url", [None, "oem.example"])
def test_an_entry_at_fault_is_named(base_url: str | None) -> None:
    with pytest.raises(DefinitionError, match=r"^connectors\.acme: base_url: "):
        build_connectors({"acme": http_settings("simulator", base_url=base_url)}, RunningClock())


async def test_the_configuration_stands_above_the_definition(oem: Oem) -> None:
    settings = http_settings(
        "example-oauth",
        base_url=oem.url,
        initiate_wait=1.5,
        send_wait={"start": 30.0},
        answer_wait={"start": 99.0},
        follow_floor=0.5,
        follow_ceiling=2.0,
        timeout=0.1,
    )
    connector = build_connectors({"acme": settings}, RunningClock())["acme"]
    capabilities = connector.capabilities
    assert (capabilities.initiate_wait, capabilities.follow_floor, capabilities.follow_ceiling) == (1.5, 0.5, 2.0)
    assert (capabilities.send_wait, capabilities.answer_wait) == ({"start": 30.0}, {"start": 99.0})
    await connector.close()


async def test_the_configured_time_out_and_address_are_used(oem: Oem) -> None:
    settings = http_settings("simulator", base_url=oem.url, timeout=0.1)
    connector = build_connectors({"acme": settings}, RunningClock())["acme"]
    oem.answer_with(HANG, answer(202, {}))
    lost = await connector.send(order(RunningClock()))
    await connector.close()
    assert lost.exchange is not None
    assert lost.exchange.answer == "no whole answer in time"
    assert len(oem.seen) == 1
