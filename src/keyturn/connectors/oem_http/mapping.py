"""What an answer of the OEM means for a command, by the definition's tables. Pure."""

from http import HTTPStatus
from typing import Any

import msgspec

from keyturn.connectors.oem_http.definition import Definition
from keyturn.connectors.oem_http.outcomes import Outcomes, decoded
from keyturn.connectors.oem_http.readings import word
from keyturn.connectors.oem_http.requests import Requests
from keyturn.connectors.oem_http.sections import AnswerRule
from keyturn.connectors.oem_http.wire import Transfer
from keyturn.connectors.port import OemAnswer, Operation, Verdict

LONGEST_ID = 256

NOTHING = OemAnswer(Verdict.NOTHING_FOUND)
UNCLEAR = OemAnswer(Verdict.UNCLEAR)


class AnswerMapping:
    """The tables of one definition, ready to judge answers; what it returns has no exchange yet."""

    def __init__(self, definition: Definition, requests: Requests) -> None:
        self._definition = definition
        self._requests = requests
        self._general = Outcomes(definition)
        self._outcomes = {name: Outcomes(definition, command) for name, command in definition.commands.items()}

    def sent(self, name: str, transfer: Transfer) -> OemAnswer:
        """The answer to a command."""
        if transfer.status is None:
            return UNCLEAR if transfer.began else OemAnswer(Verdict.NOT_TAKEN, temporary=transfer.temporary)
        document, outcomes = decoded(transfer.body), self._outcomes[name]
        rule = self._rule(transfer.status, outcomes.error_code(document))
        if rule:
            return _ruled(rule, outcomes, document)
        if transfer.status == HTTPStatus.UNAUTHORIZED:
            return OemAnswer(Verdict.NOT_TAKEN)
        if _is_success(transfer.status):
            return self._taken(name, document, empty=not transfer.body)
        return outcomes.listed_refusal(document) or UNCLEAR

    def asked(self, name: str, transfer: Transfer, operation: Operation) -> OemAnswer:
        """The answer to a question about an operation."""
        document = _said(transfer)
        if document is None:
            return NOTHING
        final = self._outcomes.get(name, self._general).final(document)
        return final or OemAnswer(Verdict.IN_PROGRESS, operation=operation)

    def found(self, name: str, transfer: Transfer, command_id: str) -> OemAnswer:
        """The answer to a look-up by our id."""
        look_up, document = self._definition.look_up, _said(transfer)
        if look_up is None or document is None:
            return NOTHING
        if look_up.reference and word(look_up.reference.of(document)) != command_id:
            return NOTHING
        record = look_up.answer.of(document)
        operation = self._operation(record)
        final = self._outcomes.get(name, self._general).final(record)
        if final:
            return msgspec.structs.replace(final, operation=operation)
        return OemAnswer(Verdict.IN_PROGRESS, operation=operation) if operation else NOTHING

    def cancelled(self, transfer: Transfer) -> OemAnswer:
        """The answer to a cancel; NOTHING_FOUND where it does not say what became of the operation."""
        cancel = self._definition.cancel
        if cancel is None or transfer.status is None:
            return NOTHING
        if transfer.status in cancel.cancelled_by_status:
            return OemAnswer(Verdict.FAILED, cancelled=True)
        record = cancel.answer.of(_said(transfer)) if cancel.answer else None
        return self._general.final(record) or NOTHING

    def _rule(self, status: int, code: str) -> AnswerRule | None:
        """The first of [[answers]] that fits; a redirect may always have happened, whatever it says."""
        if 300 <= status < 400:
            return None
        return next((rule for rule in self._definition.answers if _fits(rule, status, code)), None)

    def _taken(self, name: str, document: Any, *, empty: bool) -> OemAnswer:
        """A 2xx that no rule names."""
        outcomes = self._outcomes[name]
        sync = (self._definition.commands[name].mode or self._definition.mode) == "sync"
        outcome = outcomes.result(document, empty=empty) if sync else self._acceptance(outcomes, document)
        return outcome or outcomes.listed_refusal(document) or OemAnswer(Verdict.NO_OPERATION)

    def _acceptance(self, outcomes: Outcomes, document: Any) -> OemAnswer | None:
        """Mode operation: the answer says how to ask further, and may say the outcome."""
        state, operation = self._definition.accepted.state, self._operation(document)
        accepted = OemAnswer(Verdict.IN_PROGRESS, operation=operation) if operation else None
        return (outcomes.final(document, state) if state else None) or accepted

    def _operation(self, document: Any) -> Operation | None:
        """The operation that the document names, where it can be asked about."""
        accepted = self._definition.accepted
        url = self._requests.usable_url(accepted.url.of(document)) if accepted.url else None
        named = word(accepted.id.of(document)) if accepted.id else ""
        id_ = named if 0 < len(named) <= LONGEST_ID and named.isprintable() and named not in (".", "..") else None
        askable = url or (id_ and self._definition.status.path)
        return Operation(id_, str(url) if url else None) if askable else None


def _fits(rule: AnswerRule, status: int, code: str) -> bool:
    return (not rule.status or status in rule.status) and (not rule.code or code in rule.code)


def _ruled(rule: AnswerRule, outcomes: Outcomes, document: Any) -> OemAnswer:
    if rule.means == "not_taken":
        return OemAnswer(Verdict.NOT_TAKEN, temporary=rule.temporary)
    if rule.means == "already_done":
        return outcomes.success(document, already_done=True)
    return outcomes.failure(document)


def _is_success(status: int | None) -> bool:
    return status is not None and 200 <= status < 300


def _said(transfer: Transfer) -> Any:
    """The document of a 2xx, else None."""
    return decoded(transfer.body) if _is_success(transfer.status) else None
