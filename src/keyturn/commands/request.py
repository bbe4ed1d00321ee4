"""A parsed and signed request for a command, and what the POST answers."""

import msgspec

from keyturn.commands.nonces import Nonce


class CommandRequest(msgspec.Struct, frozen=True):
    """`POST /vehicle-command` after rows 1-7 of the contract's table."""

    company_id: str
    application_id: str
    grants: frozenset[str]
    vin: str
    """As received."""
    command: str
    code: object = None
    """The body's `code`; None when absent or null. Judged later: it may be of any JSON type."""
    idempotency_key: str | None = None
    reason: str | None = None
    """`X-Reason`, decoded: why an immobilisation is asked for."""
    case_number: str | None = None
    """`X-Case`, decoded."""
    request_hash: str = ""
    """Hex SHA-256 over vin, command, code, and the reason and case headers; compared when the key comes again."""
    nonce: Nonce | None = None
    """Of a signature, version 2: the intake spends it before anything else."""


class PostAnswer(msgspec.Struct, frozen=True):
    """HTTP code and body of an answer that registered or joined a record, or issued a code."""

    http_status: int
    body: dict[str, object]
