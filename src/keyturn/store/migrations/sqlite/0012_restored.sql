-- Which restores a chain went through must not take a walk through all history.
CREATE INDEX entry_restored ON entry (kind, seq) WHERE kind IN ('store.restored', 'audit.acknowledged');
