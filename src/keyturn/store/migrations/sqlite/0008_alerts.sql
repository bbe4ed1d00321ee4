-- Alerts: which entries were looked at, how many of a kind there were of late, and what each channel has to send.

CREATE TABLE alert_cursor (
  id  INTEGER PRIMARY KEY CHECK (id = 1),
  seq INTEGER NOT NULL                           -- the newest entry that was looked at
);

-- One row per kind and company: what came in the window that began at `since`.
CREATE TABLE alert_tally (
  kind       TEXT NOT NULL,
  company_id TEXT NOT NULL,                      -- '': the installation's own
  since      INTEGER NOT NULL,
  count      INTEGER NOT NULL,
  digest     INTEGER,                            -- the alert that the rest of the window is folded into
  PRIMARY KEY (kind, company_id)
) WITHOUT ROWID;

CREATE TABLE alert (
  entry_seq  INTEGER NOT NULL,
  channel    TEXT NOT NULL,
  message    TEXT NOT NULL,                      -- JSON
  state      TEXT NOT NULL CHECK (state IN ('unsent', 'sent', 'given_up')),
  created_at INTEGER NOT NULL,
  open_until INTEGER NOT NULL,                   -- a digest takes in others until then, and is not sent before
  count      INTEGER NOT NULL,                   -- entries that it tells of
  last_seq   INTEGER NOT NULL,                   -- the newest of them
  attempts   INTEGER NOT NULL,                   -- that failed
  reached    TEXT NOT NULL,                      -- JSON array: recipients who have it already
  fault      TEXT,                               -- why the last attempt failed
  ended_at   INTEGER,                            -- when it was sent or given up
  PRIMARY KEY (entry_seq, channel)               -- an entry that is looked at twice is told once
) WITHOUT ROWID;
CREATE INDEX alert_unsent ON alert (channel, attempts, entry_seq) WHERE state = 'unsent';
CREATE INDEX alert_ended ON alert (ended_at) WHERE ended_at IS NOT NULL;

-- How old the newest backup is must not take a walk through all history.
CREATE INDEX entry_backup ON entry (kind, at) WHERE kind IN ('backup.made', 'backup.old');
