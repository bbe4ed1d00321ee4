-- What stands before administration where one person alone could harm.

-- Whose word a consent is, and from when it counts for an immobilisation.
ALTER TABLE vehicle ADD COLUMN consent_by TEXT;      -- an operator's id, or 'local'; NULL: given before this was kept
ALTER TABLE vehicle ADD COLUMN consent_from INTEGER; -- NULL: since it was given

-- What holds back restoring commands ends by itself.
ALTER TABLE kill_switch ADD COLUMN approved_by TEXT; -- the second admin; NULL: one person threw it
ALTER TABLE kill_switch ADD COLUMN ends_at INTEGER;  -- NULL: when it is released
UPDATE kill_switch SET ends_at = thrown_at + 3600000000 WHERE reach = 'restoring';

-- Until when one person alone held them back, by place. It outlives the switch: nobody does so again at once.
CREATE TABLE restoring_held (
  scope      TEXT NOT NULL CHECK (scope IN ('installation', 'company', 'account')),
  scope_id   TEXT NOT NULL,
  company_id TEXT,                                   -- whose account, or the company itself
  until      INTEGER NOT NULL,
  PRIMARY KEY (scope, scope_id)
) WITHOUT ROWID;

-- Closed by hand while the vehicle might still be immobilised: it counts as held, and keeps its way back, until an enable
-- executed or a report said enabled.
ALTER TABLE immobilisation ADD COLUMN held INTEGER NOT NULL DEFAULT 0 CHECK (held IN (0, 1));
CREATE INDEX immobilisation_held ON immobilisation (vehicle_id) WHERE held = 1;
CREATE INDEX immobilisation_held_of_company ON immobilisation (company_id) WHERE held = 1;
