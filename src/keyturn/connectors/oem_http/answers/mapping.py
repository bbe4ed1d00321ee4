"""Maps responses of the OEM to an `OemResponse`, by the definition's tables. Pure."""

import msgspec

from keyturn.connectors.oem_http.answers.answer import Answer, decode_json
from keyturn.connectors.oem_http.answers.conversion import as_text
from keyturn.connectors.oem_http.answers.outcomes import Outcomes
from keyturn.connectors.oem_http.definition.auth import UNAUTHORIZED, TokenRefusal, TokenStatus
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.queries import NO_VALUES, Values
from keyturn.connectors.oem_http.definition.sections import AnswerRule
from keyturn.connectors.oem_http.definition.values import operation_values
from keyturn.connectors.oem_http.http.client import Transfer
from keyturn.connectors.oem_http.http.requests import Requests, UrlError
from keyturn.connectors.responses import OemResponse, Operation, OutcomeKind

LONGEST_ID = 256

NOTHING = OemResponse(OutcomeKind.NOTHING_FOUND)
UNCLEAR = OemResponse(OutcomeKind.UNCLEAR)


class AnswerMapping:
    """The tables of one definition. What it returns has no `exchange` yet.

    `values` are those of the placeholders in expressions.
    """

    def __init__(self, definition: Definition, requests: Requests) -> None:
        self._definition = definition
        self._requests = requests
        self._general = Outcomes(definition)
        self._outcomes = {name: Outcomes(definition, name) for name in definition.commands}

    def command_response(self, name: str, transfer: Transfer, values: Values = NO_VALUES) -> OemResponse:
        """Response to a command."""
        if transfer.status is None:
            return UNCLEAR if transfer.began else OemResponse(OutcomeKind.NOT_TAKEN, temporary=transfer.temporary)
        answer, outcomes = _answer_of(transfer, values), self._outcomes[name]
        rule = self._rule(transfer.status, outcomes.error_code(answer))
        if rule:
            return _by_rule(rule, outcomes, answer)
        if self.token_status(transfer, values, name, listed=True) is TokenStatus.REFUSED:
            return OemResponse(OutcomeKind.NOT_TAKEN)
        if answer.is_success:
            return self._accepted_or_outcome(name, answer)
        return outcomes.listed_refusal(answer) or UNCLEAR

    def token_status(
        self, transfer: Transfer, values: Values = NO_VALUES, name: str | None = None, *, listed: bool = False
    ) -> TokenStatus:
        """What a response about the command `name`, or about none, means for the token.

        `listed`: it is the response to the command itself, so that a matching entry of [[answers]] decides, except
        where `refused_by` names the code and that entry does not.
        """
        refused_by = self._definition.auth.refused_by
        if transfer.status is None or 300 <= transfer.status < 400 or (transfer.status < 300 and not refused_by):
            return TokenStatus.GOOD
        code = self._outcomes.get(name or "", self._general).error_code(_answer_of(transfer, values))
        rule = self._rule(transfer.status, code) if listed else None
        refusal = next((each for each in refused_by if _matches(each, transfer.status, code)), None)
        if refusal and (rule is None or bool(refusal.code) >= bool(rule.code)):
            return TokenStatus.REFUSED
        if transfer.status != UNAUTHORIZED:
            return TokenStatus.GOOD
        if rule is None:
            return TokenStatus.REFUSED
        return TokenStatus.GOOD if rule.code else TokenStatus.DOUBTFUL

    def status_response(
        self, name: str, transfer: Transfer, operation: Operation, values: Values = NO_VALUES
    ) -> OemResponse:
        """Response to a status query."""
        answer, outcomes = _answer_of(transfer, values), self._outcomes.get(name, self._general)
        if not answer.is_success:
            return outcomes.by_status(answer) or NOTHING
        final = outcomes.final(answer)
        if final is None and answer.document is None and not outcomes.is_decided_by_status:
            return NOTHING
        return final or OemResponse(OutcomeKind.IN_PROGRESS, operation=operation)

    def lookup_response(
        self, name: str, transfer: Transfer, command_id: str, values: Values = NO_VALUES
    ) -> OemResponse:
        """Response to a look-up by our id."""
        look_up, answer = self._definition.look_up, _answer_of(transfer, values)
        if look_up is None or not answer.is_success or answer.document is None:
            return NOTHING
        if look_up.reference and as_text(answer.at(look_up.reference)) != command_id:
            return NOTHING
        record = answer.part(look_up.answer)
        operation, _ = self._operation(msgspec.structs.replace(record, headers={}))
        record = msgspec.structs.replace(record, status=None).with_values(operation_values(operation))
        final = self._outcomes.get(name, self._general).final(record)
        if final:
            return msgspec.structs.replace(final, operation=operation)
        return OemResponse(OutcomeKind.IN_PROGRESS, operation=operation) if operation else NOTHING

    def cancel_response(self, transfer: Transfer, values: Values = NO_VALUES) -> OemResponse:
        """Response to a cancel; NOTHING_FOUND where it does not say whether the operation is cancelled."""
        cancel, answer = self._definition.cancel, _answer_of(transfer, values)
        if cancel is None or answer.status is None:
            return NOTHING
        if answer.status in cancel.cancelled_by_status:
            return OemResponse(OutcomeKind.FAILED, cancelled=True)
        if cancel.answer is None or not answer.is_success:
            return NOTHING
        record = msgspec.structs.replace(answer.part(cancel.answer), status=None)
        return self._general.final(record) or NOTHING

    def unused_url_reason(self, transfer: Transfer, values: Values = NO_VALUES) -> str:
        """Why the URL in the response to a command cannot be used; empty where it can, or where there is none."""
        return self._operation(_answer_of(transfer, values))[1]

    def _rule(self, status: int, code: str) -> AnswerRule | None:
        """The first of [[answers]] that matches; never for a redirect, which may always have happened."""
        if 300 <= status < 400:
            return None
        return next((rule for rule in self._definition.answers if _matches(rule, status, code)), None)

    def _accepted_or_outcome(self, name: str, answer: Answer) -> OemResponse:
        """A 2xx that no entry of [[answers]] lists."""
        outcomes = self._outcomes[name]
        sync = self._definition.mode_of(name) == "sync"
        outcome = outcomes.result(answer) if sync else self._acceptance(outcomes, answer)
        return outcome or outcomes.listed_refusal(answer) or OemResponse(OutcomeKind.NO_OPERATION)

    def _acceptance(self, outcomes: Outcomes, answer: Answer) -> OemResponse | None:
        """Mode operation: the response names the operation, and may have the outcome."""
        state, (operation, _) = self._definition.accepted.state, self._operation(answer)
        accepted = OemResponse(OutcomeKind.IN_PROGRESS, operation=operation) if operation else None
        named = answer.with_values(operation_values(operation))
        return (outcomes.final(named, state) if state else None) or accepted

    def _operation(self, answer: Answer) -> tuple[Operation | None, str]:
        """The operation that the response names, where its status can be queried; and why its URL is not used."""
        accepted, url, problem = self._definition.accepted, None, ""
        raw = answer.at(accepted.url) or answer.header(accepted.url_header)
        if raw is not None:
            try:
                url = str(self._requests.resolved(raw, answer.url))
            except UrlError as error:
                problem = f"its status URL was not used: {error}"
        named = as_text(answer.at(accepted.id)) or answer.header(accepted.id_header) or ""
        id_ = named if 0 < len(named) <= LONGEST_ID and named.isprintable() and named not in (".", "..") else None
        queryable = url or (id_ and self._definition.status.path)
        return (Operation(id_, url) if queryable else None), problem


def _matches(rule: AnswerRule | TokenRefusal, status: int, code: str) -> bool:
    return (not rule.status or status in rule.status) and (not rule.code or code in rule.code)


def _by_rule(rule: AnswerRule, outcomes: Outcomes, answer: Answer) -> OemResponse:
    if rule.means == "not_taken":
        return OemResponse(OutcomeKind.NOT_TAKEN, temporary=rule.temporary)
    if rule.means == "already_done":
        return outcomes.success(answer, already_done=True)
    return outcomes.failure(answer)


def _answer_of(transfer: Transfer, values: Values) -> Answer:
    return Answer(
        decode_json(transfer.body), values, transfer.status, transfer.headers, transfer.url, empty=not transfer.body
    )
