-- Who may do what, to which vehicle. Instants are microseconds since the Unix epoch, UTC.

CREATE TABLE store_fact (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE company (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  active     INTEGER NOT NULL CHECK (active IN (0, 1)),
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE application (
  id                 TEXT PRIMARY KEY,
  company_id         TEXT NOT NULL REFERENCES company,
  name               TEXT NOT NULL,
  client_id          TEXT NOT NULL UNIQUE,
  client_secret_hash TEXT NOT NULL,
  secret_version     INTEGER NOT NULL,           -- raised by a rotation; tokens of an older one are dead
  grants             TEXT NOT NULL,              -- JSON array of command names
  active             INTEGER NOT NULL CHECK (active IN (0, 1)),
  created_at         INTEGER NOT NULL,
  UNIQUE (company_id, name)
) WITHOUT ROWID;

-- Two slots an application: a third active secret cannot exist.
CREATE TABLE sign_secret (
  application_id TEXT NOT NULL REFERENCES application,
  slot           INTEGER NOT NULL CHECK (slot IN (1, 2)),
  sealed         BLOB NOT NULL,                  -- AES-256-GCM, AAD = application id
  created_at     INTEGER NOT NULL,
  PRIMARY KEY (application_id, slot)
) WITHOUT ROWID;

CREATE TABLE plan (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  commands   TEXT NOT NULL,                      -- JSON array of command names
  created_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE oem_account (
  id         TEXT PRIMARY KEY,
  company_id TEXT NOT NULL REFERENCES company,
  connector  TEXT NOT NULL,
  name       TEXT NOT NULL,
  sealed     BLOB NOT NULL,                      -- credentials as JSON, AES-256-GCM, AAD = account id
  active     INTEGER NOT NULL CHECK (active IN (0, 1)),
  created_at INTEGER NOT NULL,
  UNIQUE (company_id, name)
) WITHOUT ROWID;

CREATE TABLE vehicle (
  id                TEXT PRIMARY KEY,
  company_id        TEXT NOT NULL REFERENCES company,
  vin               TEXT NOT NULL,               -- upper-case ASCII, as registered
  account_id        TEXT NOT NULL REFERENCES oem_account,
  external_id       TEXT NOT NULL,               -- the OEM's name for it; the VIN unless it has another
  ownership         TEXT NOT NULL CHECK (ownership IN ('owned', 'rented', 'fleet', 'third_party')),
  powertrain        TEXT NOT NULL CHECK (powertrain IN ('combustion', 'hybrid', 'electric')),
  plan_id           TEXT NOT NULL REFERENCES plan,
  capabilities      TEXT,                        -- JSON array; NULL: whatever the connector offers
  fuel_reserve      REAL NOT NULL,               -- percent
  consent_at        INTEGER,                     -- the end user's consent to immobilisation
  consent_reference TEXT,
  active            INTEGER NOT NULL CHECK (active IN (0, 1)),
  created_at        INTEGER NOT NULL
) WITHOUT ROWID;

-- A VIN is active in one company only: two enrolments at the same moment cannot both win.
CREATE UNIQUE INDEX vehicle_active_vin ON vehicle (vin) WHERE active = 1;
CREATE INDEX vehicle_of_company ON vehicle (company_id, vin);
