"""Settings of one simulator."""

from pathlib import Path

import msgspec


class SimulatorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What one simulator is made of; durations are seconds, secrets stay out of its repr."""

    host: str = "127.0.0.1"
    port: int = 0
    """0 takes a free port."""
    data_dir: Path | None = None
    """Where the journal lives; None keeps everything in memory."""
    seed: int = 0
    vehicles: int = 200
    """Number of ordinary vehicles, beside those with a fixed behaviour."""
    lively: bool = True
    """False keeps every ordinary vehicle parked and in coverage, which load tests want."""
    latency_median: float = 0.0
    late_after: float = 20.0
    """When the `late` vehicle acts and answers, counted from acceptance: ten past its answer deadline of ten."""
    slow_seconds: float = 20.0
    remote_start_seconds: float = 600.0
    """A remote start ends by itself after this long."""
    token: str = "sim-oem-token"  # noqa: S105 - a published default of a simulated cloud
    client_id: str = "sim-client"
    client_secret: str = "sim-secret"  # noqa: S105 - a published default of a simulated cloud
    token_lifetime: float = 3600.0
    allow_cancel: bool = False
    honour_idempotency_key: bool = False
    honour_expires_at: bool = False

    def __repr__(self) -> str:
        return f"SimulatorSettings(host={self.host!r}, port={self.port}, data_dir={self.data_dir!s}, seed={self.seed})"
