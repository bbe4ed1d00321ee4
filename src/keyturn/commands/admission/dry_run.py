"""The dry run: what a request for a command would meet now. Nothing is sent and nothing is written."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from keyturn.admin.guards import reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session, needs_server
from keyturn.admin.references import APPLICATION, VEHICLE, resolve
from keyturn.clock import iso_time_or_none, seconds_between
from keyturn.commands.admission import requester_checks
from keyturn.commands.admission.confirmation import Binding, ConfirmationCodes
from keyturn.commands.admission.registration import CommandFactory
from keyturn.commands.model import record
from keyturn.commands.model.catalogue import COMMANDS, DISABLE
from keyturn.commands.preconditions.context import EvaluationContext
from keyturn.commands.preconditions.evaluation import PreconditionResult, evaluate, refusals
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
    """Who would ask; needed where the company has more than one."""
    company: str | None = None
    reason: str | None = None


class DryRunResult(msgspec.Struct, frozen=True):
    """The answer: `reasons` in the order in which the POST, and then the sending, would raise them."""

    ready: bool
    reasons: list[str]
    application_active: bool
    """It and its company can be used."""
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
    """Each with its verdict and, per signal, value and age in seconds."""
    state_read: dict[str, Any] | None
    """The vehicle's newest state read, where it brought nothing: the exchange, what was wrong, and its age."""
    unread: list[int]
    """Preconditions that are unknown now: the vehicle is read before the sending, and what is unknown then refuses."""


class DryRun:
    """`declarations` is what each connector, by its name, says of its far side.

    `clock_fault` tells whether the node's wall clock was set back, so that nothing is done to a vehicle.
    """

    def __init__(
        self,
        codes: ConfirmationCodes,
        registrar: CommandFactory,
        declarations: Mapping[str, Capabilities],
        clock_fault: Callable[[], bool] = lambda: False,
    ) -> None:
        self._codes = codes
        self._clock_fault = clock_fault
        self._registrar = registrar
        self._declarations = declarations

    def run(self, session: Session, arguments: DryRunRequest) -> Answer:
        vehicle = vehicles.load(session.tx, resolve(session.tx, VEHICLE, arguments.vin, arguments.company))
        if vehicle is None:
            raise OperationError("not_found", VinNotFound.detail)
        checks = self.judge(session, vehicle, _application(session.tx, vehicle, arguments), arguments)
        return {"vin": vehicle.vin, "command": arguments.command, **msgspec.to_builtins(checks)}

    def judge(self, session: Session, vehicle: Vehicle, application_id: str, asked: DryRunRequest) -> DryRunResult:
        """Raises `OperationError` for a command that there is not."""
        tx = session.tx
        company_id, spec = vehicle.company_id, COMMANDS.get(asked.command)
        if spec is None:
            raise OperationError("unknown_command", f"There is no command '{asked.command}'.")
        capabilities = self._declarations.get(vehicle.connector)
        told = capabilities or Capabilities(offers=frozenset())
        asking = requester_checks.load_application(tx, application_id)
        refused = policy.check_permission(tx, vehicle, spec.name, asking.grants, capabilities)
        facts = policy.load_policy_input(tx, vehicle, spec, application_id, reason=asked.reason, approved=True)
        case = self._registrar.case(tx, vehicle, spec, told, "", record.open_of_vehicle(tx, vehicle.id))
        findings = evaluate(case, self._registrar.evidence_rules, fresh=True)
        readable = quota.frees_at(tx, told.quota, vehicle.account_id, vehicle.id) is None
        quota_free = readable or spec.is_restoring
        readable = readable and not _brought_nothing(case, self._registrar.evidence_rules)
        refusing, unread = _refusing(case, findings, reads=told.reads_state and readable)
        reasons = [
            *requester_checks.application_problems(asking),
            *([refused.detail] if refused else []),
            *(blocked_by_policy(reason) for reason in policy.violations(facts, Stage.QUEUE)),
            *self._without_code(tx, Binding(company_id, application_id, vehicle.id, spec.name)),
            *_beyond_limits(tx, facts, vehicle, application_id),
            *([precondition_not_met(refusing)] if refusing else []),
            *([] if quota_free else [QUOTA]),
            *requester_checks.sending_problems(session, vehicle, spec, clock_fault=self._clock_fault()),
        ]
        is_disable = spec.name == DISABLE
        return DryRunResult(
            ready=not reasons,
            reasons=reasons,
            application_active=asking.active,
            sign_secret=asking.signs,
            offered=vehicle.offers(spec.name, capabilities),
            in_plan=spec.name in vehicle.plan,
            granted=spec.name in asking.grants,
            ownership=vehicle.ownership,
            consent=vehicle.consented(application_id, tx.now),
            confirmation_needed=spec.two_step,
            approval_needed=is_disable and facts.policy.second_person,
            signature_v2_needed=(is_disable and facts.policy.ignition_v2)
            or requester_checks.needs_v2(tx, application_id),
            limits_left=limits.left(tx, facts.policy, company_id, application_id) if is_disable else {},
            quota_free=quota_free,
            preconditions=[_told(finding) for finding in findings],
            state_read=_state_read(case),
            unread=unread,
            **_contact(case),
        )

    def _without_code(self, tx: ReadTx, binding: Binding) -> Iterator[str]:
        """Row 10b."""
        if self._codes.wait_for_issue(tx, binding) is not None:
            yield TooManyRequests.detail


def _refusing(
    case: EvaluationContext, findings: tuple[PreconditionResult, ...], *, reads: bool
) -> tuple[tuple[int, ...], list[int]]:
    """Preconditions that refuse as it is now, and those that a reading before the sending decides."""
    at_sending = refusals(case, findings, acceptance=False)
    if not reads:
        return at_sending, []
    now = {*refusals(case, findings, acceptance=True), *(finding.number for finding in findings if finding.settled)}
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


def _beyond_limits(tx: ReadTx, facts: PolicyInput, vehicle: Vehicle, application_id: str) -> Iterator[str]:
    """The limit that this disable would go beyond, once its code has proved right."""
    if facts.spec.name != DISABLE or facts.stopped:
        return
    if limits.exceeded(tx, facts.policy, vehicle.company_id, application_id, vehicle.id):
        yield blocked_by_policy(LIMIT_REACHED)


def _told(finding: PreconditionResult) -> dict[str, Any]:
    return {"text": PRECONDITIONS[finding.number].text, **msgspec.to_builtins(finding)}


def _brought_nothing(case: EvaluationContext, rules: EvidenceSettings) -> bool:
    """A read of just now: the next one is likely to bring no more."""
    unread = case.evidence.report.unread
    return unread is not None and seconds_between(unread.at, case.now) <= rules.max_age


def _state_read(case: EvaluationContext) -> dict[str, Any] | None:
    unread = case.evidence.report.unread
    if unread is None:
        return None
    told = msgspec.to_builtins(unread.exchange)
    return {**told, "at": iso_time_or_none(unread.at), "age": seconds_between(unread.at, case.now)}


def _contact(case: EvaluationContext) -> dict[str, Any]:
    report = case.evidence.report
    at = report.last_contact
    told = iso_time_or_none(at)
    age = None if at is None else seconds_between(at, case.now)
    return {"reachable": report.reachable, "last_contact": told, "last_contact_age": age}


OPERATIONS = (
    Operation("vehicle ready", DryRunRequest, needs_server, role="viewer", guard=reads(), cli_command="ready"),
)
