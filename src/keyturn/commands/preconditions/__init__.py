"""Evaluates a command's preconditions by the trusted signal values of its vehicle."""
