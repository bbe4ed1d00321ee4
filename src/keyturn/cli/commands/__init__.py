"""Commands of the command line that are functions; the administration commands are made from the operations."""
