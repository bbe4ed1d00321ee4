"""The dossier: the whole story of one command as JSON and as a page."""
