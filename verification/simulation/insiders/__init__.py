"""Administrators in charge, and one among them who does what it can alone."""
