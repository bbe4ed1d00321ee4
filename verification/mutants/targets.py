"""Which modules are mutated, and the tests that are meant to hold each."""

from typing import NamedTuple


class Target(NamedTuple):
    module: str
    """Under ``src/keyturn``."""
    tests: tuple[str, ...]
    """Files under ``tests``, those first that are likeliest to object. They run the module in their own process."""


def _commands(*names: str) -> tuple[str, ...]:
    return tuple(f"commands/test_{name}.py" for name in names)


TARGETS: tuple[Target, ...] = (
    Target(
        "fleet/evidence.py",
        (
            "fleet/test_evidence.py",
            *_commands("start_count", "own_record", "evidence_rules"),
            *_commands("immobilisation_ends", "immobilisation_positions"),
        ),
    ),
    Target(
        "commands/preconditions.py",
        _commands("precondition_table", "preconditions", "evidence_rules", "relay_rule", "start_count"),
    ),
    Target(
        "commands/outcome.py",
        _commands("outcome", "unclear", "retry", "sending_twice", "verification", "public", "effects"),
    ),
    Target(
        "commands/effects.py",
        _commands(
            "effects", "own_record", "immobilisation_ends", "immobilisation_orders", "immobilisations",
            "immobilisation_positions", "start_count", "evidence_rules",
        ),
    ),
    Target("commands/confirmation.py", _commands("confirmation", "redeeming", "nonces", "code_limit", "refusals")),
    Target("commands/policy.py", _commands("policy_rules", "policy")),
    Target("commands/lanes.py", _commands("lanes", "lane_order", "open_commands", "coalescing", "lane_machine")),
    Target("api/limits.py", ("api/test_limits.py",)),
    Target(
        "tenants/limits.py",
        ("tenants/test_table.py", "tenants/test_limits.py", *_commands("policy", "policy_rules")),
    ),
    Target(
        "tenants/policies.py",
        ("tenants/test_table.py", "tenants/test_policies.py", *_commands("policy_rules")),
    ),
    Target(
        "tenants/changes.py",
        (
            "tenants/test_changes.py", "tenants/test_changes_approvals.py", "tenants/test_collecting.py",
            "tenants/test_lock_outs.py", "tenants/test_alone_without_delay.py", "tenants/test_authority.py",
        ),
    ),
    Target(
        "tenants/approvals.py",
        (
            "tenants/test_table.py", "tenants/test_changes_approvals.py", "tenants/test_changes.py",
            "tenants/test_collecting.py", "tenants/test_lock_outs.py",
        ),
    ),
    Target(
        "tenants/authority.py",
        (
            "tenants/test_authority.py", "tenants/test_changes.py", "tenants/test_operators_duties.py",
            "tenants/test_operators.py",
        ),
    ),
    Target(
        "tenants/operators.py",
        (
            "tenants/test_operators_duties.py", "tenants/test_authority.py", "tenants/test_changes_approvals.py",
            "tenants/test_changes.py",
        ),
    ),
    Target(
        "tenants/proposals.py",
        (
            "tenants/test_changes.py", "tenants/test_alone_without_delay.py", "tenants/test_lock_outs.py",
            "tenants/test_vehicle_guard.py", "tenants/test_unwatched.py",
        ),
    ),
    Target(
        "tenants/closeness.py",
        (
            "tenants/test_operators_duties.py", "tenants/test_changes_approvals.py", "tenants/test_newcomers.py",
            "tenants/test_unwatched.py",
        ),
    ),
    Target("tenants/pinning.py", ("tenants/test_change_references.py",)),
    Target("tenants/vehicle_guard.py", ("tenants/test_vehicle_guard.py",)),
    Target(
        "tenants/consent.py",
        ("commands/test_consent_counts.py", "tenants/test_vehicle_guard.py", "tenants/test_enrolment.py"),
    ),
    Target("tenants/name_spaces.py", ("tenants/test_which_car.py", "tenants/test_enrolment.py")),
    Target("tenants/switches.py", ("tenants/test_table.py", "tenants/test_switches.py")),
)  # fmt: skip
