"""The configured quota of a connector, for every kind."""

from keyturn.config.settings import QuotaSettings
from keyturn.connectors.port import Quota

_WINDOWS = (60.0, 3_600.0, 86_400.0)


def quota(settings: QuotaSettings) -> Quota | None:
    """The configured quota as windows; None where nothing is limited."""
    per_vehicle = _windows(settings.vehicle_minute, settings.vehicle_hour, settings.vehicle_day)
    per_account = _windows(settings.account_minute, settings.account_hour, settings.account_day)
    return Quota(per_vehicle, per_account, settings.reserve) if per_vehicle or per_account else None


def _windows(*calls: int | None) -> tuple[tuple[float, int], ...]:
    """By minute, hour and day."""
    return tuple((seconds, limit) for seconds, limit in zip(_WINDOWS, calls, strict=True) if limit is not None)
