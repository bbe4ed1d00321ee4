"""Kinds of connectors: the one that comes with Keyturn, and those of installed packages."""

from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest
from msgspec import structs

from keyturn.config.settings import ConnectorSettings, QuotaSettings
from keyturn.config.validation import ConfigError
from keyturn.connectors import registry
from keyturn.connectors.accounts import NameSpaces
from keyturn.connectors.oem_http.factory import credential_uses, name_spaces
from keyturn.connectors.port import Capabilities, Connector
from keyturn.connectors.registry import GROUP, build_connectors
from tests.support.clock import RunningClock

HERE = "tests.connectors.test_kinds"
GATEWAY = ConnectorSettings(kind="gateway", options={"broker": "b"})


class Gateway:
    """Has what the port wants, and does nothing."""

    capabilities = Capabilities(frozenset(), follow_floor=1.0)

    def __init__(self, *given: Any) -> None:
        self.given = given

    async def _nothing(self, *_asked: Any) -> None:
        """There is nothing behind it."""

    start = send = get_status = find_by_reference = cancel = read_state = close = _nothing


class OldGateway(Gateway):
    """Was written before connectors were started."""

    start = None  # type: ignore[assignment]


def installed(monkeypatch: pytest.MonkeyPatch, **kinds: str) -> None:
    points = EntryPoints(EntryPoint(name.rstrip("_"), f"{HERE}:{value}", GROUP) for name, value in kinds.items())
    monkeypatch.setattr(registry, "entry_points", lambda group: points.select(group=group))


def build(settings: ConnectorSettings = GATEWAY) -> Connector:
    return build_connectors({"acme": settings}, RunningClock())["acme"]


def refusal(settings: ConnectorSettings = GATEWAY) -> str:
    with pytest.raises(ConfigError) as refused:
        build(settings)
    return str(refused.value)


def test_a_package_adds_a_kind_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, gateway="Gateway")

    built = build()

    assert isinstance(built, Gateway)
    assert built.given[:2] == ("acme", GATEWAY)


def test_a_kind_that_is_not_known_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refusal() == "connectors.acme.kind: no such kind 'gateway'; known are http."
    installed(monkeypatch, mqtt="Gateway", amqp="Gateway")
    assert refusal() == "connectors.acme.kind: no such kind 'gateway'; known are amqp, http, mqtt."


@pytest.mark.parametrize("kinds", [{"gateway": "Gateway", "gateway_": "OldGateway"}, {"http": "Gateway"}])
def test_two_kinds_of_one_name_are_refused(monkeypatch: pytest.MonkeyPatch, kinds: dict[str, str]) -> None:
    installed(monkeypatch, **kinds)

    sentence = refusal()

    assert sentence.startswith("connectors: ")
    assert f"both add the kind '{next(iter(kinds))}'; remove one." in sentence


def test_a_kind_that_cannot_be_loaded_is_named_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, gateway="Nowhere")

    assert refusal().startswith(f"connectors.acme.kind: 'gateway' of {HERE}:Nowhere fails (AttributeError: ")


def test_a_connector_that_cannot_be_started_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, gateway="OldGateway")

    assert refusal() == (
        "connectors.acme.kind: a connector of kind 'gateway' has no start, which this version of Keyturn needs "
        "(docs/connectors.md)."
    )


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("initiate_wait", 1.0),
        ("follow_floor", 2.0),
        ("follow_ceiling", 2.0),
        ("send_wait", {"start": 1.0}),
        ("answer_wait", {"start": 1.0}),
        ("quota", QuotaSettings(account_minute=5)),
    ],
)
def test_a_setting_that_the_connector_does_not_keep_is_refused(
    monkeypatch: pytest.MonkeyPatch, setting: str, value: Any
) -> None:
    installed(monkeypatch, gateway="Gateway")
    text = refusal(structs.replace(GATEWAY, **{setting: value}))
    assert text.startswith(f"connectors.acme.{setting}: a connector of kind 'gateway' does not keep this setting")


def test_a_setting_that_the_connector_keeps_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    installed(monkeypatch, gateway="Gateway")
    assert isinstance(build(structs.replace(GATEWAY, follow_floor=1.0)), Gateway)


def test_administration_asks_no_definition_of_another_kind() -> None:
    assert name_spaces({"acme": GATEWAY}) == NameSpaces()
    assert credential_uses({"acme": GATEWAY}) == {}
