"""Deliberate bugs: what takes two persons, what one person may always do, and which car is meant."""

from functools import partial

from verification.mutations.bug import Bug

_ALONE = "nobody immobilises alone"
_TWO = "what takes two takes two"
_MEANT = "the car that was meant"
_HELD = "restoring is held ten minutes"
_AT_ONCE = "what one may do is not held up"
_seen = partial(Bug, insiders=True)

BUGS: tuple[Bug, ...] = (
    _seen(
        "rotating a secret is not guarded",
        "tenants/application_secrets.py",
        'guard=guarded("The operator who rotates knows the secret, and can act as the application."),',
        'guard=__import__("keyturn.admin.guards", fromlist=["at_once"]).at_once("", ""),',
        _TWO,
    ),
    _seen(
        "an operator with a conflict of interest approves a command",
        "admin/conflicts.py",
        "    return next((reason for sql, reason in _CONFLICTS if tx.one(sql, **ids)), None)\n",
        "    return None\n",
        _ALONE,
    ),
    _seen(
        "consent counts at once",
        "tenants/consent.py",
        "    return tx.now + session.installation.delay if operators.admins(tx, company_id, tx.now) else tx.now\n",
        "    return tx.now\n",
        _ALONE,
    ),
    _seen(
        "whoever proposes a change approves it",
        "admin/change_review.py",
        "    if approver.id == change.proposed_by:\n",
        "    if False:\n",
        _TWO,
    ),
    _seen(
        "whom one hired approves one's change",
        "admin/change_review.py",
        "    if have_conflict(tx, approver.id, change.proposed_by, tx.now):\n",
        "    if False:\n",
        _TWO,
    ),
    _seen(
        "a change takes effect without its notice",
        "admin/pending_changes.py",
        "    return begins + notice if notice else tx.now\n",
        "    return tx.now\n",
        _TWO,
    ),
    _seen(
        "closing the record of a vehicle that stands still is not guarded",
        "immobilisation/operations.py",
        "    return _may_be_immobilised(session.tx, _open(session, arguments))\n",
        "    return False\n",
        _TWO,
    ),
    _seen(
        "another external id is not guarded",
        "tenants/vehicle_guard.py",
        '    "external_id": (Need.CHANGE, ',
        '    "external_id": (Need.NOTHING, ',
        _TWO,
    ),
    _seen(
        "who was removed is in charge no longer",
        "admin/operators.py",
        "WHERE ((role = 'admin' AND active = 1) OR admin_until > :since)\n",
        "WHERE role = 'admin' AND active = 1 AND :since > 0\n",
        _TWO,
    ),
    _seen(
        "a vehicle that is aimed anew while its command waits is not looked at before sending",
        "commands/rules/policy.py",
        "        if command.external_id is not None and (command.account_id, command.external_id) != vehicle.aim:\n",
        "        if False:\n",
        _MEANT,
    ),
    _seen(
        "a car whose OEM tells another VIN is acted on",
        "commands/rules/policy.py",
        "facts.spec.kind is Kind.ACTUATING and facts.doubted)",
        "False)",
        _MEANT,
    ),
    Bug(
        "another vehicle's external id is taken",
        "tenants/name_spaces.py",
        "    return tx.one(_HOLDER, **params) is not None\n",
        "    return False and params\n",
        "",
        test="tests/tenants/test_which_car.py",
    ),
    _seen(
        "a switch that one person threw over restoring commands does not end",
        "tenants/kill_switches.py",
        "        ends_at = after(tx.now, UNAPPROVED_DURATION if session.approved_by is None else APPROVED_DURATION)\n",
        "        ends_at = None\n",
        _HELD,
    ),
    _seen(
        "throwing a switch over restoring commands is not guarded",
        "tenants/kill_switches.py",
        "    return Need.CHANGE if arguments.reach == RESTORING else Need.NOTHING\n",
        "    return Need.NOTHING\n",
        _TWO,
    ),
    _seen(
        "a held record is forgotten",
        "fleet/immobilisation.py",
        "    return held if record is None else [record, *held]\n",
        "    return [] if record is None else [record]\n",
        "the way back is open",
    ),
    _seen(
        "withdrawing takes a second factor",
        "admin/change_review.py",
        "        despite_lock=True,\n",
        "        despite_lock=True,\n        signed_in=True,\n",
        _AT_ONCE,
    ),
    _seen(
        "throwing a switch over disabling waits for a second person",
        "tenants/kill_switches.py",
        "    return Need.CHANGE if arguments.reach == RESTORING else Need.NOTHING\n",
        "    return Need.CHANGE\n",
        _AT_ONCE,
    ),
    _seen(
        "releasing restoring commands waits for a second person",
        "tenants/kill_switches.py",
        "    return Need.NOTHING if arguments.reach == RESTORING else Need.CHANGE\n",
        "    return Need.CHANGE\n",
        _AT_ONCE,
    ),
    _seen(
        "accepting the time waits for a second person",
        "admin/clock_operations.py",
        "        guard=at_once(\n",
        '        guard=__import__("keyturn.admin.guards", fromlist=["depends"]).signed_in(\n',
        _AT_ONCE,
    ),
)
