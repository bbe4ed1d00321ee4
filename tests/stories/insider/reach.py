"""What an insider can bring about, as a set of facts; judged by the product's own functions."""

from dataclasses import dataclass, field
from typing import Any

from keyturn.admin import operators
from keyturn.admin.one_time_codes import Purpose, _digest
from keyturn.auth.principal import Operator
from keyturn.auth.tokens import client_secret_digest
from keyturn.clock import after
from keyturn.commands.model.catalogue import COMMANDS, DISABLE, ENABLE
from keyturn.commands.rules import policy
from keyturn.commands.rules.policy import NOT_APPROVED, Stage
from keyturn.fleet import immobilisation, vehicles
from keyturn.immobilisation.views import open_records
from keyturn.store.port import Tx
from keyturn.tenants.accounts import open_account
from keyturn.tenants.spare_credentials import account_for_restoring
from tests.support.server_env import OEM_TOKEN

from .env import HASH, InsiderEnv

Fact = tuple[str, str]
"""``disable`` a car alone, ``expose`` one to a disable that somebody honest approves, ``act as`` an application or an
operator; a car is ``stranded`` or ``hidden``, or its record ``closed``."""
SECONDS_ALONE = 600.0
_MOMENTS = (Stage.ASK, Stage.QUEUE, Stage.APPROVE)
_APPLICATIONS = "SELECT id, name, company_id, client_secret_hash FROM application"
_SIGNING = "SELECT sealed FROM sign_secret WHERE application_id = :id"
_FLEET = """
SELECT v.id, v.vin, v.company_id, v.account_id, v.external_id, a.connector, v.active
FROM vehicle v JOIN oem_account a ON a.id = v.account_id ORDER BY v.id
"""
_RECORDS = "SELECT vehicle_id FROM immobilisation WHERE state <> 'closed' OR held = 1"
_OPEN = "SELECT vehicle_id FROM immobilisation WHERE state <> 'closed'"
_OPENED = "SELECT DISTINCT vehicle_id FROM entry WHERE kind = 'immobilisation.opened'"
_SENT = """
SELECT c.vehicle_id, c.account_id, c.external_id FROM open_command o JOIN command c ON c.id = o.command_id
WHERE o.name = 'disable_ignition' AND o.state = 'Queued'
"""
_HELD = """
SELECT 1 FROM kill_switch WHERE reach = 'restoring' AND (ends_at IS NULL OR ends_at > :until)
  AND (scope = 'installation' OR scope_id IN (:company_id, :account_id))
"""
_STAFF = "SELECT id, name, password, totp IS NULL FROM operator WHERE active = 1"
_CODES = "SELECT purpose, digest FROM operator_code WHERE operator_id = :id AND expires_at > :now"


@dataclass
class Insider:
    """One person with one password; `secrets` is everything that was answered to them."""

    env: InsiderEnv
    id: str
    cars: dict[tuple[str, str], str] = field(default_factory=dict)
    """Label of each car by its name space and its name there, as they were at the beginning."""
    immobilised: dict[str, str] = field(default_factory=dict)
    """Label of each car that was on record as immobilised, by its row."""

    def prepare(self, tx: Tx) -> None:
        labels: dict[object, str] = {vin: label for label, vin in self.env.vins.items()}
        rows = tx.all(_FLEET)
        self.cars = {
            self._car(connector, account, ext): labels.get(vin, str(vin))
            for _, vin, _, account, ext, connector, _ in rows
        }
        marked = {row[0] for row in tx.all(_RECORDS)}
        self.immobilised = {row[0]: labels.get(row[1], str(row[1])) for row in rows if row[0] in marked}

    def facts(self, tx: Tx, secrets: frozenset[str]) -> frozenset[Fact]:
        people = self.people(tx, secrets)
        return frozenset(self._disabling(tx, secrets, people) | self._restoring(tx) | self._posing(tx, people))

    def people(self, tx: Tx, secrets: frozenset[str]) -> list[Operator]:
        """Whom the insider can sign in as, with a second factor."""
        keyring = self.env.server.node.administration._keyring
        found = {self.id}
        for operator_id, _name, password, without_totp in tx.all(_STAFF):
            codes: dict[Purpose, str] = dict(tx.all(_CODES, id=operator_id, now=tx.now))
            known = {
                purpose
                for purpose, digest in codes.items()
                if digest in {_digest(keyring, operator_id, purpose, each) for each in secrets}
            }
            if (password == HASH or "password" in known) and (without_totp or "totp" in known):
                found.add(operator_id)
        loaded = (operators.load(tx, each, second_factor=True) for each in sorted(found))
        return [each for each in loaded if each is not None]

    def _posing(self, tx: Tx, people: list[Operator]) -> set[Fact]:
        return {("act as", each.name) for each in people if each.id != self.id and each.ranks("approver")}

    def _disabling(self, tx: Tx, secrets: frozenset[str], people: list[Operator]) -> set[Fact]:
        desk = self.env.server.node.administration
        found: set[Fact] = set()
        rows = tx.all(_FLEET)
        for application_id, name, company_id, kept in tx.all(_APPLICATIONS):
            if kept not in {client_secret_digest(desk._keyring, each) for each in secrets}:
                continue
            signing = (
                desk._keyring.unseal(bytes(row[0]), application_id) for row in tx.all(_SIGNING, id=application_id)
            )
            if not any(each.decode() in secrets for each in signing):
                continue
            grants = policy.current_grants(tx, company_id, application_id)
            if DISABLE not in grants:
                continue
            found.add(("act as", f"application {name}"))
            helped = any(operators.approval_refusal(tx, each, application_id, tx.now) is None for each in people)
            for row in rows:
                if row[6] and row[2] == company_id and (how := self._may_disable(tx, row[0], application_id, grants)):
                    label = self._label(row[5], row[3], row[4])
                    found |= {("expose", label)} | ({("disable", label)} if helped or how == "alone" else set())
        for vehicle_id, account_id, external_id in tx.all(_SENT):
            connector = next(row[5] for row in rows if row[0] == vehicle_id)
            found.add(("disable", self._label(connector, account_id, external_id)))
        return found

    def _may_disable(self, tx: Tx, vehicle_id: str, actor: str, grants: frozenset[str]) -> str | None:
        """Whether the application gets a disable through, ``alone`` or ``approved`` by somebody; None: never."""
        vehicle = vehicles.load(tx, vehicle_id)
        if vehicle is None or policy.check_permission(
            tx, vehicle, DISABLE, grants, self._capabilities(vehicle.connector)
        ):
            return None
        facts = policy.load_policy_input(tx, vehicle, COMMANDS[DISABLE], actor, reason="missing")
        if any(policy.first_violation(facts, moment) for moment in _MOMENTS):
            return None
        stands = set(policy.violations(facts, Stage.SEND))
        return "alone" if not stands else "approved" if stands == {NOT_APPROVED} else None

    def _restoring(self, tx: Tx) -> set[Fact]:
        found: set[Fact] = set()
        listed = {each["vin"] for each in open_records(tx, None)}
        opened, open_now = {row[0] for row in tx.all(_OPENED)}, {row[0] for row in tx.all(_OPEN)}
        for vehicle_id, label in self.immobilised.items():
            if self.env.vins.get(label, label) not in listed or vehicle_id not in opened:
                found.add(("hidden", label))
            if vehicle_id not in open_now:
                found.add(("closed", label))
            if self._is_stranded(tx, vehicle_id):
                found.add(("stranded", label))
        return found

    def _is_stranded(self, tx: Tx, vehicle_id: str) -> bool:
        """No operator's `keep-enabling` reaches the car that the disable went to."""
        vehicle, records = vehicles.load(tx, vehicle_id), immobilisation.unfinished(tx, vehicle_id)
        if vehicle is None or not vehicle.offers(ENABLE, self._capabilities(vehicle.connector)):
            return True
        account_id, _external_id = records[0].aim or vehicle.aim if records else vehicle.aim
        keyring = self.env.server.node.administration._keyring
        opened = open_account(tx, keyring, account_id)
        if opened is None or account_for_restoring(tx, keyring, opened[1]).credentials != OEM_TOKEN:
            return True
        where = {"company_id": vehicle.company_id, "account_id": account_id}
        return tx.one(_HELD, until=after(tx.now, SECONDS_ALONE), **where) is not None

    def _capabilities(self, connector: str) -> Any:
        return self.env.server.node.runtime._node.connectors[connector].capabilities

    def _car(self, connector: str, account_id: str, external_id: str) -> tuple[str, str]:
        return self.env.server.node.administration._installation.name_spaces.of(connector, account_id), external_id

    def _label(self, connector: str, account_id: str, external_id: str) -> str:
        return self.cars.get(self._car(connector, account_id, external_id), "a car not enrolled before")
