"""Keyturn: a self-hosted remote-command gateway for connected vehicles."""

__version__ = "0.1.0"
