"""Entries are sealed within the commit that writes them, and by the sealer where that failed."""

from verification.mutations.bug import Bug

_TEST = "tests/audit/test_sealing_in_commit.py"

BUGS: tuple[Bug, ...] = (
    Bug(
        "what cannot be sealed is not committed either",
        "store/sqlite/batch.py",
        "                raise\n            self._writes_notes = True\n            self._begin_anew()\n",
        "                raise\n            raise\n",
        "",
        test=f"{_TEST}::test_an_act_is_kept_whose_entry_cannot_be_sealed",
    ),
    Bug(
        "a sealing that failed half way is committed",
        "store/sqlite/batch.py",
        "            self._writes_notes = True\n            self._begin_anew()\n",
        "            self._writes_notes = True\n",
        "",
        test=f"{_TEST}::test_a_sealing_that_failed_half_way_leaves_nothing",
    ),
    Bug(
        "an entry that cannot be sealed is not written either",
        "store/sqlite/batch.py",
        "            self._writes_notes = True\n",
        "",
        "",
        test=f"{_TEST}::test_an_act_is_kept_whose_entry_cannot_be_sealed",
    ),
    Bug(
        "entries that an undone unit of work wrote for others are lost",
        "store/sqlite/batch.py",
        "                self.tx.written = written\n",
        "",
        "",
        test=f"{_TEST}::test_no_entry_is_lost_with_a_unit_that_is_undone",
    ),
    Bug(
        "sealing does not see the entries of its own transaction",
        "audit/sealing.py",
        "    tx.write_notes()\n    if not any_unsealed(tx):\n",
        "    if not any_unsealed(tx):\n",
        "",
        test="tests/audit/test_restores.py",
    ),
    Bug(
        "entries of an undone unit of work are sealed",
        "store/sqlite/batch.py",
        "        del self.tx.announced[announced:], self.tx.notes[notes:]\n",
        "        del self.tx.announced[announced:]\n",
        "",
        test=f"{_TEST}::test_an_entry_that_was_undone_has_no_number",
    ),
    Bug(
        "new entries are sealed before older ones that were left",
        "audit/sealing.py",
        "    if any_unsealed(tx):\n",
        "    if False:\n",
        "every entry is sealed",
    ),
    Bug(
        "entries that the sealer has just sealed are sealed again",
        "store/sqlite/batch.py",
        "self.tx.notes[self.tx.written :]",
        "self.tx.notes",
        "",
        test=f"{_TEST}::test_the_sealer_and_a_commit_do_not_seal_the_same_entry",
    ),
    Bug(
        "an entry whose number is taken is passed over",
        "audit/sealing.py",
        "    if tx.run_many(sql, rows) != len(rows):\n        raise ChainForked\n",
        "    tx.run_many(sql, rows)\n",
        "",
        test=f"{_TEST}::test_acts_go_on_upon_a_forked_chain",
    ),
)
