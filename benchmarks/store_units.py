"""Tables and units of work of the store bench: what accepting and reading a command does to a database."""

from keyturn.store.port import ReadTx, Tx

VEHICLES = 1000
FILLER = [f"c{number}" for number in range(30)]
SCHEMA = f"""
CREATE TABLE b_account (id TEXT PRIMARY KEY, connector TEXT, sealed BLOB) WITHOUT ROWID;
CREATE TABLE b_vehicle (id TEXT PRIMARY KEY, company_id TEXT, vin TEXT, account_id TEXT REFERENCES b_account,
                        ownership TEXT, powertrain TEXT, capabilities TEXT) WITHOUT ROWID;
CREATE UNIQUE INDEX b_vehicle_vin ON b_vehicle (vin);
CREATE TABLE b_command (id TEXT PRIMARY KEY, company_id TEXT, vehicle_id TEXT, vin TEXT, name TEXT, state TEXT,
                        created_at INTEGER, detail TEXT, {", ".join(FILLER)}) WITHOUT ROWID;
CREATE TABLE b_lane (vehicle_id TEXT PRIMARY KEY, next_number INTEGER) WITHOUT ROWID;
CREATE TABLE b_open (command_id TEXT PRIMARY KEY REFERENCES b_command, vehicle_id TEXT, name TEXT, state TEXT,
                     lane_number INTEGER, wake_at INTEGER) WITHOUT ROWID;
CREATE INDEX b_open_vehicle ON b_open (vehicle_id);
CREATE INDEX b_open_wake ON b_open (wake_at);
CREATE TABLE b_entry (seq INTEGER PRIMARY KEY, at INTEGER, kind TEXT, vehicle_id TEXT, command_id TEXT, body TEXT);
CREATE INDEX b_entry_command ON b_entry (command_id)
"""
VEHICLE = """
SELECT v.id, v.ownership, v.powertrain, v.capabilities, a.connector, a.sealed
FROM b_vehicle v JOIN b_account a ON a.id = v.account_id WHERE v.vin = :vin AND v.company_id = :company_id
"""
OPEN = "SELECT command_id, name, state, lane_number FROM b_open WHERE vehicle_id = :vehicle_id"
CLOSE = "DELETE FROM b_open WHERE command_id = :command_id"
LANE = """
INSERT INTO b_lane (vehicle_id, next_number) VALUES (:vehicle_id, 1)
ON CONFLICT (vehicle_id) DO UPDATE SET next_number = next_number + 1 RETURNING next_number
"""
COLUMNS = ["id", "company_id", "vehicle_id", "vin", "name", "state", "created_at", "detail", *FILLER]
COMMAND = f"INSERT INTO b_command ({', '.join(COLUMNS)}) VALUES ({', '.join(':' + name for name in COLUMNS)})"
OPENED = """
INSERT INTO b_open (command_id, vehicle_id, name, state, lane_number, wake_at)
VALUES (:command_id, :vehicle_id, 'unlock_door', 'Queued', :lane_number, :wake_at)
"""
ENTRY = """
INSERT INTO b_entry (at, kind, vehicle_id, command_id, body)
VALUES (:at, 'command.queued', :vehicle_id, :command_id, '{"from": "new", "to": "Queued", "verdicts": []}')
"""
RECORD = "SELECT state, detail, created_at, vin, name FROM b_command WHERE id = :id AND company_id = 'company'"


def lay_out(tx: Tx) -> None:
    for statement in SCHEMA.split(";"):
        tx.run(statement)
    tx.run("INSERT INTO b_account VALUES ('account', 'simulator', X'00')")
    for number in range(VEHICLES):
        tx.run(
            "INSERT INTO b_vehicle VALUES (:id, 'company', :vin, 'account', 'owned', 'electric', '[]')",
            id=f"vehicle-{number:05}",
            vin=f"9BW{number:014}",
        )


def accept(tx: Tx, number: int) -> str:
    """What accepting a command does to the database."""
    command_id, vin = f"{number:036}", f"9BW{number * 37 % VEHICLES:014}"
    vehicle = tx.one(VEHICLE, vin=vin, company_id="company")
    assert vehicle is not None
    for command in tx.all(OPEN, vehicle_id=vehicle[0]):
        tx.run(CLOSE, command_id=command[0])
    lane = tx.one(LANE, vehicle_id=vehicle[0])
    assert lane is not None
    params: dict[str, object] = dict.fromkeys(COLUMNS)
    params.update(id=command_id, company_id="company", vehicle_id=vehicle[0], vin=vin, name="unlock_door")
    params.update(state="Queued", created_at=tx.now, detail='{"lock_status": "unlocked"}')
    tx.run(COMMAND, **params)
    tx.run(OPENED, command_id=command_id, vehicle_id=vehicle[0], lane_number=lane[0], wake_at=tx.now)
    tx.run(ENTRY, at=tx.now, vehicle_id=vehicle[0], command_id=command_id)
    return command_id


def look(tx: ReadTx, number: int) -> object:
    return tx.one(RECORD, id=f"{number:036}")
