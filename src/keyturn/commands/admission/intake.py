"""Admission of a signed request: checks 8 to 11b (docs/api.md), then the record, its position in the lane, its answer.

One call of `Admission.submit` is one unit of work. It returns the POST's answer; whatever it wrote on the way (a
counted try, a refused attempt's audit entry) stays.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from keyturn.audit import journal
from keyturn.commands.admission import confirmation, idempotency, nonces, refused_attempts
from keyturn.commands.admission.confirmation import Binding, CodeAttempt, ConfirmationCodes
from keyturn.commands.admission.registration import CommandFactory
from keyturn.commands.admission.requests import (
    CommandRequest,
    PostAnswer,
    coalesced_status,
    confirmation_answer,
    post_answer,
)
from keyturn.commands.model import lanes, lifecycle, record
from keyturn.commands.model.catalogue import COMMANDS, DISABLE
from keyturn.commands.model.messages import coalesced_with
from keyturn.commands.model.record import Command
from keyturn.commands.model.states import State
from keyturn.commands.preconditions.context import Subject
from keyturn.commands.preconditions.evaluation import CheckResult, assess
from keyturn.commands.preconditions.table import REACHABLE
from keyturn.commands.rules import policy
from keyturn.commands.rules.policy import PolicyInput, Stage
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Capabilities
from keyturn.errors import (
    BlockedByPolicy,
    CommandNotFound,
    ConfirmationAlreadyUsed,
    ConfirmationInvalid,
    Refusal,
    SignatureInvalid,
    TooManyRequests,
    VinNotFound,
)
from keyturn.fleet import vehicles
from keyturn.store.port import Tx
from keyturn.tenants import limits, policies
from keyturn.tenants.policies import Policy


class AdmissionResult(msgspec.Struct, frozen=True):
    """The result of a request. Exactly one of `answer`, `waiting` and `refusal` is set."""

    answer: PostAnswer | None = None
    waiting: Command | None = None
    """Registered; the POST is held for the OEM's first response."""
    refusal: Refusal | None = None
    confirming_vehicle: str | None = None
    """A code was issued: the vehicle's state is worth reading now."""


class AuthorizedRequest(msgspec.Struct, frozen=True):
    """A request that passed checks 8 and 9, with the vehicle and the command that it names."""

    request: CommandRequest
    subject: Subject

    @property
    def binding(self) -> Binding:
        return Binding(
            self.request.company_id, self.request.application_id, self.subject.vehicle.id, self.subject.spec.name
        )

    @property
    def redeems(self) -> bool:
        """Whether it is step two of a two-step command: it offers a code."""
        return self.subject.spec.two_step and self.request.code is not None


class Admission:
    """Admits requests. `capabilities` are those of each connector, by its name; `key_lifetime` is in seconds."""

    def __init__(
        self,
        codes: ConfirmationCodes,
        factory: CommandFactory,
        capabilities: Mapping[str, Capabilities],
        evidence_rules: EvidenceSettings,
        key_lifetime: float,
    ) -> None:
        self._codes = codes
        self._factory = factory
        self._capabilities = capabilities
        self._evidence_rules = evidence_rules
        self._key_lifetime = key_lifetime

    def submit(self, tx: Tx, request: CommandRequest) -> AdmissionResult:
        """Answer a signed request; every refused ignition attempt leaves an audit entry."""
        try:
            _check_signature_version(tx, request)  # 6b
            return self._replay(tx, request) or self._admit(tx, request)
        except Refusal as refusal:
            refused_attempts.record_refusal(tx, request, refusal)
            return AdmissionResult(refusal=refusal)

    def _admit(self, tx: Tx, request: CommandRequest) -> AdmissionResult:
        authorized = self._authorize(tx, request)  # 8, 9
        if not authorized.redeems and (running := _running(tx, authorized)) is not None:
            return self._coalesce(tx, authorized, running)
        facts = self._check_policy(tx, authorized)  # 10
        if not authorized.subject.spec.two_step:
            return self._registered(tx, authorized, self._factory.register(tx, request, authorized.subject, facts))
        if not authorized.redeems:
            return self._confirm(tx, authorized)  # 10b
        return self._redeem(tx, authorized, facts.policy)  # 11, 11b

    def _authorize(self, tx: Tx, request: CommandRequest) -> AuthorizedRequest:
        """Checks 8 and 9; then the vehicle's lane is locked until the transaction ends."""
        vehicle = vehicles.find(tx, request.company_id, request.vin)
        if vehicle is None:
            raise VinNotFound
        capabilities = self._capabilities.get(vehicle.connector)
        if refusal := policy.check_permission(tx, vehicle, request.command, request.grants, capabilities):
            raise refusal
        if capabilities is None:
            raise CommandNotFound
        subject = Subject(vehicle, COMMANDS[request.command], capabilities, lanes.lock_and_load(tx, vehicle.id))
        return AuthorizedRequest(request, subject)

    def _check_policy(self, tx: Tx, authorized: AuthorizedRequest) -> PolicyInput:
        """Check 10. Step two may leave out the reason that step one gave."""
        request, subject, reason = authorized.request, authorized.subject, authorized.request.reason
        if authorized.redeems and reason is None and (code := self._codes.open_for(tx, authorized.binding)) is not None:
            confirming = record.load(tx, code.command_id)
            reason = confirming.reason if confirming else None
        facts = policy.load_policy_input(tx, subject.vehicle, subject.spec, request.application_id, reason=reason)
        queues = authorized.redeems or not subject.spec.two_step
        if violation := policy.first_violation(facts, Stage.QUEUE if queues else Stage.ASK):
            raise BlockedByPolicy(violation)
        return facts

    def _coalesce(self, tx: Tx, authorized: AuthorizedRequest, running: Command) -> AdmissionResult:
        """Answer with the record of the same command that is in flight."""
        journal.record(
            tx,
            "command.coalesced",
            company_id=running.company_id,
            actor=authorized.request.application_id,
            vehicle_id=running.vehicle_id,
            command_id=running.id,
        )
        http_status = coalesced_status(running)
        idempotency.keep(tx, authorized.request, running.id, self._key_lifetime, joined_code=http_status)
        return AdmissionResult(answer=post_answer(running, http_status))

    def _confirm(self, tx: Tx, authorized: AuthorizedRequest) -> AdmissionResult:
        """Step one: check 10b, then a code; nothing is sent."""
        if (seconds := self._codes.wait_for_issue(tx, authorized.binding)) is not None:
            raise TooManyRequests(seconds)
        if (code := self._codes.stored_for(tx, authorized.binding)) is not None:
            confirmation.end_code(tx, code)
        command = self._factory.confirming(tx, authorized.request, authorized.subject)
        idempotency.keep(tx, authorized.request, command.id, self._key_lifetime)
        return self._issue_code(tx, authorized, command)

    def _issue_code(self, tx: Tx, authorized: AuthorizedRequest, command: Command) -> AdmissionResult:
        subject = authorized.subject
        code = self._codes.issue(tx, authorized.binding, command.id)
        results = assess(tx, subject, self._evidence_rules).results
        unreachable = any(each.number == REACHABLE and each.verdict is not CheckResult.MET for each in results)
        message = confirmation.alert_text(subject.spec.name, subject.vehicle.vin, unreachable=unreachable)
        return AdmissionResult(
            answer=confirmation_answer(command, code, message), confirming_vehicle=subject.vehicle.id
        )

    def _redeem(self, tx: Tx, authorized: AuthorizedRequest, company_policy: Policy) -> AdmissionResult:
        """Step two: checks 11 and 11b. Redeeming and queueing are one transaction, which consumes the code."""
        request, subject = authorized.request, authorized.subject
        attempt, code = self._codes.attempt(tx, authorized.binding, request.code)
        if attempt is CodeAttempt.USED:
            raise ConfirmationAlreadyUsed
        if attempt is CodeAttempt.EXHAUSTED and code is not None:
            confirmation.end_code(tx, code)
        if attempt is not CodeAttempt.RIGHT or code is None:
            raise ConfirmationInvalid
        running = _running(tx, authorized)
        if running is None and subject.spec.name == DISABLE:
            policy.enforce_limits(tx, company_policy, request.application_id, subject.vehicle)
        self._codes.redeem(tx, authorized.binding, code)
        confirming = record.load_to_change(tx, code.command_id)
        if confirming is None or confirming.state is not State.CONFIRMING:
            raise ConfirmationInvalid
        if running is not None:
            redeemed: dict[str, Any] = {"redeemed_at": tx.now, "post_code": coalesced_status(running)}
            lifecycle.move(tx, confirming, State.CANCELLED, detail=coalesced_with(running.id), **redeemed)
            idempotency.follow(tx, confirming.id, running.id, coalesced_status(running))
            return self._coalesce(tx, authorized, running)
        given = {"reason": request.reason, "case_number": request.case_number}
        changes = {name: value for name, value in given.items() if value is not None}
        awaits = subject.spec.name == DISABLE and company_policy.second_person
        command = self._factory.queue(tx, confirming, subject, changes, awaits_approval=awaits)
        if command.name == DISABLE and command.state is not State.REFUSED:
            limits.record_disable(tx, command.company_id, command.actor, command.id)
        return self._registered(tx, authorized, command)

    def _registered(self, tx: Tx, authorized: AuthorizedRequest, command: Command) -> AdmissionResult:
        idempotency.keep(tx, authorized.request, command.id, self._key_lifetime)
        if command.post_code is None:
            return AdmissionResult(waiting=command)
        return AdmissionResult(answer=post_answer(command))

    def _replay(self, tx: Tx, request: CommandRequest) -> AdmissionResult | None:
        """The answer that this Idempotency-Key led to, rendered from the record as it is now."""
        replayed = idempotency.find_command(tx, request, self._codes)
        if replayed is None:
            return None
        command, joined_code = replayed
        if command.state is not State.CONFIRMING:
            return AdmissionResult(answer=post_answer(command, joined_code))
        return self._reissue_code(tx, request, command)

    def _reissue_code(self, tx: Tx, request: CommandRequest, command: Command) -> AdmissionResult:
        """A confirmation still open gets a new code under the same id: codes are not stored in clear."""
        vehicle = vehicles.load(tx, command.vehicle_id)
        capabilities = self._capabilities.get(vehicle.connector) if vehicle else None
        if vehicle is None or capabilities is None:
            raise VinNotFound
        if (seconds := self._codes.wait_for_issue(tx, confirmation.binding_of(command))) is not None:
            raise TooManyRequests(seconds)
        subject = Subject(vehicle, command.spec, capabilities, record.open_of_vehicle(tx, vehicle.id))
        return self._issue_code(tx, AuthorizedRequest(request, subject), command)


def _check_signature_version(tx: Tx, request: CommandRequest) -> None:
    """Check 6b, as far as it needs the store: a nonce is good once; a company may require version 2 to disable."""
    if request.nonce is not None:
        nonces.consume(tx, request.nonce)
    elif request.command == DISABLE and policies.load(tx, request.company_id).ignition_v2:
        raise SignatureInvalid


def _running(tx: Tx, authorized: AuthorizedRequest) -> Command | None:
    """The command in flight with which the request coalesces."""
    row = lanes.coalescing_target(authorized.subject.open_commands, authorized.subject.spec)
    return record.load_of_company(tx, authorized.request.company_id, row.command_id) if row else None
