"""What the store and the audit take on a real disk: commits, and the sealing of entries."""
