-- Signing, version 2: which applications must use it, and the nonces of signatures that are still young.

ALTER TABLE application ADD COLUMN signing TEXT NOT NULL DEFAULT 'any' CHECK (signing IN ('any', 'v2'));

CREATE TABLE nonce (
  application_id TEXT NOT NULL,
  value          TEXT NOT NULL,
  expires_at     INTEGER NOT NULL,               -- from then on the signature's age refuses it
  PRIMARY KEY (application_id, value)            -- a signature is good once, on whatever node
) WITHOUT ROWID;
CREATE INDEX nonce_age ON nonce (expires_at);
