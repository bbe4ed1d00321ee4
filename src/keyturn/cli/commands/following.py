"""A command on its way, on a line that changes as its status does."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any

from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from keyturn.cli.tables import console
from keyturn.cli.words import shown
from keyturn.legible import legible

Record = dict[str, Any]

_STYLES = {"Success": "green", "Error": "red"}


def follow(records: Iterable[Record]) -> Record:
    """Show each record in turn, on one line where stdout is a terminal; the last one."""
    out = console()
    with Live(console=out, refresh_per_second=8) if out.is_terminal else nullcontext() as live:
        for record in records:
            if live is None:
                out.print(_line(record), soft_wrap=True)
            else:
                live.update(_line(record) if record["status"] in _STYLES else Spinner("dots", _line(record)))
    return record


def _line(record: Record) -> Text:
    line = Text(legible(f"{record['command']} {record['vin']}  "))
    line.append(legible(record["status"]), style=_STYLES.get(record["status"], "yellow"))
    if record["detail"]:
        line.append(legible(f"  {shown(record['detail'])}"))
    return line
