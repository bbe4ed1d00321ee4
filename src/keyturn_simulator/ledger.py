import msgspec


class Actuation(msgspec.Struct, frozen=True, tag="actuation"):
    """A vehicle carried out an actuating or restoring command at `at`."""

    vin: str
    command: str
    client_ref: str
    at: int


class Ledger:
    """What really happened, in the order in which it happened."""

    def __init__(self) -> None:
        self._actuations: list[Actuation] = []
        self._by_vin: dict[str, list[Actuation]] = {}

    def add(self, actuation: Actuation) -> None:
        self._actuations.append(actuation)
        self._by_vin.setdefault(actuation.vin, []).append(actuation)

    def all(self) -> list[Actuation]:
        return self._actuations

    def of(self, vin: str) -> list[Actuation]:
        return self._by_vin.get(vin, [])
