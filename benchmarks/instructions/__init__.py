"""Counts the instructions of one request or command, which do not depend on what else the machine does."""
