"""Emergency sheet: lists immobilised vehicles with all that is needed to enable them while the system is down."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from keyturn.printable import printable

Record = Mapping[str, Any]
Line = tuple[str, str]
"""Name and value."""

TITLE = "Immobilised vehicles"
STEPS = (
    "Sign in at the OEM's own portal with the account named here and enable the ignition of the vehicle.",
    "If the OEM cannot reach it: move the vehicle into coverage, or send a person who can enable it on the spot.",
    "Check that the engine starts. Notify the end user.",
    "Note here who did it and when. Later: keyturn immobilisation close VIN --reason TEXT",
)
_STYLE = """
body { font: 11pt/1.4 sans-serif; margin: 1.5cm; color: #000; background: #fff }
h2 { margin: 1.5em 0 .3em; border-top: 1px solid #000; padding-top: .6em }
section { break-inside: avoid }
th { text-align: left; font-weight: normal; color: #444; padding-right: 1em; vertical-align: top; white-space: nowrap }
.done { margin-top: .8em }
"""


def as_text(records: Iterable[Record]) -> str:
    """The sheet as plain text."""
    parts = [f"{TITLE}, as of {_now()}", *map(_block, records), "By hand:", *(f"  {step}" for step in _numbered())]
    return "\n".join(parts) + "\n"


def as_html(records: Iterable[Record]) -> str:
    """The sheet as one self-contained page for printing."""
    steps = "".join(f"<li>{escape(step)}</li>" for step in STEPS)
    sections = "".join(map(_section, records))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{TITLE}</h1><p>As of {escape(_now())}.</p>\n"
        f"<h3>By hand</h3><ol>{steps}</ol>\n{sections}</body></html>\n"
    )


def lines(record: Record) -> Iterator[Line]:
    """Every name and value of one record."""
    yield "state", f"{record['state']} since {record['since']}"
    yield "company", record["company"]
    yield "OEM account", f"{record['account']} (connector {record['connector']})"
    yield "known there as", record["external_id"]
    yield "asked for by", record["actor"] or "-"
    yield "reason, case", f"{record['reason'] or '-'}, {record['case'] or '-'}"
    yield "consent", f"{record['consent_reference'] or '-'} ({record['consent_at'] or '-'})"
    yield "position when sent", _position(record["position_then"])
    yield "last position", _position(record["last_position"])
    yield "last contact", record["last_contact"] or "-"
    for sent in record["commands"]:
        yield "sent", f"{sent['sent_at']} {sent['command']} by {sent['actor']}: {sent['state']} ({sent['id']})"
        yield "  through", f"{sent['account']} (connector {sent['connector']}), done {sent['completed_at'] or '-'}"
    for notice in record["notices"]:
        yield "end user told", f"{notice['at']} by {notice['channel']}: {notice['text'] or '-'} ({notice['actor']})"
    if keeping := record["keep_enabling"]:
        yield "keep enabling", f"since {keeping['since']} by {keeping['by']}, {keeping['issued']} issued"


def _block(record: Record) -> str:
    width = max(len(name) for name, _value in lines(record))
    rows = (f"  {name:{width}}  {printable(value)}" for name, value in lines(record))
    return "\n".join([f"\n{printable(record['vin'])}", *rows, "  done by / when: ____________________________\n"])


def _section(record: Record) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(printable(value))}</td></tr>" for name, value in lines(record)
    )
    done = '<p class="done">Done by / when: ____________________________</p>'
    return f"<section><h2>{escape(printable(record['vin']))}</h2><table>{rows}</table>{done}</section>\n"


def _numbered() -> Iterator[str]:
    return (f"{number}. {step}" for number, step in enumerate(STEPS, 1))


def _position(position: Record | None) -> str:
    return f"{position['latitude']}, {position['longitude']} at {position['at']}" if position else "-"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
