"""Companies, their applications and accounts, and the keys that guard their secrets."""
