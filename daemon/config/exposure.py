"""What a configuration lets others see or change, told to the person who wrote it. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping

from daemon.config.brokers import BrokerConfig


def is_loopback(host: str) -> bool:
    """Whether a connection to this host stays on this machine."""
    if host.rstrip(".").lower() == "localhost" or host.lower().endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def exposures(brokers: Mapping[str, BrokerConfig]) -> Iterator[str]:
    """One sentence for each way in which a broker's connection can be listened to or forged."""
    for name, broker in brokers.items():
        if broker.is_embedded or is_loopback(broker.address[0]):
            continue
        if broker.has_password and not broker.is_tls:
            safe = broker.scheme.replace("mqtt", "mqtts").replace("ws", "wss")
            yield (
                f"brokers.{name}: user name and password go to {broker.address[0]} in plain text, "
                "and everybody on the way can read them; let the broker listen with TLS and write "
                f"url: {safe}://…, or give the collector a password that is used nowhere else"
            )
        if broker.tls is not None and not broker.tls.verify:
            yield (
                f"brokers.{name}.tls.verify: false is insecure: any certificate is accepted, so "
                "whoever sits in between can read and change everything; give the broker's "
                f"certificate or its authority as brokers.{name}.tls.ca instead"
            )
