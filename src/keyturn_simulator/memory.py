"""The simulator's state in memory, rebuilt from the journal at a start."""

from keyturn_simulator.journal import ClockMoved, Founded, LatencySet, Record, Tried
from keyturn_simulator.operations import Actuation, Ledger, Operation, Operations
from keyturn_simulator.vehicles.state import Condition


class Memory:
    """Everything the simulator knows. It changes by records only, so that a replayed journal gives it back."""

    def __init__(self, founded: Founded) -> None:
        self._found(founded)

    def _found(self, founded: Founded) -> None:
        self.founded_at = founded.at
        self.latency_median = founded.latency_median
        self.clock_offset = 0
        self.operations = Operations()
        self.ledger = Ledger()
        self.conditions: dict[str, Condition] = {}
        self.tries: dict[tuple[str, str], int] = {}

    def vins(self) -> set[str]:
        """The vehicles that commands or the control API ever changed."""
        return self.conditions.keys() | self.operations.vins()

    def apply(self, record: Record) -> None:
        match record:
            case Operation():
                self.operations.put(record)
            case Condition(vin=vin):
                self.conditions[vin] = record
            case Actuation():
                self.ledger.add(record)
            case Tried(vin=vin, client_ref=client_ref):
                self.tries[vin, client_ref] = self.tries.get((vin, client_ref), 0) + 1
            case LatencySet(median=median):
                self.latency_median = median
            case ClockMoved(offset=offset):
                self.clock_offset = offset
            case Founded():
                self._found(record)
