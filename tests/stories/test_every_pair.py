"""Whatever one insider does, in one step or two: no vehicle can be disabled, stranded or hidden that could not before.

The insider has one password and its second factor, the shell, and the secrets of two applications; whatever is done
with less is done here as well. The others in charge do nothing.
"""

import os
from collections.abc import AsyncIterator

import pytest

from keyturn.store.port import Tx

from .insider.candidates import CANDIDATES, LOOKS
from .insider.env import INSIDERS, InsiderEnv, insider_env
from .insider.reach import Fact, Insider
from .insider.walk import Step, Walk

pytestmark = pytest.mark.anyio

WHOLE = "KEYTURN_WHOLE_WALK"
"""In the environment: all candidates behind each other, which takes twice as long."""
CONSENT = ("expose", "consentless")
ALLOWED: dict[Fact, tuple[str, str]] = {
    CONSENT: ("vehicle set", "A consent is given by one who signed in, told to all, counts later, and needs two yet."),
}
"""By fact: the operation that brings it, and why it may."""
LEADERLESS: dict[Fact, tuple[str, str]] = {
    **ALLOWED,
    ("act as", "nina"): ("operator add", "The first admin comes from the shell, is told to all, and decides nothing."),
}


class _Undo(Exception):
    """Nothing of a walk is kept."""


@pytest.fixture(scope="module")
async def env(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[InsiderEnv]:
    async with insider_env(tmp_path_factory.mktemp("pairs")) as opened:
        yield opened


async def walked(env: InsiderEnv, name: str, *, leaderless: bool = False) -> dict[Fact, tuple[Step, ...]]:
    """What is found; `leaderless`: nobody is in charge of the installation, and was not for long."""
    walks: list[Walk] = []

    def work(tx: Tx) -> None:
        if leaderless:
            tx.run("UPDATE operator SET active = 0 WHERE role = 'admin' AND company_id IS NULL")
        ((operator_id,),) = tx.all("SELECT id FROM operator WHERE name = :name", name=name)
        walks.append(Walk(Insider(env, operator_id), tx, everywhere=name == "ivo", whole=WHOLE in os.environ))
        walks[0].run()
        raise _Undo

    with pytest.raises(_Undo):
        await env.server.node.store.write(work)
    return walks[0].found


def surprises(found: dict[Fact, tuple[Step, ...]], allowed: dict[Fact, tuple[str, str]]) -> list[str]:
    """What nobody allowed, or what comes of another operation than the one that it is allowed of."""
    return [
        f"{fact}: {' THEN '.join(map(str, steps))}"
        for fact, steps in found.items()
        if fact not in allowed or steps[-1].operation != allowed[fact][0]
    ]


async def test_every_operation_has_candidates(env: InsiderEnv) -> None:
    """Whoever adds an operation says here what an insider would give it."""
    assert {each.name for each in env.server.node.administration._operations} == CANDIDATES.keys()
    assert all(CANDIDATES.values())


async def test_what_only_looks_is_what_says_so(env: InsiderEnv) -> None:
    table = env.server.node.administration._operations
    assert {each.name for each in table if each.guard.rationale == "It only reads."} == LOOKS.keys()


@pytest.mark.parametrize("name", INSIDERS)
async def test_no_two_steps_of_one_insider_harm_a_vehicle(env: InsiderEnv, name: str) -> None:
    """An admin of the installation and of a company, an approver, viewers of a company and of the installation."""
    assert surprises(await walked(env, name), ALLOWED) == []


@pytest.mark.parametrize("name", ["cora", "alma", "iva"])
async def test_nor_where_only_companies_have_admins(env: InsiderEnv, name: str) -> None:
    assert surprises(await walked(env, name, leaderless=True), LEADERLESS) == []
