"""Authentication of applications and operators, and the key file and keyring behind it."""
