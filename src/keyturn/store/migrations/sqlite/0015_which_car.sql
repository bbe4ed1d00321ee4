-- Which car a name at the OEM means, and where a command and an immobilisation went.

-- Within a name space an external id is one car. NULL: not settled yet; a node settles it when it starts.
ALTER TABLE vehicle ADD COLUMN name_space TEXT;
-- Why this row may mean another car: 'shared', its external id is another's too; 'vin', its OEM tells another VIN.
ALTER TABLE vehicle ADD COLUMN doubt TEXT CHECK (doubt IN ('shared', 'vin'));
-- When its OEM first told this VIN for it; NULL: not since it means this car.
ALTER TABLE vehicle ADD COLUMN vin_told_at INTEGER;
-- Two rows that can be commanded never mean one car, whoever enrolled them at the same moment.
CREATE UNIQUE INDEX vehicle_external_id ON vehicle (name_space, external_id)
  WHERE active = 1 AND name_space IS NOT NULL AND (doubt IS NULL OR doubt <> 'shared');
CREATE INDEX vehicle_put_aside ON vehicle (external_id) WHERE active = 0;
CREATE INDEX vehicle_of_account ON vehicle (account_id) WHERE active = 1;

ALTER TABLE command ADD COLUMN external_id TEXT;   -- the OEM's name for the car that it was asked for

-- Where the disable went: the enable goes there too.
ALTER TABLE immobilisation ADD COLUMN account_id TEXT;
ALTER TABLE immobilisation ADD COLUMN external_id TEXT;
UPDATE immobilisation
SET account_id = (SELECT v.account_id FROM vehicle v WHERE v.id = vehicle_id),
    external_id = (SELECT v.external_id FROM vehicle v WHERE v.id = vehicle_id)
WHERE state <> 'closed';

-- Credentials that were replaced while vehicles behind the account were immobilised: what restores uses them until the
-- new ones have answered a read.
CREATE TABLE former_credentials (
  account_id  TEXT PRIMARY KEY REFERENCES oem_account,
  sealed      BLOB NOT NULL,                     -- AES-256-GCM, AAD = account id
  replaced_at INTEGER NOT NULL
) WITHOUT ROWID;

-- Proposed credentials that have read an immobilised vehicle where the account's own could not: what restores uses
-- them while the change is open.
CREATE TABLE proven_credentials (
  change_id  TEXT PRIMARY KEY REFERENCES change,
  account_id TEXT NOT NULL REFERENCES oem_account,
  digest     TEXT NOT NULL,                      -- keyed, of the credentials as JSON
  proven_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX proven_credentials_of_account ON proven_credentials (account_id);
