"""Configuration: one frozen tree of values, from a TOML file and the environment."""
