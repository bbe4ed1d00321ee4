"""What a scenario's nodes are configured with, and what its OEM offers them."""

from collections.abc import Callable
from random import Random

import msgspec

from keyturn.commands.model.catalogue import COMMANDS
from keyturn.config.settings import (
    CommandSettings,
    ConfirmationSettings,
    EngineSettings,
    ImmobilisationSettings,
    LimitSettings,
    Settings,
)
from keyturn.connectors.port import Capabilities, Quota
from verification.simulation.world.installation import ENFORCING, RELAY


def draw_settings(chance: Random) -> Settings:
    """Shorter waits than an installation has, so that a deadline is never far."""
    send, answer = chance.choice((5.0, 10.0, 30.0)), chance.choice((5.0, 10.0, 30.0))
    return Settings(
        commands=CommandSettings(
            initiate_wait=chance.choice((0.0, 2.0, 5.0)),
            send_wait=dict.fromkeys(COMMANDS, send),
            answer_wait=dict.fromkeys(COMMANDS, answer),
        ),
        confirmation=ConfirmationSettings(lifetime=chance.choice((5.0, 30.0))),
        engine=EngineSettings(
            answer_timeout=chance.choice((5.0, 15.0)),
            resolve_for=chance.choice((0.0, 15.0)),
            verify_for=chance.choice((2.0, 10.0)),
            sweep_interval=chance.choice((1.0, 2.5, 5.0)),
            breaker_vehicles=chance.choice((1, 5)),
            breaker_pause=3.0,
        ),
        limits=LimitSettings(codes_per_hour=chance.choice((2, 10, 10))),
        immobilisation=ImmobilisationSettings(keep_enabling_pause=10.0),
    )


_QUOTAS = (None, None, None, Quota(per_vehicle=((20.0, 4),), reserve=1), Quota(per_account=((10.0, 6),), reserve=2))


def draw_declarations(chance: Random) -> dict[str, Capabilities]:
    """The capabilities of each connector."""
    maybe: Callable[[float], bool] = lambda odds: chance.random() < odds  # noqa: E731
    shared = Capabilities(
        offers=frozenset(COMMANDS),
        blocks_next_start_only=True,
        reads_state=maybe(0.85),
        finds_by_reference=maybe(0.6),
        cancels=maybe(0.4),
        quota=chance.choice(_QUOTAS),
        follow_floor=0.5,
        follow_ceiling=chance.choice((2.0, 5.0)),
    )
    return {
        ENFORCING: msgspec.structs.replace(shared, enforces_preconditions=True),
        RELAY: msgspec.structs.replace(shared, reads_state=maybe(0.95)),
    }
