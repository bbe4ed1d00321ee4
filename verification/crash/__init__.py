"""The crash harness: real servers and simulated OEMs, killed under load, then a comparison of everything they left."""
