"""What an OEM says unasked."""

from .bug import Bug

BUGS: tuple[Bug, ...] = (
    Bug(
        "a pushed result for another account is taken",
        "commands/model/record.py",
        "  AND account_id = :account_id AND operation IS NOT NULL\n",
        "  AND :account_id > '' AND operation IS NOT NULL\n",
        "success is of",
    ),
    Bug(
        "a pushed result is taken for any operation of the account",
        "commands/model/record.py",
        "        return known.id == named.id\n",
        "        return True\n",
        "success is of",
    ),
    Bug(
        "an account of another connector is pushed for",
        "engine/inbox.py",
        "AND connector = :connector AND active",
        "AND :connector > '' AND active",
        "",
        test="tests/engine/test_inbox.py",
    ),
    Bug(
        "a late pushed report says whether the vehicle is reachable",
        "engine/vehicle_reader.py",
        "reports.merge_pushed if pushed else reports.merge_report",
        "reports.merge_report",
        "",
        test="tests/engine/test_inbox.py",
    ),
    Bug(
        "a pushed VIN ends a doubt",
        "engine/vehicle_reader.py",
        "    if not pushed or vehicles.reports_another_vin(vehicle, report.vin):\n",
        "    if True:\n",
        "",
        test="tests/engine/test_inbox.py",
    ),
    Bug(
        "a pushed result is taken while the command is being sent",
        "commands/execution/outcome.py",
        "    followed = record.followed_with(tx, account_id, operation)\n",
        "    followed = [\n"
        "        found\n"
        '        for row in tx.all("SELECT command_id FROM open_command")\n'
        "        if (found := record.load(tx, row[0])) is not None and found.account_id == account_id\n"
        "        and found.oem_operation in (None, operation)\n"
        "    ]\n",
        "",
        test="tests/engine/test_inbox.py",
    ),
)
