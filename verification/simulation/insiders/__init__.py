"""Scenarios with admins, one of whom is an insider and does what one person can do alone."""
