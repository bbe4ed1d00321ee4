"""What is durable, and the order of a vehicle's commands."""

from verification.mutations.bug import Bug

BUGS: tuple[Bug, ...] = (
    Bug(
        "answered before the commit",
        "store/sqlite/writer.py",
        "        commit = self._checkpoints.commit\n",
        "        batch.resolve()\n        commit = self._checkpoints.commit\n",
        "1 durable",
    ),
    Bug(
        "commits are not synced",
        "store/sqlite/connection.py",
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = NORMAL"',
        "",
        test="tests/verification/durability/test_recorded.py::test_nothing_is_answered_or_sent_before_it_is_durable",
    ),
    Bug(
        "nothing is ever synced",
        "store/sqlite/connection.py",
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = OFF"',
        "",
        test="tests/verification/durability/test_recorded.py::test_no_power_cut_loses_an_answer_or_what_the_oem_was_told",
    ),
    Bug(
        "a disk error at commit is swallowed",
        "store/sqlite/writer.py",
        """        error = commit.exception()
        if error is not None:
            self._batch_failed(loop, batch, error)
            return
""",
        """        error = commit.exception()
        if error is not None:
            self._connection.rollback()
""",
        "",
        test="tests/verification/durability/test_errors.py::test_an_error_for_a_moment_refuses_what_came_then_and_nothing_later",
    ),
    Bug(
        "a failed commit is taken for done",
        "store/sqlite/writer.py",
        """        error = commit.exception()
        if error is not None:
            self._batch_failed(loop, batch, error)
            return
""",
        """        error = commit.exception()
        if error is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
""",
        "1 durable",
    ),
    Bug(
        "what a unit of work wrote before it raised is kept",
        "store/sqlite/batch.py",
        """        self.tx.run("ROLLBACK")
        self._forget(0, 0, 0)
        self.begin()
""",
        "        return\n",
        "",
        test="tests/store/test_contract.py::test_a_raising_unit_is_undone_alone",
    ),
    Bug(
        "a later opposite does not end joining",
        "commands/model/lanes.py",
        "    if newest is None or _position(newest) < later_opposite(rows, spec):",
        "    if newest is None:",
        "joining",
    ),
    Bug(
        "Unknown is joined for ever",
        "commands/execution/expiry.py",
        "    lifecycle.stop_coalescing(tx, command.id)\n",
        "",
        "",
        test="tests/commands/admission/test_coalescing.py::test_an_unknown_one_is_joined_until_its_answer_deadline",
    ),
    Bug(
        "a restoring command supersedes nothing",
        "commands/admission/registration.py",
        "_supersede_opposite(tx, subject, command_id) if subject.spec.is_restoring else None",
        "None",
        "superseding",
    ),
    Bug(
        "every command supersedes its opposite",
        "commands/admission/registration.py",
        "_supersede_opposite(tx, subject, command_id) if subject.spec.is_restoring else None",
        "_supersede_opposite(tx, subject, command_id) if subject.spec.opposite else None",
        "superseding",
    ),
    Bug(
        "lane exclusion is left to the index, and the index to nobody",
        "commands/model/lanes.py",
        "    if any(row.state in WITH_OEM for row in lane):\n",
        "    if False:\n",
        "",
        test="tests/commands/model/test_lanes.py",
    ),
    Bug(
        "the newest goes first",
        "commands/model/lanes.py",
        "row.state is State.QUEUED), key=_position)\n",
        "row.state is State.QUEUED), key=_position, reverse=True)\n",
        "3 lane",
    ),
    Bug(
        "a restoring command waits behind what came before it",
        "commands/model/lanes.py",
        "(sorted(restoring, key=lambda row: row.name != ENABLE) or queued[:1])",
        "queued[:1]",
        "3 lane",
    ),
    Bug(
        "enabling waits behind other restoring commands",
        "commands/model/lanes.py",
        "sorted(restoring, key=lambda row: row.name != ENABLE)",
        "restoring",
        "3 lane",
    ),
    Bug(
        "a restoring command in back-off holds up those of other pairs",
        "commands/model/lanes.py",
        "    return reads + [row for row in ready if not row.spec.is_read][:1]\n",
        "    first = [row for row in contenders(rows) if not row.spec.is_read][:1]\n"
        "    return reads + [row for row in first if row in ready]\n",
        "",
        test="tests/commands/model/test_lanes.py",
    ),
    Bug(
        "a command leaves the lane when it is accepted",
        "commands/model/states.py",
        "WITH_OEM = frozenset({State.DISPATCHING, State.ACCEPTED})",
        "WITH_OEM = frozenset({State.DISPATCHING})",
        "3 lane",
    ),
    Bug(
        "a server writes over the log that it finds",
        "store/sqlite/checkpoints.py",
        "    if path.exists() and path.stat().st_size:\n        return\n",
        "",
        "",
        test="tests/store/test_sqlite_checkpoints.py::test_a_log_with_commits_is_left_as_it_is",
    ),
    Bug(
        "the log has no bound",
        "store/sqlite/checkpoints.py",
        "        if self._pages >= BOUND_PAGES:\n",
        "        if False:\n",
        "",
        test="tests/store/test_sqlite_checkpoints.py::test_the_log_has_a_bound_where_nothing_copies_it",
    ),
    Bug(
        "a log that could not be copied once never is",
        "store/sqlite/checkpoints.py",
        "        finally:\n            self._under_way = False\n",
        "        finally:\n            self._under_way = self._failing\n",
        "",
        test="tests/store/test_sqlite_checkpoints.py::test_a_log_that_could_not_be_copied_is_copied_later",
    ),
    Bug(
        "restore takes a changed backup",
        "admin/backup_restore.py",
        "        if judgement.verdict is not SignatureVerdict.SIGNED and not unsigned:\n",
        "        if judgement.verdict is SignatureVerdict.UNSIGNED and not unsigned:\n",
        "",
        test="tests/stories/test_swapped_store.py::test_a_changed_backup_is_not_restored_and_cars_stay_under_record",
    ),
    Bug(
        "a database is opened whatever its structure is",
        "store/sqlite/store.py",
        "        pending = check_own_structure(writing, path)\n",
        "        from keyturn.store.sqlite import migration\n"
        "        pending = migration.pending_migrations(writing, path, migration.known_migrations())\n",
        "",
        test="tests/store/test_sqlite_structure.py",
    ),
    Bug(
        "anybody's word is taken for a restore",
        "audit/restores.py",
        "    return statement if signed.signed_by(named_key(signed) if keys is None else keys) else None\n",
        "    return statement\n",
        "",
        test="tests/audit/test_restores.py::test_an_unsigned_restore_is_a_fault_and_excuses_nothing",
    ),
)
