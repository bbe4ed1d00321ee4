-- Who had a hand in what, names that are a company's own, and secrets that a change makes when they are fetched.

-- The newest of each deed: for a week, whoever did it is too close to approve.
CREATE TABLE closeness (
  subject     TEXT NOT NULL,                     -- an application's or an operator's id
  operator_id TEXT NOT NULL,                     -- who did it: an operator's id, or 'local'
  deed        TEXT NOT NULL CHECK (deed IN ('made', 'rotated', 'granted', 'hired', 'reset')),
  at          INTEGER NOT NULL,
  PRIMARY KEY (subject, operator_id, deed)
) WITHOUT ROWID;
INSERT INTO closeness SELECT id, created_by, 'made', created_at FROM application;
INSERT INTO closeness SELECT id, created_by, 'hired', created_at FROM operator;
INSERT INTO closeness SELECT operator_id, reset_by, 'reset', reset_at FROM credential_reset;
DROP TABLE credential_reset;

-- A name is taken within its company, or among those of the whole installation. The rows come back under their ids
-- before the transaction ends, which is when the references to them are judged.
PRAGMA defer_foreign_keys = ON;
CREATE TABLE moving_operator AS SELECT * FROM operator;
DROP TABLE operator;
CREATE TABLE operator (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL,
  email       TEXT NOT NULL,
  role        TEXT NOT NULL CHECK (role IN ('viewer', 'approver', 'admin')),
  company_id  TEXT REFERENCES company,           -- NULL: the whole installation
  grants      TEXT NOT NULL,                     -- JSON array of command names
  password    TEXT NOT NULL,                     -- argon2id with its parameters, as a PHC string; empty: none yet
  totp        BLOB,                              -- the shared secret, AES-256-GCM, AAD = operator id
  totp_step   INTEGER NOT NULL,                  -- the newest 30-second step whose code was used
  admin_until INTEGER,                           -- when it ceased to be an active admin
  active      INTEGER NOT NULL CHECK (active IN (0, 1)),
  created_by  TEXT NOT NULL,                     -- an operator's id, or 'local'
  created_at  INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX operator_name ON operator (coalesce(company_id, ''), name);
CREATE INDEX operator_of_name ON operator (name);
CREATE INDEX operator_of_email ON operator (email);
INSERT INTO operator
  (id, name, email, role, company_id, grants, password, totp, totp_step, admin_until, active, created_by, created_at)
SELECT id, name, email, role, company_id, grants, password, totp, totp_step, admin_until, active, created_by, created_at
FROM moving_operator;
DROP TABLE moving_operator;

-- A code by which an operator sets a password or enrols a second factor, once; the newest of each kind.
CREATE TABLE operator_code (
  operator_id TEXT NOT NULL REFERENCES operator,
  purpose     TEXT NOT NULL CHECK (purpose IN ('password', 'totp')),
  digest      TEXT NOT NULL,                     -- HMAC-SHA256 under the installation's pepper
  made_by     TEXT NOT NULL,                     -- an operator's id, or 'local'
  expires_at  INTEGER NOT NULL,
  PRIMARY KEY (operator_id, purpose)
) WITHOUT ROWID;

ALTER TABLE change ADD COLUMN named TEXT;           -- JSON: what the arguments refer to; NULL: proposed before it was kept
ALTER TABLE change ADD COLUMN notice INTEGER;       -- how long it can be withdrawn once nothing more is needed
ALTER TABLE change ADD COLUMN result TEXT;          -- JSON: what was done, where a secret is to be made of it
ALTER TABLE change ADD COLUMN collect_by INTEGER;   -- until when its proposer can fetch that secret
ALTER TABLE change ADD COLUMN collected_at INTEGER;
