"""What a connection needs to know, taken from the configuration once."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from daemon.config import Announcement, BrokerConfig, TlsConfig
from daemon.errors import EX_CONFIG, StartError
from daemon.sources.faults import Address


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How to reach a broker, and who we are to it."""

    address: Address
    client_id: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    is_version_5: bool = False
    keepalive_s: int = 60
    session_s: int = 0
    """MQTT 5: how long the broker keeps the session."""
    receive_maximum: int = 20
    """MQTT 5: how many messages it may send unacknowledged."""
    tls: ssl.SSLContext | None = None
    will: Announcement | None = None
    birth: Announcement | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker listens and who may come in."""

    host: str
    port: int
    username: str | None
    password: str | None = field(default=None, repr=False)


def link_settings(
    name: str, config: BrokerConfig, client_id: str, endpoint: Endpoint | None = None
) -> LinkSettings:
    """The settings of one configured broker; `endpoint` replaces its address and login.

    Raises StartError for a certificate file that cannot be used.
    """
    if endpoint is None:
        host, port = config.address
        secret = config.password
        password = None if secret is None else secret.get_secret_value()
        endpoint = Endpoint(host, port, config.username, password)
    is_tls = config.scheme == "mqtts"
    return LinkSettings(
        address=Address(name, endpoint.host, endpoint.port, is_tls=is_tls),
        client_id=client_id,
        username=endpoint.username,
        password=endpoint.password,
        is_version_5=config.protocol == "5",
        keepalive_s=round(config.keepalive_s),
        session_s=config.session_s,
        receive_maximum=config.inflight_window,
        tls=_tls_context(name, config.tls or TlsConfig()) if is_tls else None,
        will=config.will,
        birth=config.birth,
    )


def _tls_context(name: str, config: TlsConfig) -> ssl.SSLContext:
    place = f"brokers.{name}.tls"
    doing = "ca"
    try:
        context = ssl.create_default_context(cafile=config.ca)
        if config.cert is not None:
            doing = "cert and key"
            context.load_cert_chain(config.cert, config.key)
    except OSError as error:
        found = config.ca if doing == "ca" else f"{config.cert}, {config.key}"
        raise StartError(
            f"{place}: {doing}: cannot use {found}: {error.strerror or error}; "
            "these are files in PEM format that the collector's user can read",
            EX_CONFIG,
        ) from error
    if not config.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
