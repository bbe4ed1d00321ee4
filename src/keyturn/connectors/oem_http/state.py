"""What the OEM says of a vehicle's state becomes readings under our names, by the definition's [state]. Pure."""

from typing import Any, NamedTuple

from keyturn.connectors.oem_http.notation import NamedQuery, Query
from keyturn.connectors.oem_http.readings import instant, scalar
from keyturn.connectors.oem_http.sections import Field, State, Times
from keyturn.connectors.port import Reading, StateReport


class _Signal(NamedTuple):
    field: Field
    value: Query | None
    observed_at: Query | None
    as_of: Query | None
    flagged: Query | None


class StateMapping:
    """The [state] table, ready to read answers."""

    def __init__(self, state: State, times: Times) -> None:
        self.timeout = state.timeout
        self._state = state
        self._times = times
        self._signals = {name: _signal(name, field, state) for name, field in state.signals.items()}

    def report(self, document: Any) -> StateReport | None:
        """None when the document says nothing of the vehicle."""
        readings = {name: self._reading(signal, document) for name, signal in self._signals.items()}
        reachable = _found(self._state.reachable, document)
        last_contact = instant(_found(self._state.last_contact, document), self._times)
        report = StateReport(readings, reachable if isinstance(reachable, bool) else None, last_contact)
        said = any(reading.value is not None for reading in readings.values())
        return report if said or report.reachable is not None or last_contact is not None else None

    def _reading(self, signal: _Signal, document: Any) -> Reading:
        flagged = _found(signal.flagged, document) is True
        return Reading(
            None if flagged else scalar(signal.field, _found(signal.value, document)),
            instant(_found(signal.observed_at, document), self._times),
            instant(_found(signal.as_of, document), self._times),
        )


def _signal(name: str, field: Field, state: State) -> _Signal:
    return _Signal(
        field,
        field.value or _named(state.value, name),
        field.observed_at or _named(state.observed_at, name),
        field.as_of or _named(state.as_of, name),
        field.flagged or _named(state.flagged, name),
    )


def _named(query: NamedQuery | None, name: str) -> Query | None:
    return query.named(name) if query else None


def _found(query: Query | None, document: Any) -> Any:
    return query.of(document) if query else None
