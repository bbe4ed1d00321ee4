"""Judgements without a store: signals and rules in, findings out."""

from typing import Any

from keyturn.clock import after
from keyturn.commands.model.catalogue import COMMANDS
from keyturn.commands.preconditions.context import EvaluationContext
from keyturn.commands.preconditions.evaluation import Assessment, CheckResult, PreconditionResult, evaluate
from keyturn.config.settings import EvidenceSettings
from keyturn.connectors.port import Capabilities
from keyturn.fleet.evidence import Evidence, ExpectedState, ReportedState, Signal
from keyturn.fleet.vehicles import Vehicle
from tests.support.enrolment import NOW, VIN

RULES = EvidenceSettings()
MET, CONTRADICTED, UNKNOWN = CheckResult.MET, CheckResult.CONTRADICTED, CheckResult.UNKNOWN


def ago(seconds: float) -> int:
    return after(NOW, -seconds)


def signal(value: Any, age: float = 1.0, *, since: float = 3600.0, received: float | None = None) -> Signal:
    """Vouched for `age` seconds ago, in being for `since`, received `received` ago (None: at once)."""
    return Signal(value, ago(since), ago(age), ago(age if received is None else received), "oem")


def seen(values: dict[str, Any]) -> dict[str, Signal]:
    """Plain values as signals of a second ago."""
    return {name: value if isinstance(value, Signal) else signal(value) for name, value in values.items()}


def vehicle(powertrain: str = "combustion", fuel_reserve: float = 10.0) -> Vehicle:
    return Vehicle(
        "v", "c", VIN, "a", VIN, "owned", powertrain, None, fuel_reserve, NOW, frozenset(COMMANDS), "oem", True
    )


def case(command: str, values: dict[str, Any] | None = None, **given: Any) -> EvaluationContext:
    """`values` by signal name, plain or as `Signal`; everything else as the case's own fields, by default harmless."""
    report = ReportedState(
        seen(values or {}),
        reachable=given.pop("reachable", True),
        reachable_at=given.pop("reachable_at", NOW),
        last_contact=given.pop("last_contact", None),
    )
    capabilities = Capabilities(
        frozenset(COMMANDS),
        enforces_preconditions=given.pop("enforces", False),
        reads_state=given.pop("reads_state", True),
    )
    fields: dict[str, Any] = {
        "spec": COMMANDS[command],
        "vehicle": given.pop("vehicle", vehicle()),
        "evidence": Evidence(report, given.pop("track", ExpectedState())),
        "capabilities": capabilities,
        "pending": frozenset(given.pop("pending", ())),
        "now": NOW,
    }
    return EvaluationContext(**{**fields, **given})


def finding(case: EvaluationContext, number: int, *, fresh: bool = False) -> PreconditionResult:
    return next(found for found in evaluate(case, RULES, fresh=fresh) if found.number == number)


def verdict(command: str, number: int, values: dict[str, Any] | None = None, **given: Any) -> CheckResult:
    return finding(case(command, values, **given), number).verdict


def refused(case: EvaluationContext, *, acceptance: bool = False, fresh: bool = False) -> tuple[int, ...]:
    return assessment(case, fresh=fresh).refusals(acceptance=acceptance)


def assessment(case: EvaluationContext, *, fresh: bool = False) -> Assessment:
    return Assessment(case, evaluate(case, RULES, fresh=fresh))
