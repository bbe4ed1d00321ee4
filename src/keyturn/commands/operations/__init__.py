"""Administration operations on commands: details and approvals."""
