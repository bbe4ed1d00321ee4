-- Calls that count against an OEM's quotas, kept for the longest window (a day).

CREATE TABLE oem_call (
  id         INTEGER PRIMARY KEY,
  account_id TEXT NOT NULL,
  vehicle_id TEXT NOT NULL,
  at         INTEGER NOT NULL
);
CREATE INDEX oem_call_of_vehicle ON oem_call (vehicle_id, at);
CREATE INDEX oem_call_of_account ON oem_call (account_id, at);
CREATE INDEX oem_call_age ON oem_call (at);
