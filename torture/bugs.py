"""Bugs that somebody could make, as text to replace in the product, with the check that must notice each."""

from typing import NamedTuple


class Bug(NamedTuple):
    name: str
    file: str
    """Under ``src/keyturn``."""
    old: str
    new: str
    check: str
    """What the name of the check begins with."""
    test: str = ""
    """Where the simulation cannot see it: the test that does."""


BUGS: tuple[Bug, ...] = (
    Bug(
        "the fence is not compared",
        "commands/lifecycle.py",
        "WHERE id = :id AND fence = :expected_fence",
        "WHERE id = :id AND :expected_fence > 0",
        "",
        test="tests/commands/test_lifecycle.py",
    ),
    Bug(
        "sent whether or not the intent was written",
        "engine/dispatch.py",
        """            intent = await self._store.write(
                partial(write_intent, command_id=command_id, declares=declares, rules=self._rules)
            )
            if intent is not None:
                answer = await self._answered(_order(intent, briefing.target, boottime + window), briefing)
""",
        """            from keyturn.commands import record
            intent = await self._store.read(partial(record.load, command_id=command_id))
            if intent is not None:
                intent = __import__("msgspec").structs.replace(intent, send_by=self._clock.now() + 5_000_000)
                answer = await self._answered(_order(intent, briefing.target, boottime + window), briefing)
                await self._store.write(
                    partial(write_intent, command_id=command_id, declares=declares, rules=self._rules)
                )
""",
        "4 sent in time",
    ),
    Bug(
        "an unclear sending is retried",
        "commands/outcome.py",
        "(_D, _V.UNCLEAR): _unclear,",
        "(_D, _V.UNCLEAR): lambda tx, command, answer, declares: _not_taken(\n"
        "        tx, command, msgspec.structs.replace(answer, temporary=True), declares\n    ),",
        "2 at most once",
    ),
    Bug(
        "a permanent refusal is retried",
        "commands/outcome.py",
        "if answer.temporary and _may_retry",
        "if _may_retry",
        "2 at most once",
    ),
    Bug(
        "Unknown is sent again when a look-up finds nothing",
        "engine/follow.py",
        """            if await self._resolved(command, answer, connector):
                return
""",
        """            if await self._resolved(command, answer, connector):
                return
            if answer.verdict is Verdict.NOTHING_FOUND and connector.declares.looks_up:
                from keyturn.connectors.port import Order
                await connector.send(
                    Order(command.id, command.name, target, self._clock.now() + 1_000_000,
                          self._clock.boottime() + 1, command.answer_deadline or 0)
                )
""",
        "2 at most once",
    ),
    Bug(
        "the send deadline is not looked at",
        "commands/intent.py",
        "if tx.now >= (command.send_deadline or 0):",
        "if False:",
        "",
        test="tests/commands/test_intent.py",
    ),
    Bug(
        "send_by goes beyond the deadline",
        "commands/intent.py",
        "min(command.send_deadline or 0, after(tx.now, rules.send_window))",
        "after(tx.now, rules.send_window)",
        "4 sent in time",
    ),
    Bug(
        "the connector does not compare send_by",
        "connectors/oem_http/gate.py",
        "        if self.send_by.passed():\n",
        "        if False:\n",
        "",
        test="tests/connectors/test_sending_once.py",
    ),
    Bug(
        "a redeemed code is not burnt",
        "commands/intake.py",
        "        self._codes.burn(tx, ask.binding, code)\n",
        "",
        "7 one code",
    ),
    Bug(
        "a code is burnt when its command is sent, not when it is redeemed",
        "commands/intake.py",
        "        self._codes.burn(tx, ask.binding, code)\n"
        "        confirming = record.load_to_change(tx, code.command_id)\n"
        "        if confirming is None or confirming.state is not State.CONFIRMING:\n",
        "        confirming = record.load_to_change(tx, code.command_id)\n"
        "        if confirming is None or confirming.sent_at is not None:\n"
        "            self._codes.burn(tx, ask.binding, code)\n"
        "        if confirming is None or confirming.state is not State.CONFIRMING:\n",
        "7 one code",
    ),
    Bug(
        "a redeemed code is forgotten",
        "commands/confirmation.py",
        "        tx.run(_REDEEM, command_id=code.command_id, now=tx.now, **where)\n",
        "",
        "7 one code",
    ),
    Bug(
        "any six digits are the right ones",
        "commands/confirmation.py",
        "if open_code is not None and hmac.compare_digest(open_code.digest, digest):",
        "if open_code is not None:",
        "7 one code",
    ),
    Bug(
        "vehicles are found without regard to the company",
        "fleet/vehicles.py",
        "AND v.vin = :vin AND v.company_id = :company_id",
        "AND v.vin = :vin AND :company_id <> ''",
        "10 tenants",
    ),
    Bug(
        "records are read without regard to the company",
        "commands/record.py",
        'FROM command WHERE id = :id AND company_id = :company_id"  # noqa: S608 - as above\n_OF_COMPANY',
        "FROM command WHERE id = :id AND :company_id <> ''\"\n_OF_COMPANY",
        "10 tenants",
    ),
    Bug(
        "answered before the commit",
        "store/sqlite/writer.py",
        "        commit = self._connection.commit  #",
        "        batch.settle()\n        commit = self._connection.commit  #",
        "1 durable",
    ),
    Bug(
        "commits are not synced",
        "store/sqlite/connection.py",
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = NORMAL"',
        "",
        test="tests/durability/test_recorded.py::test_nothing_is_answered_or_sent_before_it_is_durable",
    ),
    Bug(
        "nothing is ever synced",
        "store/sqlite/connection.py",
        '"PRAGMA synchronous = FULL"',
        '"PRAGMA synchronous = OFF"',
        "",
        test="tests/durability/test_recorded.py::test_no_power_cut_loses_an_answer_or_what_the_oem_was_told",
    ),
    Bug(
        "a disk error at commit is swallowed",
        "store/sqlite/writer.py",
        """        error = commit.exception()
        if error is not None:
            self._lose(loop, batch, error)
            return
""",
        """        error = commit.exception()
        if error is not None:
            self._connection.rollback()
""",
        "",
        test="tests/durability/test_errors.py::test_an_error_for_a_moment_refuses_what_came_then_and_nothing_later",
    ),
    Bug(
        "what a kill left in the log is taken for durable",
        "store/sqlite/store.py",
        '        write_again(directory / f"{FILE_NAME}-wal")\n',
        "",
        "",
        test="tests/durability/test_killed.py::test_the_next_server_answers_from_durable_rows_only",
    ),
    Bug(
        "a failed commit is taken for done",
        "store/sqlite/writer.py",
        """        error = commit.exception()
        if error is not None:
            self._lose(loop, batch, error)
            return
""",
        """        error = commit.exception()
        if error is not None and self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
""",
        "1 durable",
    ),
    Bug(
        "a later opposite does not end joining",
        "commands/lanes.py",
        "    if newest is None or _place(newest) < later_opposite(rows, spec):",
        "    if newest is None:",
        "joining",
    ),
    Bug(
        "Unknown is joined for ever",
        "commands/lapse.py",
        "    lifecycle.part(tx, command.id)\n",
        "",
        "",
        test="tests/commands/test_coalescing.py::test_an_unknown_one_is_joined_until_its_answer_deadline",
    ),
    Bug(
        "a restoring command supersedes nothing",
        "commands/registration.py",
        "self._supersede(tx, rows, spec, draft.id) if spec.is_restoring else None",
        "None",
        "superseding",
    ),
    Bug(
        "every command supersedes its opposite",
        "commands/registration.py",
        "self._supersede(tx, rows, spec, draft.id) if spec.is_restoring else None",
        "self._supersede(tx, rows, spec, draft.id) if spec.opposite else None",
        "superseding",
    ),
    Bug(
        "lane exclusion is left to the index, and the index to nobody",
        "commands/lanes.py",
        "    if any(row.state in WITH_OEM for row in lane):\n        return None\n    queued",
        "    queued",
        "",
        test="tests/commands/test_lanes.py",
    ),
    Bug(
        "the newest goes first",
        "commands/lanes.py",
        "return min(queued, key=_place, default=None)",
        "return max(queued, key=_place, default=None)",
        "3 lane",
    ),
    Bug(
        "a command leaves the lane when it is accepted",
        "commands/states.py",
        "WITH_OEM = frozenset({State.DISPATCHING, State.ACCEPTED})",
        "WITH_OEM = frozenset({State.DISPATCHING})",
        "3 lane",
    ),
    Bug(
        "verdicts are written and not obeyed",
        "commands/intent.py",
        "if numbers := refusals(case, findings, acceptance=False):",
        "if (numbers := refusals(case, findings, acceptance=False)) and not numbers:",
        "9 not sent",
    ),
    Bug(
        "missing evidence refuses nothing",
        "commands/judgement.py",
        "    return case.spec.refused_when_unknown\n",
        "    return False\n",
        "9 not sent",
    ),
    Bug(
        "a value of our own refuses enable_ignition",
        "commands/judgement.py",
        "    if truth is None and _own_record(number, case):\n",
        "    if truth is None and number in _OWN_RECORD and not _own_record(number, case):\n"
        "        return Finding(number, Verdict.CONTRADICTED)\n"
        "    if truth is None and _own_record(number, case):\n",
        "",
        test="tests/commands/test_evidence_rules.py",
    ),
    Bug(
        "old evidence counts",
        "commands/cases.py",
        "    if age(signal, case.now) > rules.max_age:\n",
        "    if False:\n",
        "",
        test="tests/commands/test_evidence_rules.py",
    ),
    Bug(
        "a vehicle may be immobilised a moment after it stopped",
        "commands/judgement.py",
        "return seconds_between(signal.observed_at, case.now) >= rules.off_for",
        "return True",
        "9 not sent",
    ),
    Bug(
        "rights are not read again before sending",
        "commands/intent.py",
        "    if reason is not None or vehicle is None or declares is None:\n",
        "    if vehicle is None or declares is None:\n",
        "",
        test="tests/commands/test_intent.py",
    ),
    Bug(
        "transitions are not written down",
        "commands/lifecycle.py",
        '    _tell(tx, moved, str(to), actor, {"from": str(command.state), **(told or {})})\n',
        '    tx.announce("command", command.id)\n    tx.announce("vehicle", command.vehicle_id)\n',
        "8 every transition",
    ),
    Bug(
        "refused ignition attempts are not written down",
        "commands/intake.py",
        "            record_refusal(tx, request, refusal)\n",
        "",
        "8 every transition",
    ),
    Bug(
        "nobody asks how far an accepted command is",
        "engine/engine.py",
        "            State.ACCEPTED: follower.follow,\n",
        "",
        "what the OEM says",
    ),
    Bug(
        "nobody looks at deadlines",
        "engine/sweep.py",
        "partial(self._lapse, row=row) for row in due]",
        "partial(self._lapse, row=row) for row in due[:0]]",
        "5 final",
    ),
    Bug(
        "no record is opened when a disable leaves",
        "commands/effects.py",
        "    if command.name == DISABLE:\n        immobilisation.open_for(",
        "    if False:\n        immobilisation.open_for(",
        "immobilisation",
    ),
    Bug(
        "a failed disable closes whatever record there is",
        "commands/effects.py",
        "    if record is None or record.opened_by != command.id:\n        return\n",
        "    if record is None:\n        return\n",
        "",
        test="tests/commands/test_immobilisations.py",
    ),
    Bug(
        "the budget of a command is not kept",
        "engine/clock_watch.py",
        '        return self._until.get(command_id, float("inf")) - self._clock.monotonic()',
        '        return float("inf")',
        "4 sent within",
    ),
    Bug(
        "a key leads to a new command each time",
        "commands/idempotency.py",
        "    return UsedKey(*row) if row else None",
        "    return None",
        "one record per key",
    ),
)
