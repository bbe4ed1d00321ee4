"""The audit: entries in hash chains, signed checkpoints that leave the machine, and verification without a server."""
