"""The dry run of a command: every reason for which it would be refused now. It sends, writes and asks nothing."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from keyturn.admin.guards import reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session, needs_server
from keyturn.admin.references import APPLICATION, VEHICLE, resolve
from keyturn.clock import iso_time_or_none, seconds_between
from keyturn.commands.admission import requester_checks
from keyturn.commands.admission.confirmation import Binding, ConfirmationCodes
from keyturn.commands.model import record
from keyturn.commands.model.catalogue import COMMANDS, DISABLE
from keyturn.commands.preconditions.context import EvaluationContext, Subject
from keyturn.commands.preconditions.evaluation import Assessment, PreconditionResult, assess
from keyturn.commands.preconditions.table import PRECONDITIONS, precondition_not_met
from keyturn.commands.rules import policy, quota
from keyturn.commands.rules.policy import LIMIT_REACHED, PolicyInput, Stage
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Capabilities
from keyturn.errors import OperationError, TooManyRequests, VinNotFound, blocked_by_policy
from keyturn.fleet import vehicles
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx
from keyturn.tenants import limits

QUOTA = "The OEM's quota is used up."
_APPLICATIONS = "SELECT id, active FROM application WHERE company_id = :company_id"


class DryRunRequest(Arguments, frozen=True, kw_only=True):
    vin: str
    command: str
    application: str | None = None
    """The one that would ask; needed where the company has several."""
    company: str | None = None
    reason: str | None = None


class DryRunResult(msgspec.Struct, frozen=True):
    """`reasons` are in the order in which the POST, and then the sending, would raise them."""

    ready: bool
    reasons: list[str]
    application_active: bool
    """It and its company are enabled."""
    sign_secret: bool
    offered: bool
    in_plan: bool
    granted: bool
    ownership: str
    consent: bool
    confirmation_needed: bool
    approval_needed: bool
    signature_v2_needed: bool
    limits_left: dict[str, int]
    quota_free: bool
    reachable: bool | None
    last_contact: str | None
    last_contact_age: float | None
    """Seconds."""
    preconditions: list[dict[str, Any]]
    """Each with its result and, per signal, value and age in seconds."""
    state_read: dict[str, Any] | None
    """The vehicle's newest state read, where it failed: the exchange, the problem, and its age in seconds."""
    unread: list[int]
    """Numbers of the preconditions that are unknown now: the vehicle is read before sending, and what is unknown then
    refuses."""


class DryRun:
    """`capabilities` are those of each connector, by its name.

    `clock_fault`: whether the node's wall clock was set back, so that actuating commands wait.
    """

    def __init__(
        self,
        codes: ConfirmationCodes,
        evidence_rules: EvidenceSettings,
        capabilities: Mapping[str, Capabilities],
        clock_fault: Callable[[], bool] = lambda: False,
    ) -> None:
        self._codes = codes
        self._clock_fault = clock_fault
        self._evidence_rules = evidence_rules
        self._capabilities = capabilities

    def run(self, session: Session, arguments: DryRunRequest) -> Answer:
        vehicle = vehicles.load(session.tx, resolve(session.tx, VEHICLE, arguments.vin, arguments.company))
        if vehicle is None:
            raise OperationError("not_found", VinNotFound.detail)
        result = self.check(session, vehicle, _application(session.tx, vehicle, arguments), arguments)
        return {"vin": vehicle.vin, "command": arguments.command, **msgspec.to_builtins(result)}

    def check(self, session: Session, vehicle: Vehicle, application_id: str, asked: DryRunRequest) -> DryRunResult:
        """Raises `OperationError` for an unknown command."""
        tx = session.tx
        company_id, spec = vehicle.company_id, COMMANDS.get(asked.command)
        if spec is None:
            raise OperationError("unknown_command", f"There is no command '{asked.command}'.")
        declared = self._capabilities.get(vehicle.connector)
        capabilities = declared or Capabilities(offers=frozenset())
        application = requester_checks.load_application(tx, application_id)
        refusal = policy.check_permission(tx, vehicle, spec.name, application.grants, declared)
        facts = policy.load_policy_input(tx, vehicle, spec, application_id, reason=asked.reason, approved=True)
        subject = Subject(vehicle, spec, capabilities, record.open_of_vehicle(tx, vehicle.id))
        assessment = assess(tx, subject, self._evidence_rules, fresh=True)
        context, results = assessment.context, assessment.results
        quota_left = quota.frees_at(tx, capabilities.quota, vehicle.account_id, vehicle.id) is None
        quota_free = quota_left or spec.is_restoring
        can_read = capabilities.reads_state and quota_left and not _read_failed(context, self._evidence_rules)
        refusing, unread = _refusing(assessment, can_read=can_read)
        reasons = [
            *requester_checks.application_problems(application),
            *([refusal.detail] if refusal else []),
            *(blocked_by_policy(reason) for reason in policy.violations(facts, Stage.QUEUE)),
            *self._code_limit(tx, Binding(company_id, application_id, vehicle.id, spec.name)),
            *_exceeded_limits(tx, facts, vehicle, application_id),
            *([precondition_not_met(refusing)] if refusing else []),
            *([] if quota_free else [QUOTA]),
            *requester_checks.sending_problems(session, vehicle, spec, clock_fault=self._clock_fault()),
        ]
        is_disable = spec.name == DISABLE
        return DryRunResult(
            ready=not reasons,
            reasons=reasons,
            application_active=application.active,
            sign_secret=application.signs,
            offered=vehicle.offers(spec.name, declared),
            in_plan=spec.name in vehicle.plan,
            granted=spec.name in application.grants,
            ownership=vehicle.ownership,
            consent=vehicle.consented(application_id, tx.now),
            confirmation_needed=spec.two_step,
            approval_needed=is_disable and facts.policy.second_person,
            signature_v2_needed=(is_disable and facts.policy.ignition_v2) or application.v2_only,
            limits_left=limits.remaining(tx, facts.policy, company_id, application_id) if is_disable else {},
            quota_free=quota_free,
            preconditions=[_result_view(result) for result in results],
            state_read=_state_read(context),
            unread=unread,
            **_contact(context),
        )

    def _code_limit(self, tx: ReadTx, binding: Binding) -> Iterator[str]:
        """Check 10b (docs/api.md)."""
        if self._codes.wait_for_issue(tx, binding) is not None:
            yield TooManyRequests.detail


def _refusing(assessment: Assessment, *, can_read: bool) -> tuple[tuple[int, ...], list[int]]:
    """Numbers of the preconditions that refuse as it is now, and of those that a state read before sending decides."""
    at_sending = assessment.refusals(acceptance=False)
    if not can_read:
        return at_sending, []
    settled = {result.number for result in assessment.results if result.settled}
    now = {*assessment.refusals(acceptance=True), *settled}
    refusing = tuple(number for number in at_sending if number in now)
    return refusing, sorted(set(at_sending) - now)


def _application(tx: ReadTx, vehicle: Vehicle, asked: DryRunRequest) -> str:
    if asked.application is not None:
        return resolve(tx, APPLICATION, asked.application, vehicle.company_id)
    every = tx.all(_APPLICATIONS, company_id=vehicle.company_id)
    found = [id_ for id_, active in every if active] or [id_ for id_, _ in every]
    if len(found) != 1:
        raise OperationError("ambiguous", f"The company has {len(found)} applications: say which one would ask.")
    return str(found[0])


def _exceeded_limits(tx: ReadTx, facts: PolicyInput, vehicle: Vehicle, application_id: str) -> Iterator[str]:
    """The limit that this disable would exceed, once its code was redeemed."""
    if facts.spec.name != DISABLE or facts.stopped:
        return
    if limits.exceeded(tx, facts.policy, vehicle.company_id, application_id, vehicle.id):
        yield blocked_by_policy(LIMIT_REACHED)


def _result_view(result: PreconditionResult) -> dict[str, Any]:
    return {"text": PRECONDITIONS[result.number].text, **msgspec.to_builtins(result)}


def _read_failed(context: EvaluationContext, rules: EvidenceSettings) -> bool:
    """The newest state read failed a short while ago: the next one is likely to fail too."""
    unread = context.evidence.report.unread
    return unread is not None and seconds_between(unread.at, context.now) <= rules.max_age


def _state_read(context: EvaluationContext) -> dict[str, Any] | None:
    unread = context.evidence.report.unread
    if unread is None:
        return None
    exchange = msgspec.to_builtins(unread.exchange)
    return {**exchange, "at": iso_time_or_none(unread.at), "age": seconds_between(unread.at, context.now)}


def _contact(context: EvaluationContext) -> dict[str, Any]:
    report = context.evidence.report
    at = report.last_contact
    age = None if at is None else seconds_between(at, context.now)
    return {"reachable": report.reachable, "last_contact": iso_time_or_none(at), "last_contact_age": age}


OPERATIONS = (
    Operation("vehicle ready", DryRunRequest, needs_server, role="viewer", guard=reads(), cli_command="ready"),
)
