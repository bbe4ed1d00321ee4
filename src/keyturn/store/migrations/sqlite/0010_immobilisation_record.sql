-- What an immobilisation record holds of the moment when its disable left, and how an operator closed it.
ALTER TABLE immobilisation ADD COLUMN actor TEXT;             -- who asked for the disable that opened it
ALTER TABLE immobilisation ADD COLUMN consent_at INTEGER;     -- the end user's consent, as it was then
ALTER TABLE immobilisation ADD COLUMN consent_reference TEXT;
ALTER TABLE immobilisation ADD COLUMN latitude REAL;          -- the last known position, as it was then
ALTER TABLE immobilisation ADD COLUMN longitude REAL;
ALTER TABLE immobilisation ADD COLUMN position_at INTEGER;
ALTER TABLE immobilisation ADD COLUMN reminded REAL NOT NULL DEFAULT 0; -- hours after opening that were reminded of
ALTER TABLE immobilisation ADD COLUMN close_reason TEXT;      -- an operator's; closed_by is the operator then
ALTER TABLE immobilisation ADD COLUMN forced INTEGER NOT NULL DEFAULT 0 CHECK (forced IN (0, 1));

-- Each disable and enable that was sent, or took effect, while a record was open.
CREATE TABLE immobilisation_command (
  immobilisation_id INTEGER NOT NULL REFERENCES immobilisation,
  command_id        TEXT NOT NULL REFERENCES command,
  PRIMARY KEY (immobilisation_id, command_id)
) WITHOUT ROWID;

-- What the end user was told.
CREATE TABLE notice (
  id                INTEGER PRIMARY KEY,
  company_id        TEXT NOT NULL,
  vehicle_id        TEXT NOT NULL,
  immobilisation_id INTEGER REFERENCES immobilisation, -- NULL: none was open
  channel           TEXT NOT NULL CHECK (channel IN ('sms', 'phone', 'email', 'app', 'post', 'other')),
  at                INTEGER NOT NULL,            -- when it was told; not before that is it written down
  text              TEXT,
  actor             TEXT NOT NULL,
  written_at        INTEGER NOT NULL
);
CREATE INDEX notice_of_vehicle ON notice (vehicle_id, at);

-- Enabling that goes on until it is confirmed.
CREATE TABLE keep_enabling (
  id                INTEGER PRIMARY KEY,
  company_id        TEXT NOT NULL,
  vehicle_id        TEXT NOT NULL,
  immobilisation_id INTEGER REFERENCES immobilisation, -- what was open when it began
  actor             TEXT NOT NULL,
  epoch             TEXT NOT NULL,               -- the store's, when it began
  started_at        INTEGER NOT NULL,
  next_at           INTEGER NOT NULL,            -- no enable is issued before
  issued            INTEGER NOT NULL,
  command_id        TEXT,                        -- the enable issued last
  ended_at          INTEGER,
  ending            TEXT                         -- closed, verified, executed, time_over, cancelled, vehicle_gone, restored
);
CREATE UNIQUE INDEX keep_enabling_running ON keep_enabling (vehicle_id) WHERE ended_at IS NULL;
