"""What the recipes of CONTRIBUTING ask for, and what no other test would miss."""

import re
from configparser import ConfigParser
from http.client import HTTPConnection
from pathlib import Path

import msgspec
import pytest
from verification.simulation.checks import sent
from verification.simulation.clients import clients, policies
from verification.simulation.world import vehicle_model

from keyturn.cli.arguments import ARGUMENT_HELP
from keyturn.commands.model.catalogue import CATALOGUE
from keyturn.commands.preconditions.table import REACHABLE
from keyturn.commands.rules.policy import RULES
from keyturn.operations import OPERATIONS
from keyturn.tenants.policies import Policy
from tests.api.test_routes import ROUTES
from tests.support.api_env import open_api
from tests.support.server_env import ALL_COMMANDS
from verification import results

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "keyturn"
COMMANDS = {spec.name for spec in CATALOGUE}
RULE_FIELDS = Policy.__struct_fields__
NOT_SIMULATED = {"ignition_v2"}
"""Rules that the simulation does not draw: its clients sign with version 1."""
OPEN = {"/token", "/healthz", "/readyz", "/metrics"}
"""Routes that answer without a bearer token."""
ROW = re.compile(r'^ +(?:rows\.append\()?\("(GET|POST)", "(/[^"]+)"', re.MULTILINE)
SERVED = set(ROW.findall((SOURCE / "api/routes.py").read_text("utf-8"))) - {("POST", "/bench/noop")}


def test_every_command_is_tried_over_http() -> None:
    assert set(ALL_COMMANDS) == COMMANDS


def test_clients_of_the_simulation_send_every_command() -> None:
    assert {*clients._ONE_STEP, *clients._TWO_STEP} == COMMANDS


def test_the_catalogue_that_verification_states_again_is_the_products() -> None:
    """A check never takes it from the product; a command that one of the two lacks would be checked by no rule."""
    assert set(results.READS) == {spec.name for spec in CATALOGUE if spec.is_read}
    assert set(results.RESTORING) == {spec.name for spec in CATALOGUE if spec.is_restoring}
    assert {spec.name: spec.opposite for spec in CATALOGUE if spec.opposite} == results.OPPOSITES
    assert {spec.name: spec.opposite for spec in CATALOGUE if spec.overtakes} == results.OVERTAKES
    guarded = [spec for spec in CATALOGUE if spec.preconditions]
    needs = {spec.name: tuple(number for number in spec.preconditions if number != REACHABLE) for spec in guarded}
    assert needs == vehicle_model.NEEDS
    assert {*vehicle_model._DOES} == {spec.name for spec in CATALOGUE if not spec.is_read}
    assert {spec.name: set(spec.preconditions) for spec in guarded} == sent._LISTED
    assert set(sent._REFUSED_WHEN_UNKNOWN) == {spec.name for spec in CATALOGUE if spec.refused_when_unknown}


def test_scenarios_of_the_simulation_draw_every_rule() -> None:
    assert {*policies._OFFERED, *NOT_SIMULATED} == set(RULE_FIELDS)


@pytest.mark.parametrize("rule", RULE_FIELDS)
def test_every_rule_is_enforced_by_some_module(rule: str) -> None:
    """A field of `Policy` that nothing reads can be set, and forbids nothing."""
    readers = [*(SOURCE / "commands").rglob("*.py"), SOURCE / "tenants" / "limits.py"]
    reading = re.compile(rf"(policy|\))\.{rule}\b")
    assert any(reading.search(file.read_text("utf-8")) for file in readers)


@pytest.mark.parametrize("rule", RULE_FIELDS)
def test_every_rule_has_its_row_on_the_page_about_policy(rule: str) -> None:
    option = f"--{rule.replace('_', '-')}"
    rows = re.findall(r"^\| .+ \| `(--[\w-]+).*` \| .+ \| .+ \|$", (ROOT / "docs/policy.md").read_text("utf-8"), re.M)
    assert rows.count(option) == 1


@pytest.mark.parametrize("reason", [rule.reason for rule in RULES])
def test_every_reason_has_its_row_on_the_page_about_policy(reason: str) -> None:
    assert f"| `{reason}` |" in (ROOT / "docs/policy.md").read_text("utf-8")


def test_every_argument_of_an_operation_has_its_help() -> None:
    fields = {
        field.name: operation.name
        for operation in OPERATIONS
        if operation.cli_command is None  # else its options are written by hand
        for field in msgspec.structs.fields(operation.arguments)
        if field.name not in operation.secret
    }
    assert {name: of for name, of in fields.items() if name not in ARGUMENT_HELP} == {}


def test_every_route_is_among_those_that_are_tried() -> None:
    assert len(SERVED) >= 6
    assert {(method, re.sub(r"(/vehicle-command)/.+", r"\1/{command_id}", path)) for method, path in ROUTES} == SERVED


@pytest.mark.parametrize(("method", "path"), sorted(SERVED))
def test_every_route_is_documented(method: str, path: str) -> None:
    assert f"{method} {path}" in (ROOT / "docs/api.md").read_text("utf-8")


def test_a_route_answers_without_a_bearer_only_where_that_is_meant() -> None:
    with open_api() as env:
        codes = {}
        for method, path in SERVED:
            connection = HTTPConnection("127.0.0.1", env.port, timeout=5)
            connection.request(method, path.replace("{command_id}", "x"))
            codes[path, method] = connection.getresponse().status
            connection.close()
    assert {path for (path, _), code in codes.items() if code != 401} <= OPEN


def test_every_adapter_of_the_store_is_protected() -> None:
    """The layers above import none of them: `.importlinter` has to name each."""
    contracts = ConfigParser()
    contracts.read(ROOT / ".importlinter")
    protected = contracts["importlinter:contract:adapters"]["protected_modules"].split()
    adapters = {file.parent.name for file in (SOURCE / "store").glob("*/__init__.py")} - {"migrations"}
    assert {f"keyturn.store.{name}" for name in adapters} == set(protected)
