"""Administration: authorization, guards, pending changes, conflicts of interest, operators, and backup restore."""
