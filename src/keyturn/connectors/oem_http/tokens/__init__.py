"""Access tokens of accounts: requested, renewed, and paused after failures."""
