"""Former names and places of settings. They are still read; `docs/upgrading.md` has the table.

A sentence about a setting names the place where it was written. The keys of ``[connectors.NAME.http]`` may stand
directly below ``[connectors.NAME]``.
"""

from collections.abc import Mapping

from keyturn.config.settings import HttpSettings
from keyturn.config.validation import Assignment, ConfigError, KeyPath, dotted

RENAMED: dict[KeyPath, KeyPath] = {
    ("commands", "idempotency_life"): ("commands", "idempotency_lifetime"),
    ("confirmation", "life"): ("confirmation", "lifetime"),
    ("confirmation", "tries"): ("confirmation", "max_attempts"),
    ("tokens", "life"): ("tokens", "lifetime"),
}
"""The present place by the former one."""
_CONNECTORS, _HTTP = "connectors", "http"


def current_path(path: KeyPath) -> KeyPath:
    """The present place of a setting, whether it is given by that place or by its former one."""
    if len(path) > 2 and path[0] == _CONNECTORS and path[2] in HttpSettings.__struct_fields__:
        return (*path[:2], _HTTP, *path[2:])
    return RENAMED.get(path, path)


def resolve_aliases(written: Mapping[KeyPath, Assignment]) -> dict[KeyPath, Assignment]:
    """What one source says, each value by the place that the setting has now.

    Raises `ConfigError` where the source gives a setting in both places.
    """
    found: dict[KeyPath, Assignment] = {}
    given_as: dict[KeyPath, KeyPath] = {}
    for path, assignment in written.items():
        now = current_path(path)
        if now in found:
            former = path if path != now else given_as[now]
            raise ConfigError(
                f"{dotted(former)}: given as {dotted(now)} too; leave one of them out ({assignment.source})."
            )
        found[now], given_as[now] = _placed(path, assignment), path
    return found


def written_path(path: KeyPath, written: Mapping[KeyPath, Assignment]) -> KeyPath:
    """The place of a setting as its connector writes such settings: directly below it, unless it has an ``http``."""
    if path in written:
        return written[path].written_as
    if path[:1] != (_CONNECTORS,) or path[2:3] != (_HTTP,) or len(path) == 3:
        return path
    table = path[:3]
    uses_table = any(place[:3] == table and each.written_as == place for place, each in written.items())
    return path if uses_table else (*path[:2], *path[3:])


def _placed(path: KeyPath, assignment: Assignment) -> Assignment:
    if path in RENAMED:
        return Assignment(assignment.value, f"{assignment.source}, as {dotted(path)}", RENAMED[path])
    return assignment._replace(written_as=path)
