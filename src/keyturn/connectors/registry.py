"""Table of the connector kinds, and the connectors that a configuration names, made by their kinds.

| kind | made by |
|---|---|
| ``http`` | `oem_http.factory.build_http`, from a definition |
| any other | an installed package, whose entry point (group ``keyturn.connectors``) has the kind's name and a `Build` |
"""

from collections.abc import Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Protocol

from keyturn.clock import Clock
from keyturn.config.settings import ConnectorSettings
from keyturn.config.validation import ConfigError
from keyturn.connectors.oem_http.factory import HTTP, build_http
from keyturn.connectors.port import Capabilities, Connector, CredentialKeeper
from keyturn.connectors.toolkit import quota

GROUP = "keyturn.connectors"
"""Entry points that add a kind."""
_METHODS = ("start", "send", "get_status", "find_by_reference", "cancel", "read_state", "close")
"""What a connector must have; a package for an earlier version may lack some."""


class Build(Protocol):
    """Makes the connector `name`. `keeper` stores credentials that the OEM replaces; None where nothing can be stored.

    Raises `ConfigError` for settings that cannot be used: one sentence that begins with the setting.
    """

    def __call__(
        self, name: str, settings: ConnectorSettings, clock: Clock, keeper: CredentialKeeper | None
    ) -> Connector: ...


KINDS: Mapping[str, Build] = {HTTP: build_http}
"""Kinds that come with Keyturn."""


def build_connectors(
    configs: Mapping[str, ConnectorSettings], clock: Clock, keeper: CredentialKeeper | None = None
) -> dict[str, Connector]:
    """Make every connector of the configuration, by name. Raises `DefinitionError` and `ConfigError`."""
    installed = _installed_kinds()
    return {name: _connector(name, settings, installed, clock, keeper) for name, settings in configs.items()}


def _connector(
    name: str,
    settings: ConnectorSettings,
    installed: Mapping[str, EntryPoint],
    clock: Clock,
    keeper: CredentialKeeper | None,
) -> Connector:
    built = _build_of(name, settings.kind, installed)(name, settings, clock, keeper)
    if missing := [each for each in _METHODS if not callable(getattr(built, each, None))]:
        raise ConfigError(
            f"connectors.{name}.kind: a connector of kind '{settings.kind}' has no {' and no '.join(missing)}, which "
            "this version of Keyturn needs (docs/connectors.md)."
        )
    if settings.kind not in KINDS and (ignored := _ignored(settings, built.capabilities)):
        raise ConfigError(
            f"connectors.{name}.{ignored}: a connector of kind '{settings.kind}' does not keep this setting; leave it"
            " out."
        )
    return built


def _ignored(settings: ConnectorSettings, capabilities: Capabilities) -> str:
    """A setting of every kind that the connector's capabilities do not repeat; empty: they have all that are given.

    The engine goes by the capabilities alone: a quota that is not among them would not be kept.
    """
    for setting in ("initiate_wait", "follow_floor", "follow_ceiling"):
        if getattr(settings, setting) not in (None, getattr(capabilities, setting)):
            return setting
    for setting in ("send_wait", "answer_wait"):
        if not getattr(settings, setting).items() <= getattr(capabilities, setting).items():
            return setting
    return "quota" if quota(settings.quota) not in (None, capabilities.quota) else ""


def _build_of(name: str, kind: str, installed: Mapping[str, EntryPoint]) -> Build:
    if kind in KINDS:
        return KINDS[kind]
    if kind not in installed:
        known = ", ".join(sorted({*KINDS, *installed}))
        raise ConfigError(f"connectors.{name}.kind: no such kind '{kind}'; known are {known}.")
    try:
        build: Build = installed[kind].load()
    except Exception as error:
        why = f"{type(error).__name__}: {error}"
        raise ConfigError(f"connectors.{name}.kind: '{kind}' of {_origin(installed[kind])} fails ({why}).") from error
    return build


def _installed_kinds() -> dict[str, EntryPoint]:
    """Kinds of installed packages, by name. Raises `ConfigError` for a name that two add."""
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=GROUP):
        if point.name in KINDS or point.name in found:
            other = _origin(found[point.name]) if point.name in found else "Keyturn itself"
            raise ConfigError(f"connectors: {_origin(point)} and {other} both add the kind '{point.name}'; remove one.")
        found[point.name] = point
    return found


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value
