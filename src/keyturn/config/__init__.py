"""Configuration: one immutable tree of settings, read from a TOML file and environment variables."""
