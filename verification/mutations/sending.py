"""What is sent, how often, when, and who may read of it."""

from verification.mutations.bug import Bug

BUGS: tuple[Bug, ...] = (
    Bug(
        "the fence is not compared",
        "commands/model/lifecycle.py",
        "WHERE id = ?1 AND fence = ?2",
        "WHERE id = ?1 AND ?2 > 0",
        "",
        test="tests/commands/model/test_lifecycle.py",
    ),
    Bug(
        "sent whether or not the intent was written",
        "engine/dispatch.py",
        """            intent, moment = await self._store.write(self._with_moment(self._intent(command, capabilities)))
            if intent is None:
                return None
            order = outbound(intent, plan.target, boottime + window, moment.ahead)
            return await self._sent(intent, order, plan)
""",
        """            from keyturn.commands.model import record
            intent = await self._store.read(partial(record.load, command_id=command_id))
            if intent is None:
                return None
            intent = __import__("msgspec").structs.replace(intent, send_by=self._clock.now() + 5_000_000)
            await self._exchanged(outbound(intent, plan.target, boottime + window, 0), plan)
            return await self._store.write(self._intent(command, capabilities))
""",
        "4 sent in time",
    ),
    Bug(
        "an unclear sending is retried",
        "commands/execution/outcome.py",
        "(_D, _V.UNCLEAR): _unclear,",
        "(_D, _V.UNCLEAR): lambda tx, command, answer, capabilities: _not_taken(\n"
        "        tx, command, msgspec.structs.replace(answer, temporary=True), capabilities\n    ),",
        "2 at most once",
    ),
    Bug(
        "a permanent refusal is retried",
        "commands/execution/outcome.py",
        "if answer.temporary and again_at <",
        "if again_at <",
        "2 at most once",
    ),
    Bug(
        "a refusal for now ends with the wait of its POST",
        "commands/admission/service.py",
        "    return lifecycle.record_response(tx, command, 200)\n",
        "    if command.state == 'Queued' and command.attempts:\n"
        "        return lifecycle.move(tx, command, lifecycle.State.FAILED, post_code=502)\n"
        "    return lifecycle.record_response(tx, command, 200)\n",
        "temporary refusals",
    ),
    Bug(
        "a POST waits for a try that it will not live to see",
        "commands/model/lifecycle.py",
        "    return response_columns(command) if next_try >= (command.post_until or 0) else {}\n",
        "    return {}\n",
        "",
        test="tests/commands/execution/test_retry.py",
    ),
    Bug(
        "Unknown is sent again when a look-up finds nothing",
        "engine/follow.py",
        """            if await self._resolved(command, answer, connector):
                return
""",
        """            if await self._resolved(command, answer, connector):
                return
            if answer.kind is OutcomeKind.NOTHING_FOUND and connector.capabilities.finds_by_reference:
                from keyturn.connectors.port import OutboundCommand
                await connector.send(
                    OutboundCommand(command.id, command.name, target, self._clock.now() + 1_000_000,
                                    self._clock.boottime() + 1, command.answer_deadline or 0)
                )
""",
        "2 at most once",
    ),
    Bug(
        "the send deadline is not looked at",
        "commands/execution/intent.py",
        "if tx.now >= (command.send_deadline or 0):",
        "if False:",
        "",
        test="tests/commands/execution/test_intent.py",
    ),
    Bug(
        "send_by goes beyond the deadline",
        "commands/execution/intent.py",
        "min(command.send_deadline or 0, after(tx.now, rules.send_window))",
        "after(tx.now, rules.send_window)",
        "4 sent in time",
    ),
    Bug(
        "another node's sending is given up by the wall clock alone",
        "engine/recovery.py",
        "max(0.0, by_wall, not_before - self._clock.boottime())",
        "max(0.0, by_wall)",
        "",
        test="tests/engine/test_recovery.py",
    ),
    Bug(
        "another node's sending lapses by the wall clock alone",
        "engine/sweep.py",
        "return recent | (",
        "return (",
        "",
        test="tests/commands/execution/test_lapse.py",
    ),
    Bug(
        "an answer is taken for that to whatever sending is under way",
        "engine/dispatch.py",
        "partial(outcome.apply_to_sending, sent=intent,",
        "partial(outcome.apply, command_id=intent.id,",
        "",
        test="tests/commands/execution/test_sending_twice.py",
    ),
    Bug(
        "the connector does not compare send_by",
        "connectors/oem_http/http/write_once.py",
        "        if self.send_by.passed():\n",
        "        if False:\n",
        "",
        test="tests/connectors/test_sending_once.py",
    ),
    Bug(
        "a redeemed code is not burnt",
        "commands/admission/intake.py",
        "        self._codes.redeem(tx, authorized.binding, code)\n",
        "",
        "7 one code",
    ),
    Bug(
        "a code is burnt when its command is sent, not when it is redeemed",
        "commands/admission/intake.py",
        "        self._codes.redeem(tx, authorized.binding, code)\n"
        "        confirming = record.load_to_change(tx, code.command_id)\n"
        "        if confirming is None or confirming.state is not State.CONFIRMING:\n",
        "        confirming = record.load_to_change(tx, code.command_id)\n"
        "        if confirming is None or confirming.sent_at is not None:\n"
        "            self._codes.redeem(tx, authorized.binding, code)\n"
        "        if confirming is None or confirming.state is not State.CONFIRMING:\n",
        "7 one code",
    ),
    Bug(
        "a redeemed code is forgotten",
        "commands/admission/confirmation.py",
        "        tx.run(_REDEEM, command_id=code.command_id, now=tx.now, **where)\n",
        "",
        "7 one code",
    ),
    Bug(
        "any six digits are the right ones",
        "commands/admission/confirmation.py",
        "if open_code is not None and hmac.compare_digest(open_code.digest, digest):",
        "if open_code is not None:",
        "7 one code",
    ),
    Bug(
        "vehicles are found without regard to the company",
        "fleet/vehicles.py",
        "AND v.vin = ?1 AND v.company_id = ?2",
        "AND v.vin = ?1 AND ?2 <> ''",
        "10 tenants",
    ),
    Bug(
        "records are read without regard to the company",
        "commands/model/record.py",
        'FROM command WHERE id = ?1 AND company_id = ?2"  # noqa: S608 - as above\n_OF_COMPANY',
        "FROM command WHERE id = ?1 AND ?2 <> ''\"\n_OF_COMPANY",
        "10 tenants",
    ),
)
