-- Entries, numbered and hash-chained per company in the order of their commits. Chain '' is the installation's own.

CREATE TABLE chain_head (
  chain             TEXT PRIMARY KEY,
  number            INTEGER NOT NULL,            -- of the newest sealed entry; sealing is fenced by it
  hash              BLOB NOT NULL,
  told              INTEGER NOT NULL,            -- the newest that is not itself about a checkpoint
  checkpoint_number INTEGER NOT NULL,            -- what the newest checkpoint covers; 0: there is none
  checkpoint_at     INTEGER NOT NULL,            -- when it was made; before the first, when the chain began
  checkpoint_hash   TEXT                         -- SHA-256 of its statement, hex
) WITHOUT ROWID;

CREATE TABLE chain_link (
  seq           INTEGER PRIMARY KEY REFERENCES entry, -- an entry has one number
  chain         TEXT NOT NULL,
  number        INTEGER NOT NULL,
  prev          BLOB NOT NULL,
  hash          BLOB NOT NULL,
  personal      TEXT,                            -- JSON array: the members of the body that are its personal part
  salt          BLOB,                            -- NULL beside a personal_hash: the part was erased
  personal_hash BLOB,
  UNIQUE (chain, number)                         -- two sealers can never fork a chain
);

CREATE TABLE chain_checkpoint (
  id        INTEGER PRIMARY KEY,
  chain     TEXT NOT NULL,
  number    INTEGER NOT NULL,
  statement TEXT NOT NULL,                       -- JSON, exactly as signed
  signature TEXT NOT NULL,                       -- Ed25519, hex
  key       TEXT NOT NULL,                       -- the public key, hex
  UNIQUE (chain, number)
);

-- How far each way out of the machine has come.
CREATE TABLE checkpoint_outlet (
  name      TEXT PRIMARY KEY,
  delivered INTEGER NOT NULL                     -- id of the newest checkpoint that left by it
) WITHOUT ROWID;
