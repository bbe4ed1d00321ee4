"""HTTP API: routes, authentication, signature checks and responses."""
