"""Wake-ups within a node: the port, its topics, and the in-memory bus."""
