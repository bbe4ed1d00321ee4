-- A command's place in its vehicle's lane follows from the open commands and the store's time.
DROP TABLE lane;

-- A check with IN and more than two values makes SQLite build a temporary index for every row that is written.
-- The text of the check is replaced in place (SQLite, "Making Other Kinds Of Table Schema Changes"): it allows the same.
PRAGMA writable_schema = ON;
UPDATE sqlite_schema SET sql = replace(
  sql,
  'CHECK (status IN (''Confirmation'', ''Pending'', ''Success'', ''Error''))',
  'CHECK (status = ''Confirmation'' OR status = ''Pending'' OR status = ''Success'' OR status = ''Error'')'
) WHERE type = 'table' AND name = 'command';
PRAGMA writable_schema = RESET;
