"""Emergency sheet for when the system is down: what was sent to which vehicle, and what to do by hand."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

from keyturn.legible import legible

Record = Mapping[str, Any]
Line = tuple[str, str]
"""What it is, and its value."""

TITLE = "Immobilised vehicles"
STEPS = (
    "Sign in at the OEM's own portal with the account named here and enable the ignition of the vehicle.",
    "If the OEM cannot reach it: have it brought to where there is coverage, or send somebody who can enable it there.",
    "See that the engine starts. Tell the end user.",
    "Write down here who did it and when. Later: keyturn immobilisation close VIN --reason TEXT",
)
_STYLE = """
body { font: 11pt/1.4 sans-serif; margin: 1.5cm; color: #000; background: #fff }
h2 { margin: 1.5em 0 .3em; border-top: 1px solid #000; padding-top: .6em }
section { break-inside: avoid }
th { text-align: left; font-weight: normal; color: #444; padding-right: 1em; vertical-align: top; white-space: nowrap }
.done { margin-top: .8em }
"""


def as_text(records: Iterable[Record]) -> str:
    """For a terminal or a plain printer."""
    parts = [f"{TITLE}, as of {_now()}", *map(_block, records), "By hand:", *(f"  {step}" for step in _numbered())]
    return "\n".join(parts) + "\n"


def as_html(records: Iterable[Record]) -> str:
    """One page that needs nothing else and prints well."""
    steps = "".join(f"<li>{escape(step)}</li>" for step in STEPS)
    sections = "".join(map(_section, records))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{TITLE}</title>'
        f"<style>{_STYLE}</style></head>\n<body><h1>{TITLE}</h1><p>As of {escape(_now())}.</p>\n"
        f"<h3>By hand</h3><ol>{steps}</ol>\n{sections}</body></html>\n"
    )


def lines(record: Record) -> Iterator[Line]:
    """Everything that somebody without the system needs to know."""
    yield "state", f"{record['state']} since {record['since']}"
    yield "company", record["company"]
    yield "OEM account", f"{record['account']} (connector {record['connector']})"
    yield "known there as", record["external_id"]
    yield "asked for by", record["actor"] or "-"
    yield "reason, case", f"{record['reason'] or '-'}, {record['case'] or '-'}"
    yield "consent", f"{record['consent_reference'] or '-'} ({record['consent_at'] or '-'})"
    yield "position when sent", _place(record["position_then"])
    yield "last position", _place(record["last_position"])
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
    told = (f"  {name:{width}}  {legible(value)}" for name, value in lines(record))
    return "\n".join([f"\n{legible(record['vin'])}", *told, "  done by / when: ____________________________\n"])


def _section(record: Record) -> str:
    rows = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(legible(value))}</td></tr>" for name, value in lines(record)
    )
    done = '<p class="done">Done by / when: ____________________________</p>'
    return f"<section><h2>{escape(legible(record['vin']))}</h2><table>{rows}</table>{done}</section>\n"


def _row(line: Line) -> str:
    name, value = line
    return f"<tr><th>{escape(name)}</th><td>{escape(legible(value))}</td></tr>"


def _numbered() -> Iterator[str]:
    return (f"{number}. {step}" for number, step in enumerate(STEPS, 1))


def _place(position: Record | None) -> str:
    return f"{position['latitude']}, {position['longitude']} at {position['at']}" if position else "-"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
