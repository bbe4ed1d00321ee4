-- What is known of a vehicle, and what was written down about it.

CREATE TABLE vehicle_evidence (
  vehicle_id TEXT PRIMARY KEY,
  report     TEXT NOT NULL,                      -- JSON: the newest reading of each signal
  track      TEXT NOT NULL                       -- JSON: our own record of what our commands did
) WITHOUT ROWID;

CREATE TABLE immobilisation (
  id           INTEGER PRIMARY KEY,
  company_id   TEXT NOT NULL,
  vehicle_id   TEXT NOT NULL,
  opened_by    TEXT NOT NULL,                    -- the disable_ignition that opened it
  state        TEXT NOT NULL CHECK (state IN ('possible', 'confirmed', 'closed')),
  opened_at    INTEGER NOT NULL,
  confirmed_at INTEGER,
  closed_at    INTEGER,
  closed_by    TEXT                              -- the command that closed it, or 'report'
);
-- A vehicle has one open record: what is asked about it has one answer.
CREATE UNIQUE INDEX immobilisation_open ON immobilisation (vehicle_id) WHERE state <> 'closed';

-- Audit entries, which are the events too: written in the transaction of what they tell.
CREATE TABLE entry (
  seq        INTEGER PRIMARY KEY,
  company_id TEXT,                               -- NULL: the installation's own
  at         INTEGER NOT NULL,
  actor      TEXT NOT NULL,
  kind       TEXT NOT NULL,
  vehicle_id TEXT,
  command_id TEXT,
  body       TEXT NOT NULL                       -- JSON
);
CREATE INDEX entry_of_command ON entry (command_id) WHERE command_id IS NOT NULL;
