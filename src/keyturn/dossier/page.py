"""The dossier as one HTML page for printing: no script, nothing loaded from elsewhere, every value escaped."""

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from keyturn.clock import readable_instant
from keyturn.printable import printable, printable_lines

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
body {{ font: 10pt/1.4 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em; color: #111; }}
table {{ border-collapse: collapse; width: 100%; margin: 0 0 1.5em; }}
th, td {{ border: 1px solid #bbb; padding: .25em .5em; text-align: left; vertical-align: top; }}
td {{ overflow-wrap: anywhere; }}
th {{ background: #f2f2f2; font-weight: 600; }}
tr {{ break-inside: avoid; }}
pre {{ white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; font-size: 8.5pt; }}
h2 {{ break-after: avoid; }}
</style>
</head>
<body>
<h1>{title}</h1>
{sections}
</body>
</html>
"""
_SECTIONS = (
    ("command", "Command"),
    ("asked_by", "Who asked"),
    ("vehicle", "Vehicle"),
    ("policy", "Policy when it was registered"),
    ("evidence", "Preconditions and their evidence (ages in seconds)"),
    ("immobilisations", "Immobilisation record"),
    ("entries", "Everything that happened, with its place in the audit chain"),
    ("checkpoint", "Checkpoint that covers these entries"),
)
"""Members of the dossier in the order of the page, and their headings."""


def render(dossier: Mapping[str, Any]) -> str:
    """The page of a dossier."""
    command = dossier["command"]
    title = escape(printable(f"Dossier of {command['command']} {command['id']}"))
    made = f"<p>Made {_text(dossier['made_at'])} by installation {_text(dossier['installation'] or '-')}.</p>"
    sections = (f"<h2>{escape(heading)}</h2>\n{_section(dossier[name])}" for name, heading in _SECTIONS)
    return _PAGE.format(title=title, sections="\n".join([made, *sections]))


def _section(value: Any) -> str:
    if not value:
        return "<p>None.</p>"
    if isinstance(value, Mapping):
        return _members(value)
    return _rows(value)


def _members(members: Mapping[str, Any]) -> str:
    rows = (f"<tr><th>{_name(name)}</th><td>{_cell(value)}</td></tr>" for name, value in members.items())
    return _table(rows)


def _rows(items: list[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for item in items for name in item))
    head = "<tr>" + "".join(f"<th>{_name(column)}</th>" for column in columns) + "</tr>"
    body = ("<tr>" + "".join(f"<td>{_cell(item.get(column))}</td>" for column in columns) + "</tr>" for item in items)
    return _table([head, *body])


def _table(rows: Iterable[str]) -> str:
    return "<table>\n" + "\n".join(rows) + "\n</table>"


def _cell(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"<pre>{_text(json.dumps(_dated(value), ensure_ascii=False, indent=1))}</pre>" if value else "-"
    return _text(value)


def _dated(value: Any) -> Any:
    """Instants as dates, since the page is for people."""
    if isinstance(value, dict):
        return {name: _dated(member) for name, member in value.items()}
    return [_dated(item) for item in value] if isinstance(value, list) else readable_instant(value)


def _text(value: object) -> str:
    words = {None: "-", True: "yes", False: "no"}
    return escape(words[value] if value is None or isinstance(value, bool) else printable_lines(str(value)))


def _name(name: str) -> str:
    return escape(printable(name.replace("_", " ")))
