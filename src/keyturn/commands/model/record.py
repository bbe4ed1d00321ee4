"""The row of a command, its row among the open commands, and the queries that read them."""

import msgspec

from keyturn.clock import after
from keyturn.commands.model.catalogue import COMMANDS, CommandSpec
from keyturn.commands.model.states import State, Status
from keyturn.connectors.responses import Operation
from keyturn.store.port import ReadTx, Row


class Command(msgspec.Struct, frozen=True):
    """The row of a command; the fields are its columns, in their order. Instants in microseconds."""

    id: str
    company_id: str
    actor: str
    vehicle_id: str
    account_id: str
    vin: str
    name: str
    state: State
    fence: int
    epoch: int
    status: Status
    detail: str
    """JSON: an object or a text."""
    created_at: int
    updated_at: int
    redeemed_at: int | None = None
    lane_number: int | None = None
    post_until: int | None = None
    post_code: int | None = None
    post_detail: str | None = None
    attempts: int = 0
    not_before: int | None = None
    send_deadline: int | None = None
    send_by: int | None = None
    sent_at: int | None = None
    answer_deadline: int | None = None
    operation: str | None = None
    completed_at: int | None = None
    known_before: str | None = None
    verdicts: str | None = None
    supersedes: str | None = None
    outcome: str | None = None
    cause: str | None = None
    reason: str | None = None
    case_number: str | None = None
    approve_by: int | None = None
    approved_by: str | None = None
    may_have_executed: bool = False
    verification: str | None = None
    external_id: str | None = None
    """The OEM's name for the car that it was asked for; None: registered before this was kept."""

    @property
    def spec(self) -> CommandSpec:
        return COMMANDS[self.name]

    @property
    def oem_operation(self) -> Operation | None:
        return msgspec.json.decode(self.operation, type=Operation) if self.operation else None


class PublicView(msgspec.Struct, frozen=True):
    """What a client sees of a command; the fields are columns of `command`."""

    id: str
    vin: str
    name: str
    status: str
    detail: str
    updated_at: int


class OpenCommand(msgspec.Struct, frozen=True):
    """A command that is not final, for the engine: columns of `open_command`, and one of `command`."""

    command_id: str
    vehicle_id: str
    name: str
    state: State
    lane_number: int | None
    segment: int | None
    lane_slot: int | None
    wake_at: int
    """The next deadline; while Queued, the send deadline."""
    not_before: int | None = None
    """The command's: while Queued, it is not sent before."""

    @property
    def spec(self) -> CommandSpec:
        return COMMANDS[self.name]


COLUMNS = Command.__struct_fields__
_STATE, _STATUS, _MAY_HAVE_EXECUTED = map(COLUMNS.index, ("state", "status", "may_have_executed"))
_STATES = {state.value: state for state in State}
_STATUSES = {status.value: status for status in Status}
_COMMAND = f"SELECT {', '.join(COLUMNS)} FROM command"  # noqa: S608 - column names of our own struct
_OPEN_COLUMNS = OpenCommand.__struct_fields__[:-1]
_OPEN = f"""
SELECT o.{", o.".join(_OPEN_COLUMNS)}, c.not_before FROM open_command o JOIN command c ON c.id = o.command_id
"""  # noqa: S608 - as above
_BY_ID = f"{_COMMAND} WHERE id = :id"
_BY_ID_TO_CHANGE = f"{_BY_ID} FOR UPDATE"
_OPEN_BY_ID = f"{_BY_ID} AND EXISTS (SELECT 1 FROM open_command WHERE command_id = :id)"  # noqa: S608 - as above
_PUBLIC_COLUMNS = ", ".join(PublicView.__struct_fields__)
_PUBLIC_VIEW = f"SELECT {_PUBLIC_COLUMNS} FROM command WHERE id = ?1 AND company_id = ?2"  # noqa: S608 - as above
_OF_COMPANY = f"{_BY_ID} AND company_id = :company_id"
_IS_FOLLOWED = """
WHERE id = :id AND state IN ('Accepted', 'Unknown') AND EXISTS (SELECT 1 FROM open_command WHERE command_id = :id)
"""
_FOLLOWED = _COMMAND + _IS_FOLLOWED
_FOLLOWED_FENCE = f"SELECT fence FROM command {_IS_FOLLOWED}"  # noqa: S608 - as above
_FOLLOWED_OF_ACCOUNT = f"""{_COMMAND}
WHERE id IN (SELECT command_id FROM open_command WHERE state IN ('Accepted', 'Unknown'))
  AND account_id = :account_id AND operation IS NOT NULL
"""  # noqa: S608 - as above
_OPEN_OF_VEHICLE = f"{_OPEN} WHERE o.vehicle_id = ?1"
_POSITIONS = (
    "SELECT command_id, vehicle_id FROM open_command WHERE command_id > :after ORDER BY command_id LIMIT :limit"
)
_STATES_OF_OPEN = (
    "SELECT command_id, state FROM open_command WHERE command_id > :after ORDER BY command_id LIMIT :limit"
)
_UNANSWERED_POSTS = """
SELECT c.id FROM open_command o JOIN command c ON c.id = o.command_id WHERE c.post_code IS NULL ORDER BY c.id
"""
_OPEN_DUE = f"""{_OPEN}
WHERE o.wake_at <= :now AND (o.state <> 'Dispatching' OR o.wake_at <= :sent_before) ORDER BY o.wake_at LIMIT :limit"""


def _command(row: Row | None) -> Command | None:
    if row is None:
        return None
    values = list(row)
    values[_STATE], values[_STATUS] = _STATES[row[_STATE]], _STATUSES[row[_STATUS]]
    values[_MAY_HAVE_EXECUTED] = bool(row[_MAY_HAVE_EXECUTED])
    return Command(*values)


def load(tx: ReadTx, command_id: str) -> Command | None:
    return _command(tx.one(_BY_ID, id=command_id))


def load_public_view(tx: ReadTx, company_id: str, command_id: str) -> PublicView | None:
    """As `load_of_company`, without what a client does not see."""
    row = tx.one(_PUBLIC_VIEW, command_id, company_id)
    return PublicView(*row) if row else None


def load_open(tx: ReadTx, command_id: str) -> Command | None:
    """The command, if it is open."""
    return _command(tx.one(_OPEN_BY_ID, id=command_id))


def load_to_change(tx: ReadTx, command_id: str) -> Command | None:
    """As `load`; no other transaction changes the row until this one ends."""
    return _command(tx.one(_BY_ID_TO_CHANGE, id=command_id))


def load_of_company(tx: ReadTx, company_id: str, command_id: str) -> Command | None:
    """The company's own command; None for another company's."""
    return _command(tx.one(_OF_COMPANY, id=command_id, company_id=company_id))


def _open(row: Row) -> OpenCommand:
    command_id, vehicle_id, name, state, *places = row
    return OpenCommand(command_id, vehicle_id, name, _STATES[state], *places)


def open_of_vehicle(tx: ReadTx, vehicle_id: str) -> list[OpenCommand]:
    return [_open(row) for row in tx.all(_OPEN_OF_VEHICLE, vehicle_id)]


def open_due(tx: ReadTx, limit: int, answer_timeout: float) -> list[OpenCommand]:
    """Commands whose next deadline has passed; those being sent, once their answer is `answer_timeout` seconds late."""
    sent_before = after(tx.now, -answer_timeout)
    return [_open(row) for row in tx.all(_OPEN_DUE, now=tx.now, sent_before=sent_before, limit=limit)]


def load_followed(tx: ReadTx, command_id: str) -> Command | None:
    """The command, if it is Accepted or Unknown and its OEM is still asked about it."""
    return _command(tx.one(_FOLLOWED, id=command_id))


def followed_fence(tx: ReadTx, command_id: str) -> int | None:
    """The fence of what `load_followed` would give; while it is the same, so is the row."""
    row = tx.one(_FOLLOWED_FENCE, id=command_id)
    return row[0] if row else None


def followed_with(tx: ReadTx, account_id: str, operation: Operation) -> list[Command]:
    """The account's commands that are followed as this operation: by its id, or by its URL where one has no id."""
    rows = tx.all(_FOLLOWED_OF_ACCOUNT, account_id=account_id)
    commands = [command for row in rows if (command := _command(row)) is not None]
    return [command for command in commands if _is(command.oem_operation, operation)]


def _is(known: Operation | None, named: Operation) -> bool:
    if known is None:
        return False
    if known.id is not None and named.id is not None:
        return known.id == named.id
    return known.url is not None and known.url == named.url


def open_positions(tx: ReadTx, after: str, limit: int) -> list[tuple[str, str]]:
    """(command id, vehicle id) of open commands: a page that begins behind the command `after`."""
    return [(command_id, vehicle_id) for command_id, vehicle_id in tx.all(_POSITIONS, after=after, limit=limit)]


def open_states(tx: ReadTx, after: str, limit: int) -> list[tuple[str, str]]:
    """(command id, state) of open commands: a page that begins behind the command `after`."""
    return [(command_id, state) for command_id, state in tx.all(_STATES_OF_OPEN, after=after, limit=limit)]


def unanswered_posts(tx: ReadTx) -> list[str]:
    """Ids of the open commands whose POST has no answer yet."""
    return [command_id for (command_id,) in tx.all(_UNANSWERED_POSTS)]
