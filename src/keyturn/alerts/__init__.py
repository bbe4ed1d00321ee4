"""Alerts: audit entries become messages to administrators, by e-mail and webhook."""
