"""Names of operators are a company's own, and a sign-in finds its operator by name, name@company or address."""

import json
from typing import Any

import pytest

from keyturn.auth import passwords
from tests.support.tenant_env import TenantEnv
from tests.tenants.staff import Staff

FIRST, SECOND, WHOLE = "the first long phrase", "the second long phrase", "the longest phrase of all"


@pytest.fixture
def anas(env: TenantEnv) -> Staff:
    """Three people called ana, of two companies and of the installation."""
    staff = Staff(env)
    for company, password in (("Frota", FIRST), ("Outra", SECOND), (None, WHOLE)):
        if company:
            env.do("company add", name=company)
        email = f"ana@{(company or 'all').lower()}.example"
        hashed = passwords.hash_password(password)
        staff.do("operator add", name="ana", email=email, role="viewer", password=hashed, company=company)
    return staff


def test_the_same_name_is_taken_once_in_each_company(anas: Staff, env: TenantEnv) -> None:
    new: dict[str, Any] = {"name": "ana", "email": "a@b.c", "role": "viewer", "password": "h"}
    for company in ("Frota", "Outra", None):
        assert anas.refused("operator add", company=company, **new) == "name_taken"
    anas.do("operator add", company="Frota", **new | {"name": "eva"})
    assert anas.refused("operator set", person="eva", name="ana") == "name_taken"
    assert anas.refused("operator show", person="ana") == "ambiguous"
    assert anas.do("operator show", person="ana", company="Outra")["company"] == "Outra"


@pytest.mark.parametrize(
    ("called", "password", "company"),
    [
        ("ana", FIRST, "Frota"),
        ("ana", SECOND, "Outra"),
        ("ana", WHOLE, None),
        ("ana@Frota", FIRST, "Frota"),
        ("ana@Outra", SECOND, "Outra"),
        ("ana@frota.example", FIRST, "Frota"),
        ("ana@all.example", WHOLE, None),
    ],
)
def test_a_sign_in_finds_whoever_the_password_fits(
    anas: Staff, env: TenantEnv, called: str, password: str, company: str | None
) -> None:
    operator = anas.sign_in(called, password)
    row = env.rows(
        f"SELECT c.name FROM operator o LEFT JOIN company c ON c.id = o.company_id WHERE o.id = '{operator.id}'"
    )
    assert row == [(company,)]


@pytest.mark.parametrize(
    ("called", "password"), [("ana@Frota", SECOND), ("ana@Nova", FIRST), ("ana@outra.example", FIRST), ("ana@", WHOLE)]
)
def test_a_name_of_one_company_opens_nothing_of_another(anas: Staff, called: str, password: str) -> None:
    anas.turned_away(called, password)


def test_ambiguous_name_compares_every_operator_it_may_mean(anas: Staff, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    matches = passwords.verify

    def watched(known: str, given: str) -> bool:
        compared.append(known)
        return matches(known, given)

    monkeypatch.setattr(passwords, "verify", watched)
    for password in (FIRST, SECOND, WHOLE):
        anas.sign_in("ana", password)
    assert len(compared) == 9
    assert len(set(compared)) == 3
    anas.turned_away("nobody")
    anas.turned_away("ana@Frota", SECOND)
    assert compared[9:12] == [passwords.DUMMY_HASH] * 3
    assert len(compared) == 15


def test_a_right_sign_in_counts_against_nobody_of_that_name(anas: Staff) -> None:
    for _ in range(6):
        anas.sign_in("ana", FIRST)
    anas.sign_in("ana@Outra", SECOND)


def test_wrong_ones_by_the_full_name_lock_that_one_alone(anas: Staff, env: TenantEnv) -> None:
    for _ in range(5):
        anas.turned_away("ana@Frota", "not the password")
    anas.turned_away("ana@Frota", FIRST)
    anas.turned_away("ana", FIRST)
    assert anas.sign_in("ana", SECOND).name == "ana"
    refused = [json.loads(body)["operator_id"] for (body,) in env.rows(
        "SELECT body FROM entry WHERE kind = 'operator.sign_in_refused'"
    )]  # fmt: skip
    assert refused.count(anas.do("operator show", person="ana", company="Frota")["id"]) == 5


def test_two_whom_the_same_password_fits_are_told_apart_by_the_full_name(anas: Staff, env: TenantEnv) -> None:
    anas.do("operator set-password", person="ana", company="Outra", password=passwords.hash_password(FIRST))
    anas.turned_away("ana", FIRST)
    anas.sign_in("ana@Outra", FIRST)
    anas.sign_in("ana@Frota", FIRST)


def test_operator_without_a_password_yet_is_as_an_unknown_one(anas: Staff) -> None:
    anas.do("operator add", name="eva", email="e@b.c", role="viewer")
    anas.turned_away("eva", "")
    anas.turned_away("eva")
