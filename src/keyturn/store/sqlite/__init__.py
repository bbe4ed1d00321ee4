"""The SQLite adapter of the store: group commit, reads, migrations, backup and restore."""
