"""Durable storage: the port for units of work, backups and their signatures, and the choice of the adapter."""
