"""Reads the outcome of a command from a response, by [result] and [errors]. Pure."""

from typing import Any

from keyturn.connectors.oem_http.answers.answer import Answer
from keyturn.connectors.oem_http.answers.conversion import LIMITS, as_text, convert_value, without_impossible
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.queries import Query
from keyturn.connectors.oem_http.definition.sections import READS, ErrorMeaning, Field, Result
from keyturn.connectors.responses import NO_ANSWER, OemResponse, OutcomeKind

LOCATION = "location"


class Outcomes:
    """Reads the outcomes of one command. What it returns has no `exchange` and no `operation` yet."""

    def __init__(self, definition: Definition, name: str | None = None) -> None:
        command = definition.commands[name] if name else None
        self._result = (command and command.result) or definition.result
        self._errors = definition.errors
        self._times = definition.times
        self._data = _queries(self._result, command.data if command else {})
        self._is_read = name in READS
        declared = {point for point, _, _ in self._data}
        self._needed = declared & LIMITS.keys() if name == LOCATION else frozenset()

    def result(self, answer: Answer) -> OemResponse | None:
        """The outcome in mode sync; where [result] has no state word or status, no error code means success."""
        if self._result.state or self._result.succeeded_by_status:
            return self.final(answer)
        usable = answer.empty or answer.document is not None
        return self.success(answer) if usable and not self.error_code(answer) else None

    def final(self, answer: Answer, state: Query | None = None) -> OemResponse | None:
        """The outcome by the state word that `state`, else [result], finds; without a word, by the HTTP status.

        None where the operation is not final, which includes an unknown word.
        """
        found = as_text(answer.at(state or self._result.state))
        if found in self._result.succeeded:
            return self.success(answer)
        if found in self._result.cancelled:
            return self.failure(answer, cancelled=True)
        if found in self._result.failed:
            return self.failure(answer)
        return None if found or state else self.by_status(answer)

    @property
    def is_decided_by_status(self) -> bool:
        """Whether a 2xx without a state word is final or "ask again" by its HTTP status."""
        return bool(self._result.succeeded_by_status)

    def by_status(self, answer: Answer) -> OemResponse | None:
        """The outcome where the HTTP status alone decides."""
        if answer.status in self._result.failed_by_status:
            return self.failure(answer)
        if answer.status in self._result.succeeded_by_status:
            return self.listed_refusal(answer) if self.error_code(answer) else self.success(answer)
        return None

    def success(self, answer: Answer, *, already_done: bool = False) -> OemResponse:
        """Succeeded; a `location` or `diagnostics` without any of its data is a failure."""
        data = self._data_in(answer)
        if self._is_read and self._data and not (data and data.keys() >= self._needed):
            return OemResponse(OutcomeKind.FAILED, detail=NO_ANSWER)
        return OemResponse(
            OutcomeKind.SUCCEEDED,
            completed_at=self._completed_at(answer),
            data=data,
            already_done=already_done or answer.at(self._result.already_done) is True,
        )

    def failure(self, answer: Answer, *, cancelled: bool = False) -> OemResponse:
        """Not done, for certain; the reason is in [errors], where the code is listed."""
        meaning = self._meaning(answer)
        return self.listed_refusal(answer) or OemResponse(
            OutcomeKind.FAILED,
            completed_at=self._completed_at(answer),
            detail=meaning.text if meaning else None,
            cancelled=cancelled or (meaning is not None and meaning.cancelled),
        )

    def listed_refusal(self, answer: Answer) -> OemResponse | None:
        """REFUSED or already done, where [errors] lists the code so."""
        meaning = self._meaning(answer)
        if meaning and meaning.already_done:
            return OemResponse(OutcomeKind.SUCCEEDED, already_done=True)
        refused = meaning and meaning.preconditions
        return OemResponse(OutcomeKind.REFUSED, preconditions=refused) if refused else None

    def error_code(self, answer: Answer) -> str:
        return as_text(answer.at(self._result.error_code))

    def _meaning(self, answer: Answer) -> ErrorMeaning | None:
        return self._errors.get(self.error_code(answer))

    def _completed_at(self, answer: Answer) -> int | None:
        where = self._result.completed_at
        return where.of(answer.document, self._times, answer.values).at if where else None

    def _data_in(self, answer: Answer) -> dict[str, Any]:
        found = {point: convert_value(field, answer.at(query)) for point, field, query in self._data}
        return {point: value for point, value in without_impossible(found).items() if value is not None}


def _queries(result: Result, data: dict[str, Field]) -> tuple[tuple[str, Field, Query], ...]:
    """Name, field and expression of each data point that the command's success carries."""
    named = ((point, field, field.value or result.data) for point, field in data.items())
    return tuple((point, field, query.named(point)) for point, field, query in named if query)
