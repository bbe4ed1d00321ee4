"""One external id is one car: whoever enrols, re-aims or brings back a second row for it is refused."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from keyturn.admin.operation import Installation
from keyturn.connectors.accounts import NameSpaces
from keyturn.store.port import Tx
from keyturn.tenants import name_spaces
from tests.support import tenant_env
from tests.support.tenant_env import INSTALLATION, TenantEnv

from .staff import Staff

Enrol = Callable[..., dict[str, Any]]


def spaces_of(env: TenantEnv) -> list[tuple[str, str, str | None]]:
    return env.rows("SELECT vin, name_space, doubt FROM vehicle WHERE active = 1 ORDER BY vin")


@pytest.fixture
def two_cars(env: TenantEnv, enrol: Enrol) -> dict[str, dict[str, Any]]:
    """Each of a company of its own, behind the same cloud."""
    return {"a": enrol("Frota", "VINA", external_id="car-a"), "b": enrol("Outra", "VINB", external_id="car-b")}


def test_a_vehicle_is_not_aimed_at_another_ones_car(env: TenantEnv, two_cars: dict[str, dict[str, Any]]) -> None:
    refusal = env.refused("vehicle set", vehicle="VINA", external_id="car-b")

    assert (refusal.code, str(refusal)) == ("vin_refused", "The VIN 'VINA' cannot be added.")
    assert env.do("vehicle show", vehicle="VINA")["external_id"] == "car-a"


def test_an_invented_vin_is_not_enrolled_for_another_ones_car(
    env: TenantEnv, enrol: Enrol, two_cars: dict[str, dict[str, Any]]
) -> None:
    given = {"company": "Frota", "vin": "VINX", "account": "main", "plan": "full", "ownership": "owned"}

    assert env.refused("vehicle add", **given, external_id="car-b").code == "vin_refused"
    assert env.refused("vehicle add", **given, external_id="car-a").code == "vin_refused"
    assert [row[0] for row in spaces_of(env)] == ["VINA", "VINB"]


def test_a_row_that_was_put_aside_does_not_come_back_beside_its_follower(env: TenantEnv, enrol: Enrol) -> None:
    old = enrol("Frota", "VINA", external_id="car-a")
    env.do("vehicle set", vehicle="VINA", active=False)
    enrol("Outra", "VINB", external_id="car-a")

    assert env.refused("vehicle set", vehicle=old["id"], active=True).code == "vin_refused"


def test_what_was_known_of_another_car_is_forgotten(env: TenantEnv, two_cars: dict[str, dict[str, Any]]) -> None:
    write = "INSERT INTO vehicle_evidence (vehicle_id, report, track) VALUES (:id, '{}', '{}')"
    env.wait(env.store.write(lambda tx: tx.run(write, id=two_cars["a"]["id"])))

    env.do("vehicle set", vehicle="VINA", ownership="rented")
    assert env.rows("SELECT count(*) FROM vehicle_evidence") == [(1,)]
    env.do("vehicle set", vehicle="VINA", external_id="car-c")

    assert env.rows("SELECT count(*) FROM vehicle_evidence") == [(0,)]


def test_names_may_be_an_accounts_own(env: TenantEnv, enrol: Enrol, monkeypatch: pytest.MonkeyPatch) -> None:
    own = NameSpaces({"acme": "https://acme.example"}, frozenset({"acme"}))
    told = Installation(
        **{name: getattr(INSTALLATION, name) for name in INSTALLATION.__struct_fields__} | {"name_spaces": own}
    )
    monkeypatch.setattr(tenant_env, "INSTALLATION", told)

    enrol("Frota", "VINA", external_id="7")
    enrol("Outra", "VINB", external_id="7")

    assert len({space for _, space, _ in spaces_of(env)}) == 2
    given = {"company": "Frota", "vin": "VINX", "account": "main", "plan": "full", "ownership": "owned"}
    assert env.refused("vehicle add", **given, external_id="7").code == "vin_refused"


@pytest.mark.parametrize(
    ("by_account", "one"),
    [(frozenset[str](), True), (frozenset({"acme"}), True), (frozenset({"acme", "relay"}), False)],
)
def test_connectors_with_one_base_url_are_one_name_space(by_account: frozenset[str], one: bool) -> None:
    spaces = NameSpaces({"acme": "https://acme.example", "relay": "https://acme.example"}, by_account)

    assert (spaces.of("acme", "account 1") == spaces.of("relay", "account 2")) is one
    assert spaces.of("other", "account 1") != spaces.of("acme", "account 1")


def test_later_of_two_rows_for_one_car_is_in_doubt(env: TenantEnv, two_cars: dict[str, dict[str, Any]]) -> None:
    """As an older Keyturn may have left them: nothing told them apart, and no name space was settled."""
    env.clock.advance(1.0)
    spoil = (
        "UPDATE vehicle SET name_space = NULL, external_id = 'car-b', created_at = created_at + :late WHERE vin = :vin"
    )
    env.wait(env.store.write(lambda tx: tx.run(spoil, vin="VINA", late=5)))
    env.wait(env.store.write(lambda tx: tx.run(spoil, vin="VINB", late=0)))

    settled = env.wait(env.store.write(lambda tx: name_spaces.assign_all(tx, NameSpaces())))

    assert settled == 2
    assert [(vin, doubt) for vin, _, doubt in spaces_of(env)] == [("VINA", "shared"), ("VINB", None)]
    assert env.rows("SELECT count(*) FROM entry WHERE kind = 'vehicle.identity_conflict'") == [(1,)]
    assert env.wait(env.store.write(lambda tx: name_spaces.assign_all(tx, NameSpaces()))) == 0
    env.do("vehicle set", vehicle="VINA", external_id="car-a")
    assert [doubt for _, _, doubt in spaces_of(env)] == [None, None]


def test_a_company_does_not_say_which_car_a_vin_means(env: TenantEnv, two_cars: dict[str, dict[str, Any]]) -> None:
    staff = Staff(env)
    staff.hire("ana", company="Frota")
    given: dict[str, Any] = {"vin": "VINX", "account": "main", "plan": "full", "ownership": "owned"}

    assert staff.refused("vehicle add", "ana", company="Frota", **given) == "installation_needed"
    changed: list[dict[str, Any]] = [{"external_id": "car-x"}, {"account": "main"}, {"ownership": "rented"}]
    for changes in changed:
        assert staff.refused("vehicle set", "ana", vehicle="VINA", **changes) == "installation_needed"


def test_a_far_side_that_moved_takes_the_vehicles_of_each_account_along(
    env: TenantEnv, two_cars: dict[str, dict[str, Any]]
) -> None:
    """Another base URL in the configuration: nobody is in doubt by that, and it is done once."""
    moved = NameSpaces({"acme": "https://new.example"})

    assert env.wait(env.store.write(lambda tx: name_spaces.assign_all(tx, moved))) == 2
    assert [(space, doubt) for _, space, doubt in spaces_of(env)] == [("https://new.example", None)] * 2
    assert env.wait(env.store.write(lambda tx: name_spaces.assign_all(tx, moved))) == 0
    assert env.rows("SELECT actor FROM entry WHERE actor NOT LIKE 'operator:%'") == []


def test_a_doubt_is_entered_for_its_vehicle_by_the_engine(env: TenantEnv, two_cars: dict[str, dict[str, Any]]) -> None:
    double = (
        "UPDATE vehicle SET name_space = NULL, external_id = 'car-b', created_at = created_at + :late WHERE vin = :vin"
    )
    for vin, late in (("VINA", 5), ("VINB", 0)):
        env.wait(env.store.write(partial(_run, sql=double, vin=vin, late=late)))

    env.wait(env.store.write(lambda tx: name_spaces.assign_all(tx, NameSpaces())))

    entry = "SELECT actor, vehicle_id FROM entry WHERE kind = 'vehicle.identity_conflict'"
    assert env.rows(entry) == [("engine", two_cars["a"]["id"])]


def _run(tx: Tx, sql: str, **params: object) -> int:
    return tx.run(sql, **params)
