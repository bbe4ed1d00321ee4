"""Vehicles: which car each one means, its reported and expected state, and its immobilisation records."""
