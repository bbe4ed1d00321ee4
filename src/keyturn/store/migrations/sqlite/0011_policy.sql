-- Rules of a company, and what stops commands whatever the rules say.

ALTER TABLE command ADD COLUMN reason TEXT;        -- why it was asked for, in the words of the caller
ALTER TABLE command ADD COLUMN case_number TEXT;
ALTER TABLE command ADD COLUMN approve_by INTEGER;  -- AwaitingApproval lapses then
ALTER TABLE command ADD COLUMN approved_by TEXT;    -- the operator who approved it

-- When the vehicle was last in contact, as its evidence says: the size of a fleet is counted by it.
ALTER TABLE vehicle_evidence ADD COLUMN seen_at INTEGER;

CREATE TABLE policy (
  company_id TEXT NOT NULL REFERENCES company,
  version    INTEGER NOT NULL,
  rules      TEXT NOT NULL,                      -- JSON
  made_by    TEXT NOT NULL,
  made_at    INTEGER NOT NULL,
  PRIMARY KEY (company_id, version)              -- two changes at the same moment: one of them is the newest
) WITHOUT ROWID;

CREATE TABLE kill_switch (
  scope     TEXT NOT NULL CHECK (scope IN ('installation', 'company', 'account')),
  scope_id  TEXT NOT NULL,                       -- empty: the installation
  reach     TEXT NOT NULL CHECK (reach IN ('disable', 'actuating', 'restoring')),
  reason    TEXT NOT NULL,
  thrown_by TEXT NOT NULL,
  thrown_at INTEGER NOT NULL,
  PRIMARY KEY (scope, scope_id, reach)
) WITHOUT ROWID;

-- Disables that took their place in the queue, kept for the longest window (a day).
CREATE TABLE disable_count (
  command_id TEXT PRIMARY KEY,
  company_id TEXT NOT NULL,
  actor      TEXT NOT NULL,
  at         INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX disable_count_of_company ON disable_count (company_id, at);
CREATE INDEX disable_count_of_actor ON disable_count (actor, at);

-- A limit was reached: nobody disables any more until an operator lifts it. An empty actor: the whole company.
-- What was counted before it was lifted counts no more.
CREATE TABLE limit_stop (
  company_id TEXT NOT NULL REFERENCES company,
  actor      TEXT NOT NULL,
  cause      TEXT NOT NULL,
  tripped_at INTEGER NOT NULL,
  lifted_at  INTEGER,
  PRIMARY KEY (company_id, actor)
) WITHOUT ROWID;

CREATE INDEX immobilisation_of_company ON immobilisation (company_id) WHERE state <> 'closed';
CREATE INDEX command_to_approve ON open_command (command_id) WHERE state = 'AwaitingApproval';
