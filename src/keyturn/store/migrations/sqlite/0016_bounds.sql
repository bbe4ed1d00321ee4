-- Signatures whose nonces are forgotten are too old for ever, whatever is done to the wall clock that judges their age.
CREATE TABLE nonce_horizon (
  application_id TEXT PRIMARY KEY,
  forgotten_to   INTEGER NOT NULL                -- the highest `expires_at` of a nonce that was forgotten
) WITHOUT ROWID;

-- Refusals of an application in the minute that began with the first of them.
CREATE TABLE refusal_window (
  application_id TEXT PRIMARY KEY,
  company_id     TEXT NOT NULL,
  began_at       INTEGER NOT NULL,
  ends_at        INTEGER NOT NULL,
  written        INTEGER NOT NULL,               -- those with an entry of their own
  folded         TEXT NOT NULL                   -- JSON: the others, counted by command and refusal
) WITHOUT ROWID;
CREATE INDEX refusal_window_end ON refusal_window (ends_at);
