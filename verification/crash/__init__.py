"""The crash harness: real servers and real simulated OEMs, killed under load, then everything compared."""
