"""What a connection needs to know, taken from the configuration once."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field

from daemon.config import Announcement, BrokerConfig, Config, TlsConfig
from daemon.errors import EX_CONFIG, EX_NOPERM, StartError
from daemon.sources.faults import Address
from daemon.tls import tls_context

_MAX_PASSWORD_BYTES = 65_535
# What is larger than any payload that a rule takes, and is still taken in.
_MIN_PACKET_BYTES = 8 * 2**20
# A reject line of so much is still whole, and can be replayed under a larger max_payload.
_MIN_WHOLE_BYTES = 2**20
# Topic, response topic and content type have up to 64 KiB each, and so has a user property.
HEAD_BYTES = 512 * 2**10
"""What is kept of a packet that is too large; room for all that stands before a payload."""


@dataclass(frozen=True, slots=True)
class StatusMessage:
    """What is published about us, and where."""

    topic: str
    payload: str
    is_retained: bool = True


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
    max_packet_bytes: int = 0
    """MQTT 5: the broker discards what is larger, in silence; 0: nothing is."""
    whole_packet_bytes: int = 0
    """Of what is larger only the head is kept, `HEAD_BYTES`; 0: all is kept."""
    tls: ssl.SSLContext | None = None
    is_passing: bool = False
    """Leaves nothing behind at the broker: no session, and none is taken up."""
    websocket_path: str | None = None
    """None: MQTT straight over TCP."""
    will: StatusMessage | None = None
    birth: StatusMessage | None = None

    @property
    def session(self) -> str:
        """The name of our session at the broker."""
        return f"{self.client_id} at {self.address.url}"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a broker listens and who may come in."""

    host: str
    port: int
    username: str | None
    password: str | None = field(default=None, repr=False)


def link_settings(config: Config, name: str, endpoint: Endpoint | None = None) -> LinkSettings:
    """The settings of one configured broker; `endpoint` replaces its address and login.

    Raises StartError for a certificate or password file that cannot be used.
    """
    broker = config.brokers[name]
    if endpoint is None:
        host, port = broker.address
        endpoint = Endpoint(host, port, broker.username, _password(name, broker))
    place = f"brokers.{name}.tls"
    return LinkSettings(
        address=Address(name, endpoint.host, endpoint.port, scheme=_scheme(broker)),
        client_id=config.client_id(name),
        username=endpoint.username,
        password=endpoint.password,
        is_version_5=broker.protocol == "5",
        keepalive_s=round(broker.keepalive_s),
        session_s=broker.session_s,
        receive_maximum=broker.inflight_window,
        # A frame of WebSocket is collected whole; elsewhere we see what is too large, and count it.
        max_packet_bytes=(
            max(_MIN_PACKET_BYTES, _needed_bytes(config, name)) if broker.websocket_path else 0
        ),
        whole_packet_bytes=max(_MIN_WHOLE_BYTES, _needed_bytes(config, name)),
        tls=tls_context(place, broker.tls or TlsConfig()) if broker.is_tls else None,
        websocket_path=broker.websocket_path,
        will=_status_message(config.will(name)) if broker.announce else None,
        birth=_status_message(config.birth(name)) if broker.announce else None,
    )


def _needed_bytes(config: Config, name: str) -> int:
    """Room for the largest payload that a rule of this broker takes."""
    limits = (placed.rule.max_payload_bytes for placed in config.message_rules(name))
    return max(limits, default=0) + HEAD_BYTES


def _scheme(broker: BrokerConfig) -> str:
    return "mqtt" if broker.is_embedded else broker.scheme


def _status_message(announcement: Announcement) -> StatusMessage:
    assert announcement.topic is not None
    assert announcement.payload is not None
    return StatusMessage(announcement.topic, announcement.payload, announcement.retain)


def _password(name: str, broker: BrokerConfig) -> str | None:
    if broker.password is not None:
        return broker.password.get_secret_value()
    path = broker.password_file
    if path is None:
        return None
    place = f"brokers.{name}.password_file"
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_PASSWORD_BYTES).decode("utf-8").rstrip("\r\n")
    except PermissionError as error:
        raise StartError(
            f"{place}: cannot read {path}: {error.strerror}; give the collector's user the right",
            EX_NOPERM,
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise StartError(
            f"{place}: cannot read {path}: {getattr(error, 'strerror', None) or 'no UTF-8 text'}; "
            "it is a file with nothing but the password",
            EX_CONFIG,
        ) from error
    if not text or "\n" in text:
        found = "several lines" if text else "nothing"
        raise StartError(
            f"{place}: found {found} in {path}; it is a file with nothing but the password",
            EX_CONFIG,
        )
    return text
