"""Maps the response to a state read to a `StateReport`, by the definition's [state]. Pure."""

from typing import Any, NamedTuple

import msgspec

from keyturn.connectors.oem_http.answers.conversion import IMPOSSIBLE, LIMITS, convert_value, without_impossible
from keyturn.connectors.oem_http.definition.queries import NO_VALUES, NamedQuery, Query, Values
from keyturn.connectors.oem_http.definition.sections import Field, State
from keyturn.connectors.oem_http.definition.times import NOT_UNDERSTOOD, Moment, NamedTimeQuery, TimeQuery, Times
from keyturn.connectors.responses import SignalReading, StateReport

FLAGGED = "the source flags it as not valid"
UNMAPPED = "the definition does not say what this value means"
FIRST_SEEN = "when it came into being is not understood, so it counts from when it was first seen"


class _Signal(NamedTuple):
    field: Field
    value: Query | None
    observed_at: TimeQuery | None
    as_of: TimeQuery | None
    flagged: Query | None


class StateMapping:
    """The [state] table of one definition."""

    def __init__(self, state: State, times: Times) -> None:
        self.timeout = state.timeout
        self._state = state
        self._times = times
        self._signals = {name: _signal(name, field, state) for name, field in state.signals.items()}

    def report(self, document: Any, values: Values = NO_VALUES) -> StateReport | None:
        """None when the document has nothing about the vehicle."""
        readings = _possible({name: self._reading(each, document, values) for name, each in self._signals.items()})
        reachable = _found(self._state.reachable, document, values)
        contact = self._moment(self._state.last_contact, document, values)
        reported = _found(self._state.vin, document, values)
        vin = reported if isinstance(reported, str) and reported.strip() else None
        has_signal = any(reading.value is not None or reading.why for reading in readings.values())
        if not (has_signal or isinstance(reachable, bool) or contact != Moment() or vin):
            return None
        return StateReport(
            readings, reachable if isinstance(reachable, bool) else None, contact.at, contact.failure, vin
        )

    def _reading(self, signal: _Signal, document: Any, values: Values) -> SignalReading:
        """A value whose `as_of` is there and not understood is unknown; another time must not vouch for it."""
        raw = _found(signal.value, document, values)
        value = convert_value(signal.field, raw)
        observed_at = self._moment(signal.observed_at, document, values)
        as_of = self._moment(signal.as_of, document, values)
        if _found(signal.flagged, document, values) is True:
            value, why = None, FLAGGED
        elif as_of.failure:
            value, why = None, NOT_UNDERSTOOD
        elif value is None:
            why = UNMAPPED if raw is not None else ""
        else:
            why = FIRST_SEEN if observed_at.failure else ""
        return SignalReading(value, observed_at.at, as_of.at, why)

    def _moment(self, query: TimeQuery | None, document: Any, values: Values) -> Moment:
        return query.of(document, self._times, values) if query else Moment()


def _possible(readings: dict[str, SignalReading]) -> dict[str, SignalReading]:
    """The readings; an impossible position has no value."""
    position = {name: readings[name].value for name in LIMITS if name in readings and readings[name].value is not None}
    changed = {
        name: (value, "" if value is not None else IMPOSSIBLE) for name, value in without_impossible(position).items()
    }
    return readings | {
        name: msgspec.structs.replace(readings[name], value=value, why=why or readings[name].why)
        for name, (value, why) in changed.items()
    }


def _signal(name: str, field: Field, state: State) -> _Signal:
    return _Signal(
        field,
        _named(field.value or state.value, name),
        _named_time(field.observed_at or state.observed_at, name),
        _named_time(field.as_of or state.as_of, name),
        _named(field.flagged or state.flagged, name),
    )


def _named(query: NamedQuery | None, name: str) -> Query | None:
    return query.named(name) if query else None


def _named_time(query: NamedTimeQuery | None, name: str) -> TimeQuery | None:
    return query.named(name) if query else None


def _found(query: Query | None, document: Any, values: Values) -> Any:
    return query.of(document, values) if query else None
