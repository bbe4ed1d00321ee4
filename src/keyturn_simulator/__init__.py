"""A simulated OEM cloud with a fleet behind it, served over HTTP."""

from keyturn_simulator.clock import SimulatorClock
from keyturn_simulator.journal import JournalError
from keyturn_simulator.settings import SimulatorSettings
from keyturn_simulator.simulator import Simulator, build, serve_forever
from keyturn_simulator.vehicles.fleet import FleetVehicle, fleet_vins
from keyturn_simulator.vehicles.simulation import Simulation

__all__ = [
    "FleetVehicle",
    "JournalError",
    "Simulation",
    "Simulator",
    "SimulatorClock",
    "SimulatorSettings",
    "build",
    "fleet_vins",
    "serve_forever",
]
