"""What is judged, written down, and told."""

from verification.mutations.bug import Bug

BUGS: tuple[Bug, ...] = (
    Bug(
        "verdicts are written and not obeyed",
        "commands/execution/intent.py",
        "if numbers := assessment.refusals(acceptance=False):",
        "if (numbers := assessment.refusals(acceptance=False)) and not numbers:",
        "9 not sent",
    ),
    Bug(
        "missing evidence refuses nothing",
        "commands/preconditions/evaluation.py",
        "    return context.spec.refused_when_unknown\n",
        "    return False\n",
        "9 not sent",
    ),
    Bug(
        "a value of our own refuses enable_ignition",
        "commands/preconditions/evaluation.py",
        "    if truth is None and _own_record(number, context):\n",
        "    if truth is None and number in _OWN_RECORD and not _own_record(number, context):\n"
        "        return PreconditionResult(number, CheckResult.CONTRADICTED)\n"
        "    if truth is None and _own_record(number, context):\n",
        "",
        test="tests/commands/preconditions/test_evidence_rules.py",
    ),
    Bug(
        "old evidence counts",
        "commands/preconditions/context.py",
        "    if age(signal, context.now) > rules.max_age:\n",
        "    if False:\n",
        "",
        test="tests/commands/preconditions/test_evidence_rules.py",
    ),
    Bug(
        "a vehicle may be immobilised a moment after it stopped",
        "commands/preconditions/evaluation.py",
        "return seconds_between(signal.observed_at, context.now) >= rules.off_for",
        "return True",
        "9 not sent",
    ),
    Bug(
        "rights are not read again before sending",
        "commands/execution/intent.py",
        "    if reason is not None or vehicle is None or capabilities is None:\n",
        "    if vehicle is None or capabilities is None:\n",
        "",
        test="tests/commands/execution/test_intent.py",
    ),
    Bug(
        "transitions are not written down",
        "commands/model/lifecycle.py",
        '    _record_event(tx, moved, str(to), actor, {"from": str(command.state), **context, **(extra or {})})\n',
        "    tx.announce(COMMAND_CHANGED, CommandId(command.id))\n"
        "    tx.announce(VEHICLE_HAS_WORK, VehicleId(command.vehicle_id))\n",
        "8 every transition",
    ),
    Bug(
        "refused ignition attempts are not written down",
        "commands/admission/intake.py",
        "            refused_attempts.record_refusal(tx, request, refusal)\n",
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
        "partial(self._expire, row=row) for row in due if",
        "partial(self._expire, row=row) for row in due[:0] if",
        "5 final",
    ),
    Bug(
        "what a later command may have changed is taken for the doing of an earlier one",
        "commands/execution/outcome.py",
        "    if signal is None or wanted is None or known.expected.changed_at.get(wanted.signal) != command.sent_at:\n",
        "    if signal is None or wanted is None:\n",
        "success is of",
    ),
    Bug(
        "what an earlier lost command may have changed is taken for the doing of a later one",
        "commands/execution/intent.py",
        "    if context.spec.verified_by is None or context.spec.name in context.pending:\n",
        "    if context.spec.verified_by is None:\n",
        "",
        test="tests/commands/execution/test_unclear.py",
    ),
    Bug(
        "no record is opened when a disable leaves",
        "commands/execution/effects.py",
        "    if command.name == DISABLE:\n        immobilisation.open_for(",
        "    if False:\n        immobilisation.open_for(",
        "immobilisation",
    ),
    Bug(
        "a failed disable closes whatever record there is",
        "commands/execution/effects.py",
        "        if record.opened_by != command.id:\n            continue\n",
        "",
        "",
        test="tests/commands/operations/test_immobilisations.py",
    ),
    Bug(
        "the budget of a command is not kept",
        "engine/send_guards.py",
        '        return self._until.get(command_id, float("inf")) - self._clock.monotonic()',
        '        return float("inf")',
        "",
        test="tests/engine/test_clock_watch.py",
    ),
    Bug(
        "a key leads to a new command each time",
        "commands/admission/idempotency.py",
        "    return UsedKey(*row) if row else None",
        "    return None",
        "one record per key",
    ),
)
