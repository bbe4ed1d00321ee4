"""Carries out commands: writes the intent, records outcomes and effects, expires what is overdue."""
