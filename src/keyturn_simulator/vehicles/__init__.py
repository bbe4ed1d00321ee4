"""Simulated vehicles: fleet, routines, signals, preconditions and commands."""
