"""What a request meets before and after its own rules: who asks, with what signature, and through which account."""

from collections.abc import Iterator

import msgspec

from keyturn.admin.operation import Session
from keyturn.auth.keyring import SealBroken
from keyturn.commands.model.catalogue import CommandSpec, Kind
from keyturn.errors import BearerInvalid, SignSecretMissing
from keyturn.fleet.vehicles import Vehicle
from keyturn.store.port import ReadTx
from keyturn.tenants.accounts import open_account

CLOCK_FAULT = "The wall clock was set back; actuating commands wait."
UNUSABLE = "The OEM account's credentials cannot be used:"
_NAMES = msgspec.json.Decoder(frozenset[str])
_CALLER = """
SELECT a.active = 1 AND c.active = 1, a.grants, EXISTS (SELECT 1 FROM sign_secret s WHERE s.application_id = a.id)
FROM application a JOIN company c ON c.id = a.company_id WHERE a.id = :id
"""


class RequestingApplication(msgspec.Struct, frozen=True):
    """The application that would ask."""

    active: bool
    signs: bool
    """It has a sign-secret."""
    grants: frozenset[str]
    """Whether it is active or not."""


def load_application(tx: ReadTx, application_id: str) -> RequestingApplication:
    row = tx.one(_CALLER, id=application_id)
    if row is None:
        return RequestingApplication(active=False, signs=False, grants=frozenset())
    active, grants, signs = row
    return RequestingApplication(bool(active), bool(signs), _NAMES.decode(grants))


def application_problems(asking: RequestingApplication) -> Iterator[str]:
    """Rows 2 and 6a: nothing after them is looked at."""
    if not asking.active:
        yield BearerInvalid.detail
    if not asking.signs:
        yield SignSecretMissing.detail


def sending_problems(session: Session, vehicle: Vehicle, spec: CommandSpec, *, clock_fault: bool) -> Iterator[str]:
    """What keeps a command from the OEM although every rule lets it pass."""
    if clock_fault and spec.kind is Kind.ACTUATING:
        yield CLOCK_FAULT
    try:
        opened = open_account(session.tx, session.keyring, vehicle.account_id)
    except SealBroken:
        yield f"{UNUSABLE} they were sealed under another key."
        return
    if opened is None:  # the rows of the contract say so already
        return
    connector, account = opened
    use = session.installation.credentials.get(connector)
    if problems := use.problems(account.credentials) if use else ():
        yield " ".join([UNUSABLE, *problems])


_SIGNING = "SELECT signing FROM application WHERE id = :application_id"


def needs_v2(tx: ReadTx, application_id: str) -> bool:
    """Whether the application's requests are taken with signatures of version 2 alone."""
    row = tx.one(_SIGNING, application_id=application_id)
    return row is not None and row[0] == "v2"
