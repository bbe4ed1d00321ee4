"""Which modules are mutated, and the tests that are meant to hold each."""

from pathlib import Path
from typing import NamedTuple


class Target(NamedTuple):
    module: str
    """Under ``src/keyturn``."""
    tests: tuple[str, ...]
    """Files under ``tests``, those first that are likeliest to object. They run the module in their own process."""


_TESTS = Path(__file__).parents[2] / "tests"
_OF_COMMANDS = {path.name: path.relative_to(_TESTS).as_posix() for path in (_TESTS / "commands").rglob("test_*.py")}


def _commands(*names: str) -> tuple[str, ...]:
    return tuple(_OF_COMMANDS[f"test_{name}.py"] for name in names)


TARGETS: tuple[Target, ...] = (
    Target("fleet/evidence.py", ("fleet/test_evidence.py", *_commands("start_count", "own_record", "evidence_rules"))),
    Target(
        "fleet/reports.py",
        (
            "fleet/test_evidence.py",
            *_commands("start_count", "own_record", "evidence_rules"),
            *_commands("immobilisation_ends", "immobilisation_positions"),
        ),
    ),
    Target(
        "commands/preconditions/table.py",
        _commands("precondition_table", "preconditions", "evidence_rules", "relay_rule", "start_count"),
    ),
    Target(
        "commands/execution/outcome.py",
        _commands("outcome", "unclear", "retry", "sending_twice", "verification", "public", "effects"),
    ),
    Target(
        "commands/execution/effects.py",
        _commands(
            "effects", "own_record", "immobilisation_ends", "immobilisation_orders", "immobilisations",
            "immobilisation_positions", "start_count", "evidence_rules",
        ),
    ),
    Target(
        "commands/admission/confirmation.py",
        _commands("confirmation", "redeeming", "nonces", "code_limit", "refusals"),
    ),
    Target("commands/rules/policy.py", _commands("policy_rules", "policy", "rights")),
    Target("commands/model/lanes.py", _commands("lanes", "lane_order", "open_commands", "coalescing", "lane_machine")),
    Target("api/rate_limits.py", ("api/test_limits.py",)),
    Target(
        "tenants/limits.py",
        ("admin/test_table.py", "tenants/test_limits.py", *_commands("policy", "policy_rules")),
    ),
    Target(
        "tenants/policies.py",
        ("admin/test_table.py", "tenants/test_policies.py", *_commands("policy_rules")),
    ),
    Target(
        "admin/change_execution.py",
        (
            "admin/test_changes.py", "admin/test_changes_approvals.py", "admin/test_collecting.py",
            "admin/test_alone_without_delay.py", "admin/test_authority.py",
        ),
    ),
    Target(
        "admin/pending_changes.py",
        (
            "admin/test_changes.py", "admin/test_changes_approvals.py", "admin/test_collecting.py",
            "auth/test_lock_outs.py", "admin/test_alone_without_delay.py", "admin/test_authority.py",
        ),
    ),
    Target(
        "admin/change_review.py",
        (
            "admin/test_table.py", "admin/test_changes_approvals.py", "admin/test_changes.py",
            "admin/test_collecting.py", "auth/test_lock_outs.py",
        ),
    ),
    Target(
        "admin/authorization.py",
        (
            "admin/test_authority.py", "admin/test_changes.py", "admin/test_operators_duties.py",
            "admin/test_operators.py",
        ),
    ),
    Target(
        "admin/operators.py",
        (
            "admin/test_operators_duties.py", "admin/test_authority.py", "admin/test_changes_approvals.py",
            "admin/test_changes.py",
        ),
    ),
    Target(
        "admin/proposals.py",
        (
            "admin/test_changes.py", "admin/test_alone_without_delay.py", "auth/test_lock_outs.py",
            "tenants/test_vehicle_guard.py", "admin/test_unsupervised.py",
        ),
    ),
    Target(
        "admin/conflicts.py",
        (
            "admin/test_operators_duties.py", "admin/test_changes_approvals.py", "admin/test_newcomers.py",
            "admin/test_unsupervised.py",
        ),
    ),
    Target("admin/pinned_references.py", ("admin/test_change_references.py",)),
    Target("tenants/vehicle_guard.py", ("tenants/test_vehicle_guard.py",)),
    Target(
        "tenants/consent.py",
        ("commands/rules/test_consent_counts.py", "tenants/test_vehicle_guard.py", "tenants/test_enrolment.py"),
    ),
    Target("tenants/name_spaces.py", ("tenants/test_which_car.py", "tenants/test_enrolment.py")),
    Target("tenants/kill_switches.py", ("admin/test_table.py", "tenants/test_switches.py")),
)  # fmt: skip
