"""Every setting with its type, range and default; `config.default.toml` explains each one.

Durations are seconds. Sizes are bytes.
"""

from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Port = Annotated[int, Meta(ge=0, le=65535)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Bytes = Annotated[int, Meta(ge=1024, le=1_048_576)]
Text = Annotated[str, Meta(min_length=1)]
Duration = Annotated[float, Meta(ge=0.001, le=2_592_000.0)]
"""Seconds: more than 0, at most 30 days."""
Wait = Annotated[float, Meta(ge=0.0, le=2_592_000.0)]
"""As `Duration`, or 0."""
PostWait = Annotated[float, Meta(ge=0.0, le=300.0)]
"""Seconds for which a POST may be held open."""
AlertTimeout = Annotated[float, Meta(ge=0.1, le=20.0)]
"""Seconds; below the time that the command line waits for a test of the alerts."""
Waits = dict[str, Duration]
"""Seconds by command name."""


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the file; unknown keys are refused."""


class ServerSettings(_Section, frozen=True):
    host: Text = "127.0.0.1"
    port: Port = 8000
    data: Text = "keyturn-data"
    tls_certificate: str = ""
    tls_key: str = ""
    metrics_host: str = ""
    metrics_port: Port = 0
    trusted_proxies: tuple[str, ...] = ()
    body_limit: Bytes = 16384
    header_limit: Bytes = 16384
    header_timeout: Duration = 10.0
    body_timeout: Duration = 10.0
    keep_alive: Duration = 75.0
    max_connections: Count = 10000
    max_connections_per_address: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    descriptor_reserve: Annotated[int, Meta(ge=16, le=1_000_000)] = 200
    drain_timeout: Wait = 20.0


class LimitSettings(_Section, frozen=True):
    failed_attempts_per_minute: Count = 20
    application_rate: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    application_burst: Count = 1000
    refusal_rate: Annotated[int, Meta(ge=0, le=1_000_000)] = 20
    refusal_burst: Count = 200
    codes_per_hour: Annotated[int, Meta(ge=1, le=100)] = 10


class ConfirmationSettings(_Section, frozen=True):
    lifetime: Annotated[float, Meta(ge=1.0, le=3600.0)] = 300.0
    max_attempts: Annotated[int, Meta(ge=1, le=10)] = 5


class TokenSettings(_Section, frozen=True):
    lifetime: Annotated[int, Meta(ge=1, le=86400)] = 3600


class ChangeSettings(_Section, frozen=True):
    delay: Annotated[int, Meta(ge=60, le=604_800)] = 600


class CommandSettings(_Section, frozen=True):
    initiate_wait: PostWait = 5.0
    idempotency_lifetime: Duration = 86400.0
    send_wait: Waits = {}
    answer_wait: Waits = {}


class EvidenceSettings(_Section, frozen=True):
    max_age: Duration = 120.0
    contact_max_age: Duration = 120.0
    fresh_age: Duration = 15.0
    off_for: Wait = 60.0
    future_tolerance: Wait = 30.0


class EngineSettings(_Section, frozen=True):
    state_read_timeout: Duration = 3.0
    answer_timeout: Duration = 30.0
    send_window: Duration = 5.0
    resolve_for: Wait = 86400.0
    verify_for: Wait = 600.0
    sweep_interval: Duration = 0.25
    clock_step: Duration = 2.0
    breaker_vehicles: Count = 5
    breaker_pause: Duration = 10.0


Hours = Annotated[float, Meta(gt=0.0, le=8_760.0)]


class ImmobilisationSettings(_Section, frozen=True):
    reminders: tuple[Hours, ...] = (1.0, 4.0, 24.0)
    keep_enabling_for: Duration = 86400.0
    keep_enabling_pause: Duration = 60.0


Calls = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class QuotaSettings(_Section, frozen=True):
    """Calls that an OEM allows in each window. None: unlimited."""

    vehicle_minute: Calls | None = None
    vehicle_hour: Calls | None = None
    vehicle_day: Calls | None = None
    account_minute: Calls | None = None
    account_hour: Calls | None = None
    account_day: Calls | None = None
    reserve: Annotated[int, Meta(ge=0, le=1_000_000)] = 1


class HttpSettings(_Section, frozen=True):
    """Settings of a connector of kind ``http``. None: the definition's value."""

    definition: Text = ""
    """Must be given; empty only where the connector is of another kind."""
    base_url: str | None = None
    timeout: Duration | None = None
    client_certificate: str | None = None
    client_key: str | None = None
    ca_file: str | None = None
    proxy: str | None = None
    proxy_user_file: str | None = None
    answer_bytes: Annotated[int, Meta(ge=1024, le=67_108_864)] = 65_536
    header_bytes: Bytes = 32_768
    header_fields: Annotated[int, Meta(ge=16, le=10_000)] = 256


class ConnectorSettings(_Section, frozen=True):
    """One connector, of any kind. None: the connector's own value.

    The keys of `http` may be written here too (see `config.aliases`).
    """

    kind: Text = "http"
    http: HttpSettings = HttpSettings()
    options: dict[str, str | int | float | bool] = {}
    """Settings of a connector kind that an installed package adds."""
    initiate_wait: PostWait | None = None
    send_wait: Waits = {}
    answer_wait: Waits = {}
    follow_floor: Duration | None = None
    follow_ceiling: Duration | None = None
    quota: QuotaSettings = QuotaSettings()


class SmtpSettings(_Section, frozen=True):
    """Alerts by e-mail; without a host there are none."""

    host: str = ""
    port: Port = 587
    security: Literal["starttls", "tls", "none"] = "starttls"
    user: str = ""
    password_file: str = ""
    password_variable: str = ""
    sender: str = ""
    to: tuple[str, ...] = ()
    timeout: AlertTimeout = 10.0


class WebhookSettings(_Section, frozen=True):
    """Alerts by signed HTTP POSTs; without a URL there are none."""

    url: str = ""
    secret_file: str = ""
    secret_variable: str = ""
    allow_private: bool = False
    timeout: AlertTimeout = 10.0


class AlertSettings(_Section, frozen=True):
    backup_max_age: Annotated[float, Meta(ge=0.0, le=31_536_000.0)] = 0.0
    smtp: SmtpSettings = SmtpSettings()
    webhook: WebhookSettings = WebhookSettings()


class AuditSettings(_Section, frozen=True):
    checkpoint_interval: Annotated[float, Meta(ge=1.0, le=2_592_000.0)] = 3600.0
    checkpoint_entries: Count = 10_000
    checkpoint_file: str = ""
    checkpoint_url: str = ""
    checkpoint_command: tuple[str, ...] = ()
    checkpoint_grace: Annotated[float, Meta(ge=1.0, le=2_592_000.0)] = 900.0
    verify_entries: Count = 1000


class KeySettings(_Section, frozen=True):
    file: str = ""


class LogSettings(_Section, frozen=True):
    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["console", "json"] = "console"


class Settings(_Section, frozen=True):
    """The whole tree; a section's name is its field's."""

    server: ServerSettings = ServerSettings()
    limits: LimitSettings = LimitSettings()
    confirmation: ConfirmationSettings = ConfirmationSettings()
    tokens: TokenSettings = TokenSettings()
    changes: ChangeSettings = ChangeSettings()
    commands: CommandSettings = CommandSettings()
    evidence: EvidenceSettings = EvidenceSettings()
    engine: EngineSettings = EngineSettings()
    immobilisation: ImmobilisationSettings = ImmobilisationSettings()
    connectors: dict[str, ConnectorSettings] = {}
    alerts: AlertSettings = AlertSettings()
    audit: AuditSettings = AuditSettings()
    keys: KeySettings = KeySettings()
    log: LogSettings = LogSettings()

    @property
    def key_file(self) -> Path:
        """The key file: [keys] `file`, else ``keyturn.keys`` in the data directory."""
        return Path(self.keys.file) if self.keys.file else Path(self.server.data) / "keyturn.keys"
