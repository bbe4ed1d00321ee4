"""The account through which a vehicle is reached is its company's own."""

from collections.abc import Iterator

from verification.simulation.run_result import SimulationResult
from verification.simulation.world.installation import BY_ACCOUNT, BY_VIN


def accounts(left: SimulationResult) -> Iterator[str]:
    """10. No vehicle is reached through another company's account."""
    for sending in left.cloud.sendings:
        order, row = sending.order, left.commands[sending.order.command_id]
        car, through = order.target.external_id, BY_ACCOUNT[order.target.account.id]
        vehicle = BY_VIN.get(car, through)  # of a car that nobody enrolled nobody was robbed
        moved = left.plan.insider is not None and through.company == vehicle.company
        if (through.account, row["company_id"]) != (vehicle.account, vehicle.company) and not moved:
            yield f"{car} was reached for {row['company_id']} through {through.account}"
