-- The newest question about a command that brought nothing (JSON: the exchange); null once one brought something.
ALTER TABLE command ADD COLUMN unanswered TEXT;
