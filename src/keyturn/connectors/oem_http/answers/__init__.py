"""Maps the OEM's responses to outcomes and state reports, by the definition."""
