"""Entries are sealed within the commit that writes them, and by the sealer where that failed."""

from verification.mutations.bug import Bug

_TEST = "tests/audit/test_sealing_in_commit.py"

BUGS: tuple[Bug, ...] = (
    Bug(
        "what cannot be sealed is not committed either",
        "store/sqlite/batch.py",
        "            if ends_transaction(error):\n                raise\n            self._begin_anew()\n",
        "            raise\n",
        "",
        test=f"{_TEST}::test_an_act_is_kept_whose_entry_cannot_be_sealed",
    ),
    Bug(
        "a sealing that failed half way is committed",
        "store/sqlite/batch.py",
        "                raise\n            self._begin_anew()\n",
        "                raise\n",
        "",
        test=f"{_TEST}::test_a_sealing_that_failed_half_way_leaves_nothing",
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
        "    if left and left[0].seq > newest + 1 and tx.one(_BETWEEN, newest, left[0].seq) is not None:\n",
        "    if False:\n",
        "every entry is sealed",
    ),
    Bug(
        "entries that the sealer has just sealed are sealed again",
        "audit/sealing.py",
        "[each for each in written if each.seq > newest]",
        "list(written)",
        "",
        test=f"{_TEST}::test_the_sealer_and_a_commit_do_not_seal_the_same_entry",
    ),
    Bug(
        "an entry whose number is taken is passed over",
        "audit/sealing.py",
        "    if tx.run_many(_INSERT_LINK, links) != len(links):\n        raise ChainForked\n",
        "    tx.run_many(_INSERT_LINK, links)\n",
        "",
        test=f"{_TEST}::test_acts_go_on_upon_a_forked_chain",
    ),
)
