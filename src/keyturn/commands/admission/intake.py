"""The intake transaction: rows 8 to 11b of the contract's table, then the record, its place in the lane, its answer.

One call of `Intake.submit` is one unit of work. It returns what the POST is answered with; whatever it wrote on the way
(a counted try, a refused attempt's audit entry) stays.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from keyturn.audit import journal
from keyturn.commands.admission import idempotency, nonces, refused_attempts
from keyturn.commands.admission.confirmation import (
    Binding,
    CodeAttempt,
    ConfirmationCodes,
    OpenCode,
    confirmation_message,
    end_confirmation,
)
from keyturn.commands.admission.registration import CommandFactory
from keyturn.commands.admission.requests import (
    CommandRequest,
    PostAnswer,
    coalesced_status,
    confirmation_answer,
    post_answer,
)
from keyturn.commands.model import lanes, lifecycle, record
from keyturn.commands.model.catalogue import COMMANDS, DISABLE, IGNITION_PAIR, CommandSpec
from keyturn.commands.model.messages import coalesced_with
from keyturn.commands.model.record import Command, OpenCommand
from keyturn.commands.model.states import State
from keyturn.commands.preconditions.evaluation import CheckResult, evaluate
from keyturn.commands.preconditions.table import REACHABLE
from keyturn.commands.rules import policy
from keyturn.commands.rules.policy import PolicyInput, Stage, enforce_limits, first_violation, load_policy_input
from keyturn.connectors.port import Capabilities
from keyturn.errors import (
    BlockedByPolicy,
    CommandNotFound,
    ConfirmationAlreadyUsed,
    ConfirmationInvalid,
    IdempotencyKeyReused,
    Refusal,
    SignatureInvalid,
    TooManyRequests,
    VinNotFound,
)
from keyturn.fleet import vehicles
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import Tx
from keyturn.tenants import limits, policies
from keyturn.tenants.policies import Policy


class AdmissionResult(msgspec.Struct, frozen=True):
    """What became of a request. Exactly one of `answer`, `waiting` and `refusal` is set."""

    answer: PostAnswer | None = None
    waiting: Command | None = None
    """Registered; the POST is held for the OEM's first answer."""
    refusal: Refusal | None = None
    confirming_vehicle: str | None = None
    """A code was issued: the vehicle's state is worth reading now."""


class AuthorizedRequest(msgspec.Struct, frozen=True):
    """A request with the vehicle and the command that it turned out to name."""

    request: CommandRequest
    vehicle: Vehicle
    spec: CommandSpec
    capabilities: Capabilities

    @property
    def binding(self) -> Binding:
        return Binding(self.request.company_id, self.request.application_id, self.vehicle.id, self.spec.name)


class Admission:
    """Takes requests in. `declarations` is what each connector, by its name, says of its far side."""

    def __init__(
        self,
        codes: ConfirmationCodes,
        registrar: CommandFactory,
        declarations: Mapping[str, Capabilities],
        idempotency_life: float,
    ) -> None:
        self._codes = codes
        self._registrar = registrar
        self._declarations = declarations
        self._idempotency_life = idempotency_life

    def submit(self, tx: Tx, request: CommandRequest) -> AdmissionResult:
        """Answer a signed request; every refused ignition attempt is written to the audit log."""
        try:
            if request.nonce is not None:
                nonces.consume(tx, request.nonce)
            elif request.command == DISABLE and policies.load(tx, request.company_id).ignition_v2:
                raise SignatureInvalid
            return self._replayed(tx, request) or self._taken(tx, request)
        except Refusal as refusal:
            record_refusal(tx, request, refusal)
            return AdmissionResult(refusal=refusal)

    def _taken(self, tx: Tx, request: CommandRequest) -> AdmissionResult:
        ask = self._permitted(tx, request)
        lanes.lock(tx, ask.vehicle.id)
        with_code = ask.spec.two_step and request.code is not None
        rows = self._open_rows(tx, ask)
        if not with_code and (running := self._running(tx, ask, rows)) is not None:
            return self._join(tx, ask, running)
        facts = self._judged(tx, ask, with_code=with_code)
        if with_code:
            return self._redeem(tx, ask, rows, facts.policy)
        if ask.spec.two_step:
            return self._confirm(tx, ask)
        command = self._registrar.register(tx, request, ask.vehicle, ask.spec, ask.capabilities, rows)
        return self._kept(tx, ask, command)

    def _permitted(self, tx: Tx, request: CommandRequest) -> AuthorizedRequest:
        """Rows 8 and 9."""
        vehicle = vehicles.find(tx, request.company_id, request.vin)
        if vehicle is None:
            raise VinNotFound
        capabilities = self._declarations.get(vehicle.connector)
        if refusal := policy.check_permission(tx, vehicle, request.command, request.grants, capabilities):
            raise refusal
        if capabilities is None:
            raise CommandNotFound
        return AuthorizedRequest(request, vehicle, COMMANDS[request.command], capabilities)

    def _judged(self, tx: Tx, ask: AuthorizedRequest, *, with_code: bool) -> PolicyInput:
        """Row 10."""
        reason = ask.request.reason
        if with_code and reason is None and (code := self._codes.open_for(tx, ask.binding)) is not None:
            confirming = record.load(tx, code.command_id)
            reason = confirming.reason if confirming else None
        facts = load_policy_input(tx, ask.vehicle, ask.spec, ask.request.application_id, reason=reason)
        queues = with_code or not ask.spec.two_step
        if forbidden := first_violation(facts, Stage.QUEUE if queues else Stage.ASK):
            raise BlockedByPolicy(forbidden)
        return facts

    def _open_rows(self, tx: Tx, ask: AuthorizedRequest) -> list[OpenCommand]:
        """The vehicle's open commands, those parted that nobody joins any more."""
        rows = record.open_of_vehicle(tx, ask.vehicle.id)
        if any(row.state is State.UNKNOWN for row in rows) and lanes.stop_coalescing_overdue(tx, ask.vehicle.id):
            return record.open_of_vehicle(tx, ask.vehicle.id)
        return rows

    def _running(self, tx: Tx, ask: AuthorizedRequest, rows: list[OpenCommand]) -> Command | None:
        row = lanes.coalescing_target(rows, ask.spec)
        return record.load_of_company(tx, ask.request.company_id, row.command_id) if row else None

    def _join(self, tx: Tx, ask: AuthorizedRequest, running: Command) -> AdmissionResult:
        journal.record(
            tx,
            "command.coalesced",
            company_id=running.company_id,
            actor=ask.request.application_id,
            vehicle_id=running.vehicle_id,
            command_id=running.id,
        )
        code = coalesced_status(running)
        idempotency.keep(tx, ask.request, running.id, self._idempotency_life, joined_code=code)
        return AdmissionResult(answer=post_answer(running, code))

    def _confirm(self, tx: Tx, ask: AuthorizedRequest) -> AdmissionResult:
        """Step one: a code, and nothing is sent."""
        if (seconds := self._codes.wait_for_issue(tx, ask.binding)) is not None:
            raise TooManyRequests(seconds)
        if (open_code := self._codes.stored_for(tx, ask.binding)) is not None:
            self._end_code(tx, open_code)
        command = self._registrar.confirming(tx, ask.request, ask.vehicle, ask.spec)
        idempotency.keep(tx, ask.request, command.id, self._idempotency_life)
        return self._issued(tx, ask, command)

    def _issued(self, tx: Tx, ask: AuthorizedRequest, command: Command) -> AdmissionResult:
        code = self._codes.issue(tx, ask.binding, command.id)
        rows = record.open_of_vehicle(tx, ask.vehicle.id)
        case = self._registrar.case(tx, ask.vehicle, ask.spec, ask.capabilities, command.id, rows)
        findings = evaluate(case, self._registrar.evidence_rules)
        unreachable = any(f.number == REACHABLE and f.verdict is not CheckResult.MET for f in findings)
        message = confirmation_message(ask.spec.name, ask.vehicle.vin, unreachable=unreachable)
        return AdmissionResult(answer=confirmation_answer(command, code, message), confirming_vehicle=ask.vehicle.id)

    def _redeem(self, tx: Tx, ask: AuthorizedRequest, rows: list[OpenCommand], policy: Policy) -> AdmissionResult:
        """Step two: redeeming and queueing are one transaction, and burn the code whatever follows."""
        verdict, code = self._codes.attempt(tx, ask.binding, ask.request.code)
        if verdict is CodeAttempt.USED:
            raise ConfirmationAlreadyUsed
        if verdict is CodeAttempt.EXHAUSTED and code is not None:
            self._end_code(tx, code)
        if verdict is not CodeAttempt.RIGHT or code is None:
            raise ConfirmationInvalid
        running = self._running(tx, ask, rows)
        if running is None and ask.spec.name == DISABLE:
            enforce_limits(tx, policy, ask.request.application_id, ask.vehicle)
        self._codes.redeem(tx, ask.binding, code)
        confirming = record.load_to_change(tx, code.command_id)
        if confirming is None or confirming.state is not State.CONFIRMING:
            raise ConfirmationInvalid
        if running is not None:
            redeemed: dict[str, Any] = {"redeemed_at": tx.now, "post_code": coalesced_status(running)}
            lifecycle.move(tx, confirming, State.CANCELLED, detail=coalesced_with(running.id), **redeemed)
            idempotency.follow(tx, confirming.id, running.id, coalesced_status(running))
            return self._join(tx, ask, running)
        said = {"reason": ask.request.reason, "case_number": ask.request.case_number}
        changes = {name: value for name, value in said.items() if value is not None}
        awaits = ask.spec.name == DISABLE and policy.second_person
        command = self._registrar.queue(
            tx, confirming, ask.vehicle, ask.spec, ask.capabilities, rows, changes, awaits_approval=awaits
        )
        if command.name == DISABLE and command.state is not State.REFUSED:
            limits.count(tx, command.company_id, command.actor, command.id)
        return self._kept(tx, ask, command)

    def _kept(self, tx: Tx, ask: AuthorizedRequest, command: Command) -> AdmissionResult:
        idempotency.keep(tx, ask.request, command.id, self._idempotency_life)
        return (
            AdmissionResult(waiting=command)
            if command.post_code is None
            else AdmissionResult(answer=post_answer(command))
        )

    def _end_code(self, tx: Tx, code: OpenCode) -> None:
        """The code was replaced or killed, or its life was over before anybody swept it."""
        end_confirmation(tx, code.command_id, expired=code.expires_at <= tx.now)

    def _replayed(self, tx: Tx, request: CommandRequest) -> AdmissionResult | None:
        """The answer that this Idempotency-Key led to, rendered from the record as it is now."""
        used = idempotency.find(tx, request)
        if used is None:
            return None
        command = record.load_of_company(tx, request.company_id, used.command_id)
        if command is None or self._key_is_free(tx, command):
            return None
        if used.request_hash != request.request_hash:
            raise IdempotencyKeyReused
        if command.state is State.CONFIRMING:
            return self._reissue(tx, request, command)
        return AdmissionResult(answer=post_answer(command, used.joined_code))

    def _key_is_free(self, tx: Tx, command: Command) -> bool:
        """A confirmation that ended without being redeemed leaves its key free."""
        over = command.state in (State.EXPIRED, State.CANCELLED) and command.redeemed_at is None
        if command.state is State.CONFIRMING:
            return self._codes.open_for(tx, _binding(command)) is None
        return over and command.lane_number is None and command.spec.two_step

    def _reissue(self, tx: Tx, request: CommandRequest, command: Command) -> AdmissionResult:
        """A confirmation still open gets a new code under the same id: codes are not stored in clear."""
        vehicle = vehicles.load(tx, command.vehicle_id)
        capabilities = self._declarations.get(vehicle.connector) if vehicle else None
        if vehicle is None or capabilities is None:
            raise VinNotFound
        if (seconds := self._codes.wait_for_issue(tx, _binding(command))) is not None:
            raise TooManyRequests(seconds)
        return self._issued(tx, AuthorizedRequest(request, vehicle, command.spec, capabilities), command)


def record_refusal(tx: Tx, request: CommandRequest, refusal: Refusal) -> None:
    """Every refused ignition attempt leaves an audit entry."""
    if request.command in IGNITION_PAIR:
        refused_attempts.record_attempt(
            tx, request.company_id, request.application_id, request.vin, request.command, refusal
        )


def _binding(command: Command) -> Binding:
    return Binding(command.company_id, command.actor, command.vehicle_id, command.name)
