-- People beside applications, whom they answer for, and changes that wait until they may take effect.

CREATE TABLE operator (
  id          TEXT PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  email       TEXT NOT NULL,
  role        TEXT NOT NULL CHECK (role IN ('viewer', 'approver', 'admin')),
  company_id  TEXT REFERENCES company,           -- NULL: the whole installation
  grants      TEXT NOT NULL,                     -- JSON array of command names
  password    TEXT NOT NULL,                     -- argon2id with its parameters, as a PHC string
  totp        BLOB,                              -- the shared secret, AES-256-GCM, AAD = operator id
  totp_step   INTEGER NOT NULL,                  -- the newest 30-second step whose code was used
  admin_until INTEGER,                           -- when it ceased to be an active admin
  active      INTEGER NOT NULL CHECK (active IN (0, 1)),
  created_by  TEXT NOT NULL,                     -- an operator's id, or 'local'
  created_at  INTEGER NOT NULL
) WITHOUT ROWID;

-- The newest reset of a password or a second factor by each other operator: whoever did it could sign in as them.
CREATE TABLE credential_reset (
  operator_id TEXT NOT NULL REFERENCES operator,
  reset_by    TEXT NOT NULL,                     -- an operator's id, or 'local'
  reset_at    INTEGER NOT NULL,
  PRIMARY KEY (operator_id, reset_by)
) WITHOUT ROWID;

-- Sign-ins that failed or are being judged, of the last half hour.
CREATE TABLE sign_in_failure (
  id      TEXT PRIMARY KEY,
  subject TEXT NOT NULL,                         -- an operator's id, or a digest of the name that nobody has
  at      INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX sign_in_failure_of_subject ON sign_in_failure (subject, at);
CREATE INDEX sign_in_failure_age ON sign_in_failure (at);

ALTER TABLE application ADD COLUMN created_by TEXT NOT NULL DEFAULT 'local';

CREATE TABLE responsible_operator (
  application_id TEXT NOT NULL REFERENCES application,
  operator_id    TEXT NOT NULL REFERENCES operator,
  PRIMARY KEY (application_id, operator_id)
) WITHOUT ROWID;

CREATE TABLE change (
  id           TEXT PRIMARY KEY,
  operation    TEXT NOT NULL,
  arguments    TEXT NOT NULL,                    -- JSON, without secrets
  sealed       BLOB,                             -- the secret arguments as JSON, AES-256-GCM, AAD = change id
  company_id   TEXT,                             -- NULL: the installation's own
  state        TEXT NOT NULL CHECK (state IN ('waiting', 'pending', 'applied', 'failed', 'withdrawn', 'lapsed')),
  proposed_by  TEXT NOT NULL REFERENCES operator,
  proposed_at  INTEGER NOT NULL,
  approved_by  TEXT REFERENCES operator,
  lapses_at    INTEGER,                          -- while it waits for an approval
  effective_at INTEGER,                          -- from when it can no longer be withdrawn
  ended_by     TEXT,
  ended_at     INTEGER,
  problem      TEXT                              -- why it failed
) WITHOUT ROWID;
CREATE INDEX change_open ON change (state) WHERE state IN ('waiting', 'pending');
