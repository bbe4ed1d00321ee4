"""The dossier of a command: its whole story from the store, for an inquiry, a court, or the owner of the vehicle."""

from typing import Any

import msgspec

from keyturn.admin.guards import reads
from keyturn.admin.operation import Answer, Arguments, Operation, Session
from keyturn.audit import chain_queries
from keyturn.audit.checkpoints import installation_id
from keyturn.audit.encoding import chain_of
from keyturn.audit.kinds import current
from keyturn.clock import iso_time, iso_time_or_none
from keyturn.commands.model import record
from keyturn.commands.model.record import Command
from keyturn.commands.operations.command_details import full_record
from keyturn.errors import OperationError
from keyturn.store.port import ReadTx, Row

DOSSIER_FORMAT = "keyturn-dossier-1"

_COMPANY = "SELECT id, name FROM company WHERE id = :id"
_APPLICATION = "SELECT id, name, client_id, grants, active FROM application WHERE id = :id"
_VEHICLE = """
SELECT v.id, v.vin, v.ownership, v.powertrain, p.name, p.commands, v.consent_at, v.consent_reference, v.active
FROM vehicle v JOIN plan p ON p.id = v.plan_id WHERE v.id = :id
"""
_POLICY = """
SELECT version, rules, made_by, made_at FROM policy
WHERE company_id = :company_id AND made_at <= :at ORDER BY version DESC LIMIT 1
"""
_ENTRIES = """
SELECT at, kind, actor, body, number, hash, prev, personal_hash, salt
FROM entry WHERE command_id = :command_id ORDER BY seq
"""
_IMMOBILISATIONS = """
SELECT id, state, opened_by, opened_at, confirmed_at, closed_at, closed_by FROM immobilisation
WHERE vehicle_id = :vehicle_id AND (
  opened_by = :command_id OR closed_by = :command_id
  OR id IN (SELECT immobilisation_id FROM immobilisation_command WHERE command_id = :command_id)
) ORDER BY id
"""
_NOTICES = "SELECT channel, at, text, actor FROM notice WHERE immobilisation_id = :id ORDER BY at"


class DossierOfCommand(Arguments, frozen=True):
    command: str
    """Id."""


def build_dossier(session: Session, arguments: DossierOfCommand) -> Answer:
    """Everything in one JSON-ready tree. Raises `OperationError`."""
    tx = session.tx
    command = record.load(tx, arguments.command.lower())
    if command is None:
        raise OperationError("command_not_found", f"There is no command '{arguments.command}'.")
    native = full_record(tx, command)
    evidence = native.pop("verdicts")
    entries = [entry_view(row) for row in tx.all(_ENTRIES, command_id=command.id)]
    return {
        "format": DOSSIER_FORMAT,
        "made_at": iso_time(tx.now),
        "installation": installation_id(tx),
        "command": native,
        "asked_by": _asked_by(tx, command),
        "vehicle": _vehicle(tx, command),
        "policy": _policy(tx, command),
        "evidence": evidence,
        "immobilisations": [_immobilisation(tx, row) for row in tx.all(_IMMOBILISATIONS, **_of(command))],
        "entries": entries,
        "checkpoint": _checkpoint(tx, command, entries),
    }


def _of(command: Command) -> dict[str, str]:
    return {"vehicle_id": command.vehicle_id, "command_id": command.id}


def _asked_by(tx: ReadTx, command: Command) -> Answer:
    """Who asked, and their grants now; the checks at that time are in the entries."""
    company = tx.one(_COMPANY, id=command.company_id)
    application = tx.one(_APPLICATION, id=command.actor)
    named = {"company_id": command.company_id, "company": company[1] if company else None, "actor": command.actor}
    if application is None:
        return named
    _, name, client_id, grants, active = application
    return {
        **named,
        "application": name,
        "client_id": client_id,
        "grants_now": msgspec.json.decode(grants),
        "active": bool(active),
    }


def _vehicle(tx: ReadTx, command: Command) -> Answer | None:
    row = tx.one(_VEHICLE, id=command.vehicle_id)
    if row is None:
        return None
    vehicle_id, vin, ownership, powertrain, plan, commands, consent_at, consent, active = row
    return {
        "id": vehicle_id,
        "vin": vin,
        "ownership": ownership,
        "powertrain": powertrain,
        "plan": plan,
        "plan_commands": msgspec.json.decode(commands),
        "consent_at": iso_time_or_none(consent_at),
        "consent_reference": consent,
        "active": bool(active),
    }


def _policy(tx: ReadTx, command: Command) -> Answer | None:
    """The company's rules as they were when the command was registered; None: Keyturn's defaults."""
    row = tx.one(_POLICY, company_id=command.company_id, at=command.created_at)
    if row is None:
        return None
    version, rules, made_by, made_at = row
    return {"version": version, "rules": msgspec.json.decode(rules), "made_by": made_by, "made_at": iso_time(made_at)}


def _immobilisation(tx: ReadTx, row: Row) -> Answer:
    number, state, opened_by, opened_at, confirmed_at, closed_at, closed_by = row
    return {
        "state": state,
        "opened_by": opened_by,
        "opened_at": iso_time(opened_at),
        "confirmed_at": iso_time_or_none(confirmed_at),
        "closed_at": iso_time_or_none(closed_at),
        "closed_by": closed_by,
        "notices": [
            {"channel": channel, "at": iso_time(at), "text": text, "actor": actor}
            for channel, at, text, actor in tx.all(_NOTICES, id=number)
        ],
    }


def entry_view(row: Row) -> Answer:
    """An entry under its present kind; `stored_kind` is the one that the hash covers, where that is another."""
    at, kind, actor, body, number, digest, prev, personal_hash, salt = row
    return {
        "number": number,
        "at": iso_time(at),
        "kind": current(kind),
        **({} if current(kind) == kind else {"stored_kind": kind}),
        "actor": actor,
        "body": msgspec.json.decode(body),
        "erased": personal_hash is not None and salt is None,
        "hash": _hex(digest),
        "prev": _hex(prev),
    }


def _checkpoint(tx: ReadTx, command: Command, entries: list[dict[str, Any]]) -> Answer | None:
    """The first checkpoint that covers every entry of the command; None: there is none yet."""
    numbers = [entry["number"] for entry in entries]
    if not numbers or None in numbers:
        return None
    signed = chain_queries.covering_checkpoint(tx, chain_of(command.company_id), max(numbers))
    return None if signed is None else msgspec.to_builtins(signed)


def _hex(octets: bytes | None) -> str | None:
    return None if octets is None else octets.hex()


OPERATIONS = (
    Operation("command dossier", DossierOfCommand, build_dossier, role="viewer", guard=reads(), cli_command="dossier"),
)
