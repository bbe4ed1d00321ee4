"""Definitions: the tables of the TOML document, with their templates, expressions and times."""
