"""What an answer of the OEM means for a command, by the definition's tables. Pure."""

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
    """The tables of one definition, ready to judge answers; what it returns has no exchange yet.

    `values` are what placeholders in expressions stand for.
    """

    def __init__(self, definition: Definition, requests: Requests) -> None:
        self._definition = definition
        self._requests = requests
        self._general = Outcomes(definition)
        self._outcomes = {name: Outcomes(definition, name) for name in definition.commands}

    def sent(self, name: str, transfer: Transfer, values: Values = NO_VALUES) -> OemResponse:
        """The answer to a command."""
        if transfer.status is None:
            return UNCLEAR if transfer.began else OemResponse(OutcomeKind.NOT_TAKEN, temporary=transfer.temporary)
        said, outcomes = _said(transfer, values), self._outcomes[name]
        rule = self._rule(transfer.status, outcomes.error_code(said))
        if rule:
            return _ruled(rule, outcomes, said)
        if self.token_is(transfer, values, name, listed=True) is TokenStatus.REFUSED:
            return OemResponse(OutcomeKind.NOT_TAKEN)
        if said.is_success:
            return self._taken(name, said)
        return outcomes.listed_refusal(said) or UNCLEAR

    def token_is(
        self, transfer: Transfer, values: Values = NO_VALUES, name: str | None = None, *, listed: bool = False
    ) -> TokenStatus:
        """What an answer about the command `name`, or about none, says of the token.

        `listed`: it answers the command itself, so that an entry of [[answers]] that fits decides, except where
        `refused_by` names the code and it does not.
        """
        refused_by = self._definition.auth.refused_by
        if transfer.status is None or 300 <= transfer.status < 400 or (transfer.status < 300 and not refused_by):
            return TokenStatus.GOOD
        code = self._outcomes.get(name or "", self._general).error_code(_said(transfer, values))
        rule = self._rule(transfer.status, code) if listed else None
        refusal = next((each for each in refused_by if _fits(each, transfer.status, code)), None)
        if refusal and (rule is None or bool(refusal.code) >= bool(rule.code)):
            return TokenStatus.REFUSED
        if transfer.status != UNAUTHORIZED:
            return TokenStatus.GOOD
        if rule is None:
            return TokenStatus.REFUSED
        return TokenStatus.GOOD if rule.code else TokenStatus.DOUBTFUL

    def asked(self, name: str, transfer: Transfer, operation: Operation, values: Values = NO_VALUES) -> OemResponse:
        """The answer to a question about an operation."""
        said, outcomes = _said(transfer, values), self._outcomes.get(name, self._general)
        if not said.is_success:
            return outcomes.by_status(said) or NOTHING
        final = outcomes.final(said)
        if final is None and said.document is None and not outcomes.tells_by_status:
            return NOTHING
        return final or OemResponse(OutcomeKind.IN_PROGRESS, operation=operation)

    def found(self, name: str, transfer: Transfer, command_id: str, values: Values = NO_VALUES) -> OemResponse:
        """The answer to a look-up by our id."""
        look_up, said = self._definition.look_up, _said(transfer, values)
        if look_up is None or not said.is_success or said.document is None:
            return NOTHING
        if look_up.reference and as_text(said.at(look_up.reference)) != command_id:
            return NOTHING
        record = said.part(look_up.answer)
        operation, _ = self._operation(msgspec.structs.replace(record, headers={}))
        record = msgspec.structs.replace(record, status=None).with_values(operation_values(operation))
        final = self._outcomes.get(name, self._general).final(record)
        if final:
            return msgspec.structs.replace(final, operation=operation)
        return OemResponse(OutcomeKind.IN_PROGRESS, operation=operation) if operation else NOTHING

    def cancelled(self, transfer: Transfer, values: Values = NO_VALUES) -> OemResponse:
        """The answer to a cancel; NOTHING_FOUND where it does not say what became of the operation."""
        cancel, said = self._definition.cancel, _said(transfer, values)
        if cancel is None or said.status is None:
            return NOTHING
        if said.status in cancel.cancelled_by_status:
            return OemResponse(OutcomeKind.FAILED, cancelled=True)
        if cancel.answer is None or not said.is_success:
            return NOTHING
        record = msgspec.structs.replace(said.part(cancel.answer), status=None)
        return self._general.final(record) or NOTHING

    def unused(self, transfer: Transfer, values: Values = NO_VALUES) -> str:
        """Why the URL that the answer to a command gives cannot be used; empty where it can, or where it gives none."""
        return self._operation(_said(transfer, values))[1]

    def _rule(self, status: int, code: str) -> AnswerRule | None:
        """The first of [[answers]] that fits; a redirect may always have happened, whatever it says."""
        if 300 <= status < 400:
            return None
        return next((rule for rule in self._definition.answers if _fits(rule, status, code)), None)

    def _taken(self, name: str, said: Answer) -> OemResponse:
        """A 2xx that no rule names."""
        outcomes = self._outcomes[name]
        sync = self._definition.mode_of(name) == "sync"
        outcome = outcomes.result(said) if sync else self._acceptance(outcomes, said)
        return outcome or outcomes.listed_refusal(said) or OemResponse(OutcomeKind.NO_OPERATION)

    def _acceptance(self, outcomes: Outcomes, said: Answer) -> OemResponse | None:
        """Mode operation: the answer says how to ask further, and may say the outcome."""
        state, (operation, _) = self._definition.accepted.state, self._operation(said)
        accepted = OemResponse(OutcomeKind.IN_PROGRESS, operation=operation) if operation else None
        named = said.with_values(operation_values(operation))
        return (outcomes.final(named, state) if state else None) or accepted

    def _operation(self, said: Answer) -> tuple[Operation | None, str]:
        """The operation that the answer names, where it can be asked about; and why its URL is not used."""
        accepted, url, fault = self._definition.accepted, None, ""
        raw = said.at(accepted.url) or said.header(accepted.url_header)
        if raw is not None:
            try:
                url = str(self._requests.resolved(raw, said.url))
            except UrlError as error:
                fault = f"its status URL was not used: {error}"
        named = as_text(said.at(accepted.id)) or said.header(accepted.id_header) or ""
        id_ = named if 0 < len(named) <= LONGEST_ID and named.isprintable() and named not in (".", "..") else None
        askable = url or (id_ and self._definition.status.path)
        return (Operation(id_, url) if askable else None), fault


def _fits(rule: AnswerRule | TokenRefusal, status: int, code: str) -> bool:
    return (not rule.status or status in rule.status) and (not rule.code or code in rule.code)


def _ruled(rule: AnswerRule, outcomes: Outcomes, said: Answer) -> OemResponse:
    if rule.means == "not_taken":
        return OemResponse(OutcomeKind.NOT_TAKEN, temporary=rule.temporary)
    if rule.means == "already_done":
        return outcomes.success(said, already_done=True)
    return outcomes.failure(said)


def _said(transfer: Transfer, values: Values) -> Answer:
    return Answer(
        decode_json(transfer.body), values, transfer.status, transfer.headers, transfer.url, empty=not transfer.body
    )
