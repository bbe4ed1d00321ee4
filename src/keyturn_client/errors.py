"""What can go wrong between a client and Keyturn."""

from typing import Any


class KeyturnError(Exception):
    """Keyturn answered with an error.

    `detail` is its text, `record` the command's record where one was registered (it has an ``id``), else None.
    """

    def __init__(self, http_status: int, detail: str, record: dict[str, Any] | None = None) -> None:
        super().__init__(f"{detail} (HTTP {http_status})")
        self.http_status = http_status
        self.detail = detail
        self.record = record


class Unreachable(Exception):
    """No answer came: after a POST it is not known whether the command was registered."""
