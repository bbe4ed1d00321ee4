"""How the document of an answer says what became of a command, by the tables [result] and [errors]. Pure."""

from typing import Any

import msgspec

from keyturn.connectors.oem_http.definition import Definition
from keyturn.connectors.oem_http.notation import Query
from keyturn.connectors.oem_http.readings import instant, scalar, word
from keyturn.connectors.oem_http.sections import Command, ErrorMeaning, Field, Result
from keyturn.connectors.port import OemAnswer, Verdict


class Outcomes:
    """Reads the outcomes of one command; what it returns has no exchange and no operation yet."""

    def __init__(self, definition: Definition, command: Command | None = None) -> None:
        self._result = (command and command.result) or definition.result
        self._errors = definition.errors
        self._times = definition.times
        self._data = _queries(self._result, command.data if command else {})

    def result(self, document: Any, *, empty: bool) -> OemAnswer | None:
        """The outcome in an answer that is the result; without a state word, whatever is no error is success."""
        if self._result.state:
            return self.final(document, self._result.state)
        usable = empty or document is not None
        return self.success(document) if usable and not self.error_code(document) else None

    def final(self, document: Any, state: Query | None = None) -> OemAnswer | None:
        """The outcome where `state`, else the result's own, finds a final word. An unknown word is not final."""
        query = state or self._result.state
        said = word(query.of(document)) if query else ""
        if said in self._result.succeeded:
            return self.success(document)
        if said in self._result.cancelled:
            return self.failure(document, cancelled=True)
        return self.failure(document) if said in self._result.failed else None

    def success(self, document: Any, *, already_done: bool = False) -> OemAnswer:
        said = self._result.already_done.of(document) if self._result.already_done else None
        return OemAnswer(
            Verdict.SUCCEEDED,
            completed_at=self._completed_at(document),
            data=self._data_in(document),
            already_done=already_done or said is True,
        )

    def failure(self, document: Any, *, cancelled: bool = False) -> OemAnswer:
        """Not done, for certain; the error code says why, where it is listed."""
        meaning = self._meaning(document)
        return self.listed_refusal(document) or OemAnswer(
            Verdict.FAILED,
            completed_at=self._completed_at(document),
            detail=meaning.text if meaning else None,
            cancelled=cancelled or (meaning is not None and meaning.cancelled),
        )

    def listed_refusal(self, document: Any) -> OemAnswer | None:
        """The outcome where the error code is one of a precondition, or of what was so already."""
        meaning = self._meaning(document)
        if meaning and meaning.already_done:
            return OemAnswer(Verdict.SUCCEEDED, already_done=True)
        refused = meaning and meaning.preconditions
        return OemAnswer(Verdict.REFUSED, preconditions=refused) if refused else None

    def error_code(self, document: Any) -> str:
        return word(self._result.error_code.of(document)) if self._result.error_code else ""

    def _meaning(self, document: Any) -> ErrorMeaning | None:
        return self._errors.get(self.error_code(document))

    def _completed_at(self, document: Any) -> int | None:
        return instant(self._result.completed_at.of(document), self._times) if self._result.completed_at else None

    def _data_in(self, document: Any) -> dict[str, Any]:
        found = {point: scalar(field, query.of(document)) for point, field, query in self._data}
        return {point: value for point, value in found.items() if value is not None}


def decoded(body: bytes) -> Any:
    """The JSON of an answer; None when it is not JSON."""
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _queries(result: Result, data: dict[str, Field]) -> tuple[tuple[str, Field, Query], ...]:
    """Name, field and expression of each data point that the command's success carries."""
    pairs = ((point, field, field.value or (result.data and result.data.named(point))) for point, field in data.items())
    return tuple((point, field, query) for point, field, query in pairs if query)
