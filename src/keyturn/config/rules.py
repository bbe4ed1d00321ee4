"""Validation rules beyond types: on the content of a value, and on combinations of settings."""

import ipaddress
import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

from keyturn.config.settings import (
    AlertSettings,
    ConnectorSettings,
    HttpSettings,
    ServerSettings,
    Settings,
    SmtpSettings,
    WebhookSettings,
)
from keyturn.config.validation import KeyPath

_CONNECTOR_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")
_SECRET_PART = re.compile(r"(?<=//)[^/@]*(?=@)|(?<=\?).*")
"""User information and query of a URL, which may hold passwords."""

_MAIL_ADDRESS = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)*", re.ASCII | re.IGNORECASE)
_MAIL_ADDRESS_LENGTH = 254
_HIDDEN = "***"
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
_WEBHOOK_URL = "an https URL (http only on this machine) without user and password"


class RuleViolation(NamedTuple):
    """A setting that breaks a rule, and what the rule expects."""

    path: KeyPath
    value: object
    expected: str


def rule_violations(settings: Settings) -> Iterator[RuleViolation]:
    """Every rule that the settings break."""
    yield from _check_server(settings.server)
    for name, connector in settings.connectors.items():
        if not _CONNECTOR_NAME.fullmatch(name):
            yield RuleViolation(
                ("connectors", name), name, "a name of small letters and digits, with single - or _ between"
            )
        yield from _check_connector(("connectors", name), connector)
    yield from _check_alerts(settings.alerts)
    if settings.audit.checkpoint_url and not _is_private(settings.audit.checkpoint_url):
        yield RuleViolation(("audit", "checkpoint_url"), _HIDDEN, _WEBHOOK_URL)


def is_mail_address(text: str) -> bool:
    """Whether the text is one e-mail address (RFC 5321) and nothing else."""
    return len(text) <= _MAIL_ADDRESS_LENGTH and _MAIL_ADDRESS.fullmatch(text) is not None


def _check_server(server: ServerSettings) -> Iterator[RuleViolation]:
    for address in server.trusted_proxies:
        if not _is_network(address):
            yield RuleViolation(("server", "trusted_proxies"), address, "IP addresses and networks (10.0.0.0/8)")
    if server.tls_certificate and not server.tls_key:
        yield RuleViolation(("server", "tls_key"), server.tls_key, "a file, as server.tls_certificate is set")
    if server.tls_key and not server.tls_certificate:
        yield RuleViolation(("server", "tls_certificate"), server.tls_certificate, "a file, as server.tls_key is set")
    if server.metrics_port and not server.metrics_host:
        yield RuleViolation(
            ("server", "metrics_host"), server.metrics_host, "an address, as server.metrics_port is set"
        )


def _check_connector(path: KeyPath, connector: ConnectorSettings) -> Iterator[RuleViolation]:
    if connector.kind != "http" and connector.http != HttpSettings():
        yield RuleViolation((*path, "http"), {}, f"nothing, as {path[1]} is of kind {connector.kind}")
    if connector.kind == "http" and connector.options:
        yield RuleViolation((*path, "options"), {}, f"nothing, as {path[1]} is of kind http")
    floor, ceiling = connector.follow_floor, connector.follow_ceiling
    if floor is not None and ceiling is not None and floor > ceiling:
        yield RuleViolation((*path, "follow_ceiling"), ceiling, f"at least follow_floor, which is {floor:.10g}")
    yield from _check_http((*path, "http"), connector.http)


def _check_http(path: KeyPath, http: HttpSettings) -> Iterator[RuleViolation]:
    if http.base_url is not None and not _is_origin(http.base_url):
        yield RuleViolation(
            (*path, "base_url"),
            _SECRET_PART.sub("***", http.base_url),
            "an http or https URL of host and path only",
        )
    if http.proxy is not None and not (_is_origin(http.proxy) and urlsplit(http.proxy).path in ("", "/")):
        yield RuleViolation(
            (*path, "proxy"),
            _SECRET_PART.sub("***", http.proxy),
            "an http or https URL of host and port only (user and password: proxy_user_file)",
        )
    if http.proxy_user_file and not http.proxy:
        yield RuleViolation((*path, "proxy"), http.proxy, "a URL, as proxy_user_file is set")
    if http.client_key and not http.client_certificate:
        yield RuleViolation((*path, "client_certificate"), http.client_certificate, "a file, as client_key is set")


def _check_alerts(alerts: AlertSettings) -> Iterator[RuleViolation]:
    if alerts.smtp.host:
        yield from _check_smtp(("alerts", "smtp"), alerts.smtp)
    if alerts.webhook.url:
        yield from _check_webhook(("alerts", "webhook"), alerts.webhook)
    if alerts.backup_max_age and not (alerts.smtp.host or alerts.webhook.url):
        path = ("alerts", "backup_max_age")
        yield RuleViolation(path, alerts.backup_max_age, "0, as neither alerts.smtp.host nor alerts.webhook.url is set")


def _check_smtp(path: KeyPath, smtp: SmtpSettings) -> Iterator[RuleViolation]:
    if not is_mail_address(smtp.sender):
        yield RuleViolation((*path, "sender"), smtp.sender, "an e-mail address")
    if not smtp.to or not all(map(is_mail_address, smtp.to)):
        yield RuleViolation((*path, "to"), list(smtp.to), "e-mail addresses, at least one")
    if smtp.user and not (smtp.password_file or smtp.password_variable):
        yield RuleViolation((*path, "password_file"), "", "a file (or password_variable), as alerts.smtp.user is set")
    if smtp.user and smtp.security == "none":
        yield RuleViolation((*path, "security"), smtp.security, "starttls or tls, as alerts.smtp.user is set")


def _check_webhook(path: KeyPath, webhook: WebhookSettings) -> Iterator[RuleViolation]:
    if not _is_url(webhook.url):
        yield RuleViolation((*path, "url"), _HIDDEN, _WEBHOOK_URL)
    if not (webhook.secret_file or webhook.secret_variable):
        yield RuleViolation((*path, "secret_file"), "", "a file (or secret_variable), as alerts.webhook.url is set")


def _is_network(text: str) -> bool:
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def _is_origin(text: str) -> bool:
    return _is_url(text) and not urlsplit(text).query


def _is_private(text: str) -> bool:
    """Whether the URL uses TLS, or stays on this machine."""
    return _is_url(text) and (urlsplit(text).scheme == "https" or urlsplit(text).hostname in _THIS_MACHINE)


def _is_url(text: str) -> bool:
    try:
        url = urlsplit(text)
        port_is_valid = url.port is None or url.port > 0
    except ValueError:
        return False
    plain = not (url.username or url.password or url.fragment)
    return url.scheme in {"http", "https"} and bool(url.hostname) and port_is_valid and plain
