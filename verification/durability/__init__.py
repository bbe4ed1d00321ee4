"""Durability checked by system calls: a real server under strace, and what a power cut would have left of its files."""
