-- A command is a row, and the row is the truth. `command` is history and may be thinned one day; everything that makes
-- an "at most one" lives in the small tables below it.

CREATE TABLE command (
  id                TEXT PRIMARY KEY,            -- UUIDv7
  company_id        TEXT NOT NULL,
  actor             TEXT NOT NULL,               -- the application that asked
  vehicle_id        TEXT NOT NULL,
  account_id        TEXT NOT NULL,               -- the OEM account it is sent through
  vin               TEXT NOT NULL,
  name              TEXT NOT NULL,
  state             TEXT NOT NULL,
  fence             INTEGER NOT NULL,            -- raised by every transition; an update with an old one changes nothing
  epoch             INTEGER NOT NULL,            -- the store's epoch when it was registered
  status            TEXT NOT NULL CHECK (status IN ('Confirmation', 'Pending', 'Success', 'Error')),
  detail            TEXT NOT NULL,               -- JSON: an object, or the error text
  created_at        INTEGER NOT NULL,
  updated_at        INTEGER NOT NULL,            -- last change of status or detail
  redeemed_at       INTEGER,                     -- two-step commands: when the code was redeemed
  lane_number       INTEGER,                     -- its place among the vehicle's commands; NULL until Queued
  post_until        INTEGER,                     -- the POST waits for the OEM's first answer until then
  post_code         INTEGER,                     -- the HTTP code that the POST was answered with; NULL while it waits
  post_detail       TEXT,                        -- the POST's `detail`, where it had one
  attempts          INTEGER NOT NULL,            -- sendings that cannot have happened
  not_before        INTEGER,                     -- back-off after such a sending
  send_deadline     INTEGER,
  send_by           INTEGER,                     -- the intent's last moment for the first byte
  sent_at           INTEGER,                     -- when the intent was written
  answer_deadline   INTEGER,
  operation         TEXT,                        -- JSON: how to ask the OEM about it
  completed_at      INTEGER,                     -- when the vehicle did it, as the OEM says
  known_before      TEXT,                        -- JSON: the verifying signal as known before sending
  verdicts          TEXT,                        -- JSON: each precondition with verdict, value and age
  supersedes        TEXT,                        -- the opposite that its registration cancelled
  outcome           TEXT,                        -- what the OEM's last word meant
  cause             TEXT,
  may_have_executed INTEGER NOT NULL CHECK (may_have_executed IN (0, 1)),
  verification      TEXT
) WITHOUT ROWID;

-- One row per vehicle that ever had a command: hands out the order.
CREATE TABLE lane (
  vehicle_id  TEXT PRIMARY KEY,
  next_number INTEGER NOT NULL
) WITHOUT ROWID;

-- Commands that the engine still has work with.
CREATE TABLE open_command (
  command_id  TEXT PRIMARY KEY REFERENCES command,
  vehicle_id  TEXT NOT NULL,
  name        TEXT NOT NULL,
  state       TEXT NOT NULL,
  lane_number INTEGER,
  segment     INTEGER,                           -- joinable among those after that opposite; NULL: nobody joins it
  lane_slot   INTEGER CHECK (lane_slot IN (0, 1)), -- 0: it has the lane; 1: a cancel that overtook what it cancels
  wake_at     INTEGER NOT NULL                   -- when it must be looked at again, whatever wake-ups were lost
) WITHOUT ROWID;

-- Two identical requests at the same moment: one row, the other joins it. Also: one read of a kind per vehicle.
CREATE UNIQUE INDEX open_command_joined ON open_command (vehicle_id, name, segment) WHERE segment IS NOT NULL;
-- Two engines, or two lanes of thought in one, can never have two actuations of a vehicle under way.
CREATE UNIQUE INDEX open_command_in_lane ON open_command (vehicle_id, lane_slot) WHERE lane_slot IS NOT NULL;
CREATE INDEX open_command_of_vehicle ON open_command (vehicle_id);
CREATE INDEX open_command_wake ON open_command (wake_at);

-- Codes that can still be redeemed.
CREATE TABLE open_code (
  command_id TEXT PRIMARY KEY REFERENCES command,
  company_id TEXT NOT NULL,
  actor      TEXT NOT NULL,
  vehicle_id TEXT NOT NULL,
  name       TEXT NOT NULL,
  digest     TEXT NOT NULL,                      -- HMAC under the pepper, bound to all of the above
  tries      INTEGER NOT NULL,                   -- wrong six-digit tries so far
  expires_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Two first steps at the same moment cannot both leave a live code.
CREATE UNIQUE INDEX open_code_binding ON open_code (company_id, actor, vehicle_id, name);
CREATE INDEX open_code_expiry ON open_code (expires_at);

-- Codes that led to their one dispatch: they say "already used" for a day.
CREATE TABLE redeemed_code (
  actor       TEXT NOT NULL,
  vehicle_id  TEXT NOT NULL,
  name        TEXT NOT NULL,
  digest      TEXT NOT NULL,
  command_id  TEXT NOT NULL,
  redeemed_at INTEGER NOT NULL,
  PRIMARY KEY (actor, vehicle_id, name, digest)  -- a code is redeemed once, on whatever node
) WITHOUT ROWID;
CREATE INDEX redeemed_code_age ON redeemed_code (redeemed_at);

-- Issues of `disable_ignition` codes in the last hour.
CREATE TABLE code_issue (
  id         INTEGER PRIMARY KEY,
  actor      TEXT NOT NULL,
  vehicle_id TEXT NOT NULL,
  issued_at  INTEGER NOT NULL
);
CREATE INDEX code_issue_binding ON code_issue (actor, vehicle_id, issued_at);
CREATE INDEX code_issue_age ON code_issue (issued_at);

CREATE TABLE idempotency_key (
  application_id TEXT NOT NULL,
  key            TEXT NOT NULL,
  request_hash   TEXT NOT NULL,
  command_id     TEXT NOT NULL,
  joined_code    INTEGER,                        -- the code that a joining answer had; NULL: as the command's own POST
  expires_at     INTEGER NOT NULL,
  PRIMARY KEY (application_id, key)              -- two requests with one key at the same moment: one command
) WITHOUT ROWID;
CREATE INDEX idempotency_key_of_command ON idempotency_key (command_id);
CREATE INDEX idempotency_key_age ON idempotency_key (expires_at);
