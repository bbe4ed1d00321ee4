"""How an answer says what became of a command, by the tables [result] and [errors]. Pure."""

from typing import Any

from keyturn.connectors.oem_http.answers.answer import Answer
from keyturn.connectors.oem_http.answers.conversion import LIMITS, as_text, convert_value, without_impossible
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.queries import Query
from keyturn.connectors.oem_http.definition.sections import READS, ErrorMeaning, Field, Result
from keyturn.connectors.responses import NO_ANSWER, OemResponse, OutcomeKind

LOCATION = "location"


class Outcomes:
    """Reads the outcomes of one command; what it returns has no exchange and no operation yet."""

    def __init__(self, definition: Definition, name: str | None = None) -> None:
        command = definition.commands[name] if name else None
        self._result = (command and command.result) or definition.result
        self._errors = definition.errors
        self._times = definition.times
        self._data = _queries(self._result, command.data if command else {})
        self._is_read = name in READS
        declared = {point for point, _, _ in self._data}
        self._needed = declared & LIMITS.keys() if name == LOCATION else frozenset()

    def result(self, said: Answer) -> OemResponse | None:
        """The outcome in an answer that is the result; without a word or status for it, what is no error is success."""
        if self._result.state or self._result.succeeded_by_status:
            return self.final(said)
        usable = said.empty or said.document is not None
        return self.success(said) if usable and not self.error_code(said) else None

    def final(self, said: Answer, state: Query | None = None) -> OemResponse | None:
        """The outcome by the word that `state`, else the result's own, finds; without a word, by the HTTP status.

        An unknown word is not final.
        """
        found = as_text(said.at(state or self._result.state))
        if found in self._result.succeeded:
            return self.success(said)
        if found in self._result.cancelled:
            return self.failure(said, cancelled=True)
        if found in self._result.failed:
            return self.failure(said)
        return None if found or state else self.by_status(said)

    @property
    def tells_by_status(self) -> bool:
        """Whether an answer without a word may say something: another 2xx is "ask again" then."""
        return bool(self._result.succeeded_by_status)

    def by_status(self, said: Answer) -> OemResponse | None:
        """The outcome where the HTTP status alone tells it."""
        if said.status in self._result.failed_by_status:
            return self.failure(said)
        if said.status in self._result.succeeded_by_status:
            return self.listed_refusal(said) if self.error_code(said) else self.success(said)
        return None

    def success(self, said: Answer, *, already_done: bool = False) -> OemResponse:
        """A read that brings nothing of what it is asked for had no answer."""
        data = self._data_in(said)
        if self._is_read and self._data and not (data and data.keys() >= self._needed):
            return OemResponse(OutcomeKind.FAILED, detail=NO_ANSWER)
        return OemResponse(
            OutcomeKind.SUCCEEDED,
            completed_at=self._completed_at(said),
            data=data,
            already_done=already_done or said.at(self._result.already_done) is True,
        )

    def failure(self, said: Answer, *, cancelled: bool = False) -> OemResponse:
        """Not done, for certain; the error code says why, where it is listed."""
        meaning = self._meaning(said)
        return self.listed_refusal(said) or OemResponse(
            OutcomeKind.FAILED,
            completed_at=self._completed_at(said),
            detail=meaning.text if meaning else None,
            cancelled=cancelled or (meaning is not None and meaning.cancelled),
        )

    def listed_refusal(self, said: Answer) -> OemResponse | None:
        """The outcome where the error code is one of a precondition, or of what was so already."""
        meaning = self._meaning(said)
        if meaning and meaning.already_done:
            return OemResponse(OutcomeKind.SUCCEEDED, already_done=True)
        refused = meaning and meaning.preconditions
        return OemResponse(OutcomeKind.REFUSED, preconditions=refused) if refused else None

    def error_code(self, said: Answer) -> str:
        return as_text(said.at(self._result.error_code))

    def _meaning(self, said: Answer) -> ErrorMeaning | None:
        return self._errors.get(self.error_code(said))

    def _completed_at(self, said: Answer) -> int | None:
        where = self._result.completed_at
        return where.of(said.document, self._times, said.values).at if where else None

    def _data_in(self, said: Answer) -> dict[str, Any]:
        found = {point: convert_value(field, said.at(query)) for point, field, query in self._data}
        return {point: value for point, value in without_impossible(found).items() if value is not None}


def _queries(result: Result, data: dict[str, Field]) -> tuple[tuple[str, Field, Query], ...]:
    """Name, field and expression of each data point that the command's success carries."""
    named = ((point, field, field.value or result.data) for point, field in data.items())
    return tuple((point, field, query.named(point)) for point, field, query in named if query)
