"""Former places of settings. They are still read, and a sentence about a setting names the place where it was written.

The keys of ``[connectors.NAME.http]`` may stand directly below ``[connectors.NAME]``.
"""

from collections.abc import Mapping

from keyturn.config.checking import Assignment, ConfigError, KeyPath, dotted
from keyturn.config.settings import HttpSettings

_CONNECTORS, _HTTP = "connectors", "http"


def in_place(written: Mapping[KeyPath, Assignment]) -> dict[KeyPath, Assignment]:
    """What one source says, each value by the place that the setting has now.

    Raises `ConfigError` where the source gives a setting in both places.
    """
    found: dict[KeyPath, Assignment] = {}
    for path, assignment in written.items():
        now = _now(path)
        if now in found:
            former = next(each for each in (path, found[now].written_as) if each != now)
            raise ConfigError(
                f"{dotted(former)}: given as {dotted(now)} too; leave one of them out ({assignment.source})."
            )
        found[now] = assignment._replace(written_as=path)
    return found


def shown(path: KeyPath, written: Mapping[KeyPath, Assignment]) -> KeyPath:
    """The place of a setting as its connector writes such settings: directly below it, unless it has an ``http``."""
    if path in written:
        return written[path].written_as
    if path[:1] != (_CONNECTORS,) or path[2:3] != (_HTTP,) or len(path) == 3:
        return path
    table = path[:3]
    uses_table = any(place[:3] == table and each.written_as == place for place, each in written.items())
    return path if uses_table else (*path[:2], *path[3:])


def _now(path: KeyPath) -> KeyPath:
    if len(path) > 2 and path[0] == _CONNECTORS and path[2] in HttpSettings.__struct_fields__:
        return (*path[:2], _HTTP, *path[2:])
    return path
"""Settings that were renamed, by their former place; the former place is still read.

`docs/upgrading.md` has the table.
"""

from collections.abc import Iterable

from keyturn.config.checking import Assignment, ConfigError, KeyPath, dotted

RENAMED: dict[KeyPath, KeyPath] = {
    ("commands", "idempotency_life"): ("commands", "idempotency_lifetime"),
    ("confirmation", "life"): ("confirmation", "lifetime"),
    ("confirmation", "tries"): ("confirmation", "max_attempts"),
    ("tokens", "life"): ("tokens", "lifetime"),
}
"""The present place by the former one."""


def current(path: KeyPath) -> KeyPath:
    """The present place of a setting, whether it is given by that place or by its former one."""
    return RENAMED.get(path, path)


def renamed(written: Iterable[tuple[KeyPath, Assignment]]) -> dict[KeyPath, Assignment]:
    """One source's assignments by their present place. Raises `ConfigError` where it has both names of a setting."""
    found: dict[KeyPath, Assignment] = {}
    for path, assignment in written:
        place = current(path)
        if place in found:
            former = next(old for old, new in RENAMED.items() if new == place)
            raise ConfigError(
                f"{dotted(place)}: given twice, since {dotted(former)} is its former name; "
                f"leave {dotted(former)} out ({assignment.source})."
            )
        source = assignment.source if place == path else f"{assignment.source}, as {dotted(path)}"
        found[place] = assignment._replace(source=source)
    return found
