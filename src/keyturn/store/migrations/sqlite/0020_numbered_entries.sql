-- An entry has its number and hash in its own row: one table and one index less to write for each.
CREATE TABLE numbered_entry (
  seq           INTEGER PRIMARY KEY,
  company_id    TEXT,                            -- NULL: the installation's own
  at            INTEGER NOT NULL,
  actor         TEXT NOT NULL,
  kind          TEXT NOT NULL,
  vehicle_id    TEXT,
  command_id    TEXT,
  body          TEXT NOT NULL,                   -- JSON
  number        INTEGER,                         -- in the chain of its company; NULL: not sealed yet
  prev          BLOB,                            -- hash of the entry before it
  hash          BLOB,
  personal      TEXT,                            -- JSON array: the members of the body that are its personal part
  salt          BLOB,                            -- NULL beside a personal_hash: the part was erased
  personal_hash BLOB
);
INSERT INTO numbered_entry
  (seq, company_id, at, actor, kind, vehicle_id, command_id, body, number, prev, hash, personal, salt, personal_hash)
SELECT e.seq, e.company_id, e.at, e.actor, e.kind, e.vehicle_id, e.command_id, e.body,
  l.number, l.prev, l.hash, l.personal, l.salt, l.personal_hash
FROM entry e LEFT JOIN chain_link l ON l.seq = e.seq AND l.chain = coalesce(e.company_id, '') ORDER BY e.seq;
DROP TABLE chain_link;
DROP TABLE entry;
ALTER TABLE numbered_entry RENAME TO entry;
-- Two sealers can never fork a chain.
CREATE UNIQUE INDEX entry_in_chain ON entry (coalesce(company_id, ''), number) WHERE number IS NOT NULL;
CREATE INDEX entry_unsealed ON entry (seq) WHERE number IS NULL;
CREATE INDEX entry_of_command ON entry (command_id) WHERE command_id IS NOT NULL;
CREATE INDEX entry_backup ON entry (kind, at) WHERE kind IN ('backup.made', 'backup.old');
CREATE INDEX entry_restored ON entry (kind, seq) WHERE kind IN ('store.restored', 'audit.acknowledged');
