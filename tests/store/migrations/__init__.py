"""Migrations that change rows, each from a database of before it."""
