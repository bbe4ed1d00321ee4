"""Checks of a dry run that concern the requesting application, its signatures, and the OEM account."""

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
_APPLICATION = """
SELECT a.active = 1 AND c.active = 1, a.grants, a.signing = 'v2',
       EXISTS (SELECT 1 FROM sign_secret s WHERE s.application_id = a.id)
FROM application a JOIN company c ON c.id = a.company_id WHERE a.id = :id
"""


class RequestingApplication(msgspec.Struct, frozen=True):
    """The application that would ask for the command."""

    active: bool
    signs: bool
    """It has a sign-secret."""
    grants: frozenset[str]
    """Also while it is disabled."""
    v2_only: bool = False
    """Only signatures of version 2 are accepted from it."""


def load_application(tx: ReadTx, application_id: str) -> RequestingApplication:
    row = tx.one(_APPLICATION, id=application_id)
    if row is None:
        return RequestingApplication(active=False, signs=False, grants=frozenset())
    active, grants, v2_only, signs = row
    return RequestingApplication(bool(active), bool(signs), _NAMES.decode(grants), bool(v2_only))


def application_problems(application: RequestingApplication) -> Iterator[str]:
    """Checks 2 and 6a (docs/api.md)."""
    if not application.active:
        yield BearerInvalid.detail
    if not application.signs:
        yield SignSecretMissing.detail


def sending_problems(session: Session, vehicle: Vehicle, spec: CommandSpec, *, clock_fault: bool) -> Iterator[str]:
    """Reasons for which a command that every check admits is not sent."""
    if clock_fault and spec.kind is Kind.ACTUATING:
        yield CLOCK_FAULT
    try:
        opened = open_account(session.tx, session.keyring, vehicle.account_id)
    except SealBroken:
        yield f"{UNUSABLE} they were sealed under another key."
        return
    if opened is None:  # check 9 refuses it already
        return
    connector, account = opened
    use = session.installation.credentials.get(connector)
    if problems := use.problems(account.credentials) if use else ():
        yield " ".join([UNUSABLE, *problems])
