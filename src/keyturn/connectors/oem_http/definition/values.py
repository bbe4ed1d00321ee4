"""Values of the placeholders in requests and expressions. Pure."""

from keyturn.clock import SECOND, iso_time
from keyturn.connectors.oem_http.definition.definition import Definition
from keyturn.connectors.oem_http.definition.queries import Values
from keyturn.connectors.port import Account, OutboundCommand, Target
from keyturn.connectors.responses import Operation


def account_values(account: Account) -> Values:
    return {f"account.{key}": value for key, value in account.credentials.items()}


def vehicle_values(target: Target) -> Values:
    return {**account_values(target.account), "vehicle.vin": target.vin, "vehicle.external_id": target.external_id}


def sending_values(definition: Definition, command: OutboundCommand) -> Values:
    return {
        **look_up_values(definition, command.target, command.name, command.command_id),
        "command.expires_at": iso_time(command.expires_at),
        "command.expires_at_s": command.expires_at // SECOND,
        "command.expires_at_ms": command.expires_at * 1000 // SECOND,
    }


def look_up_values(definition: Definition, target: Target, name: str, command_id: str) -> Values:
    return {**vehicle_values(target), "command.id": command_id, "command.name": _oem_name(definition, name)}


def status_values(definition: Definition, target: Target, name: str, operation: Operation) -> Values:
    return {**cancel_values(target, operation), "command.name": _oem_name(definition, name)}


def cancel_values(target: Target, operation: Operation) -> Values:
    return {**vehicle_values(target), **operation_values(operation)}


def operation_values(operation: Operation | None) -> Values:
    return {"operation.id": operation.id} if operation and operation.id else {}


def _oem_name(definition: Definition, name: str) -> str:
    """The OEM's name of the command."""
    command = definition.commands.get(name)
    return (command.name if command else None) or name
