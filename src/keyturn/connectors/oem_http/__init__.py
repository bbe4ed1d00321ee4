"""The connector of kind ``http``: an OEM's HTTP API that a definition describes."""
