"""Answers for people on stdout: tables, timelines, and the status line of a command that is followed."""

import sys
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from keyturn.cli.output import format_observed_values, format_value
from keyturn.printable import printable

Record = dict[str, Any]

_STYLES = {"Success": "green", "Error": "red"}

LIST_COLUMNS = {
    "companies": ("name", "active", "id"),
    "operators": ("name", "role", "company", "second_factor", "active"),
    "changes": ("change", "operation", "state", "effective_at", "proposed_by"),
    "applications": ("company", "name", "client_id", "grants", "active"),
    "plans": ("name", "commands"),
    "accounts": ("company", "name", "connector", "active"),
    "alerts": ("entry", "channel", "at", "kind", "state", "count", "failed_attempts", "fault"),
    "channels": ("channel", "delivered", "fault"),
    "immobilisations": ("vin", "since", "state", "reason", "last_contact", "last_position", "keep_enabling"),
    "approvals": ("id", "vin", "command", "reason", "case", "by", "until"),
    "switches": ("scope", "name", "reach", "reason", "by", "at"),
    "stops": ("company", "application", "cause", "at"),
    "keep_enabling": ("vin", "since", "by", "issued", "last_state"),
    "vehicles": ("vin", "ownership", "powertrain", "plan", "account", "consent_reference", "active"),
}
"""Columns by the name of an answer's list."""

_PIPE_WIDTH = 240


def print_table(answer: Mapping[str, Any]) -> None:
    """Print a list with one row per item, anything else with one row per member."""
    listed = next((name for name in LIST_COLUMNS if isinstance(answer.get(name), list)), None)
    table = _members(answer) if listed is None else _listing(LIST_COLUMNS[listed], answer[listed])
    console().print(table)
    if answer.get("next"):
        print(f"More: --after {printable(str(answer['next']))}")


def print_timeline(native: Mapping[str, Any]) -> None:
    """Print a command's record, its precondition results, and one row per audit entry or exchange with the OEM."""
    plain = {name: value for name, value in native.items() if name not in ("timeline", "verdicts")}
    out = console()
    out.print(_members(plain))
    out.print(pairs((f"precondition {row['number']}", _precondition(row)) for row in native["verdicts"] or ()))
    out.print(pairs((event["at"], _event(event)) for event in native["timeline"]))


def follow(records: Iterable[Record]) -> Record:
    """Show each record in turn, on one changing line where stdout is a terminal; returns the last one."""
    from rich.live import Live  # tables do without them
    from rich.spinner import Spinner

    out = console()
    with Live(console=out, refresh_per_second=8) if out.is_terminal else nullcontext() as live:
        for record in records:
            if live is None:
                out.print(_line(record), soft_wrap=True)
            else:
                live.update(_line(record) if record["status"] in _STYLES else Spinner("dots", _line(record)))
    return record


def _precondition(row: Mapping[str, Any]) -> str:
    why = f"; {row['why']}" if row.get("why") else ""
    return f"{row['verdict']}: {'; '.join(format_observed_values(row.get('signals', {}))) or '-'}{why}"


def _event(event: Mapping[str, Any]) -> str:
    fields = {name: value for name, value in event.items() if name not in ("at", "kind", "actor") and value is not None}
    return f"{event['kind']} by {event['actor']}: {format_value(fields)}"


def console() -> Console:
    """A console on stdout; wide where it is no terminal, so that lines are not broken."""
    return Console(width=None if sys.stdout.isatty() else _PIPE_WIDTH, highlight=False)


def pairs(rows: Iterable[tuple[str, str]]) -> Table:
    """A table of names and values; values are folded, never cut."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in rows:
        table.add_row(printable(name), Text(printable(value)))
    return table


def _members(answer: Mapping[str, Any]) -> Table:
    return pairs((name, format_value(value)) for name, value in answer.items())


def _listing(columns: tuple[str, ...], items: list[dict[str, Any]]) -> Table:
    table = Table(*(column.replace("_", " ") for column in columns), box=None, header_style="dim", pad_edge=False)
    for item in items:
        table.add_row(*(Text(printable(format_value(item[column]))) for column in columns))
    return table


def _line(record: Record) -> Text:
    line = Text(printable(f"{record['command']} {record['vin']}  "))
    line.append(printable(record["status"]), style=_STYLES.get(record["status"], "yellow"))
    if record["detail"]:
        line.append(printable(f"  {format_value(record['detail'])}"))
    return line
