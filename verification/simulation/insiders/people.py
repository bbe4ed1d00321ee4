"""The admins, and the rows that enrol them."""

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from keyturn.auth.principal import Operator
from verification.simulation.insiders.drawing import Insider
from verification.simulation.world.installation import COMPANIES, NAME_SPACE, VEHICLES

INES = Operator("ines", "ines", "admin", None, second_factor=True)
INES_BY_PASSWORD = Operator("ines", "ines", "admin", None, second_factor=False)
ANA = Operator("ana", "ana", "admin", None, second_factor=True)
ANA_BY_PASSWORD = Operator("ana", "ana", "admin", None, second_factor=False)
COMPANY = COMPANIES[0]

_ADMIN = """
INSERT INTO operator (id, name, email, role, grants, password, totp_step, active, created_by, created_at)
VALUES ('{0}', '{0}', '{0}@example.com', 'admin', '[]', '', 0, 1, 'local', 0)
"""
_NAME_SPACE = "UPDATE vehicle SET name_space = '{1}' WHERE id = '{0}'"
_NO_CONSENT = "UPDATE vehicle SET consent_at = NULL, consent_reference = NULL WHERE company_id = '{0}'"


def enrolment(insider: Insider) -> tuple[str, ...]:
    """Statements on a database of the template's."""
    in_charge = (INES.id,) if insider.alone else (ANA.id, INES.id)
    return (
        *(_ADMIN.format(who) for who in in_charge),
        *(_NAME_SPACE.format(vehicle.id, NAME_SPACE) for vehicle in VEHICLES),
        *((_NO_CONSENT.format(COMPANY),) if insider.without_consent else ()),
    )


def as_whom(insider: Insider) -> Operator | None:
    """The operator as whom the insider acts; None: the shell."""
    return {"shell": None, "password": INES_BY_PASSWORD, "own factor": INES}[insider.way]


@contextmanager
def ids_of(seed: int) -> Iterator[None]:
    """Ids that administration draws are the seed's, so that a trace is the same every time."""
    chance, drawn = Random(f"ids {seed}"), uuid.uuid4
    uuid.uuid4 = lambda: uuid.UUID(int=chance.getrandbits(128), version=4)
    try:
        yield
    finally:
        uuid.uuid4 = drawn
