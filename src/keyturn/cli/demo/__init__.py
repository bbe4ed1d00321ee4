"""``keyturn demo``: a server, a simulated OEM and a fleet in one process."""
