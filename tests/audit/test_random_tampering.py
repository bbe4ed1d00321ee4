"""Whatever row is changed in whatever way, below the newest checkpoint it is found."""

import shutil
import tempfile
from pathlib import Path

import apsw
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.audit_env import KEYRING, AuditEnv

numbers = st.integers(1, 10)
chains = st.sampled_from(["company-a", "company-b", ""])
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
entry_edits = st.one_of(
    st.tuples(st.just("entry.at"), st.integers(-(2**40), 2**40)),
    st.tuples(st.sampled_from(["entry.actor", "entry.kind", "entry.vehicle_id", "entry.body"]), texts),
    st.tuples(st.just("entry.company_id"), st.one_of(st.none(), texts)),
    st.tuples(st.just("entry.command_id"), st.one_of(st.none(), texts, st.binary(max_size=4))),
    st.tuples(st.sampled_from(["entry.prev", "entry.hash", "entry.salt"]), st.binary(max_size=33)),
    st.tuples(st.sampled_from(["entry.personal", "entry.personal_hash"]), texts),
    st.tuples(st.just("entry.number"), st.one_of(st.none(), st.integers(13, 99))),
    st.tuples(st.just("delete"), st.just("entry")),
)


def apply(env: AuditEnv, chain: str, number: int, edit: tuple[str, object]) -> bool:
    """Whether anything is other than it was."""
    what, value = edit
    where = "seq = (SELECT seq FROM entry WHERE coalesce(company_id, '') = :chain AND number = :number)"
    if what == "delete":
        return env.tamper(f"DELETE FROM {value} WHERE {where}", chain=chain, number=number) == 1
    table, column = what.split(".")
    statement = f"UPDATE {table} SET {column} = :value WHERE {where} AND {column} IS NOT :value"
    try:
        return env.tamper(statement, value=value, chain=chain, number=number) == 1
    except apsw.ConstraintError:  # the other company's chain has that number
        return False


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(chain=chains, number=numbers, edit=entry_edits)
def test_any_change_below_a_checkpoint_is_found_in_its_chain(
    built: AuditEnv, chain: str, number: int, edit: tuple[str, object]
) -> None:
    folder = Path(tempfile.mkdtemp())
    try:
        env = built.copy(folder / "data")
        if apply(env, chain, number, edit):
            report = env.verify(keys=[KEYRING.checkpoint_key])
            assert report.faults
            named = [fault.number for fault in report.faults if fault.company == (chain or None)]
            assert number in named or edit[0] == "entry.company_id"
    finally:
        shutil.rmtree(folder)
