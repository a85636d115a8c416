"""Where the embedded brokers of a collector that runs now are reached."""

from __future__ import annotations

from urllib.parse import urlsplit

from daemon.cli.status import look
from daemon.config import Config
from daemon.errors import StartError
from daemon.sources import Endpoint


def running_endpoints(config: Config) -> dict[str, Endpoint]:
    """The endpoint of each embedded broker that runs, by name; none where no collector runs."""
    if not any(broker.is_embedded for broker in config.brokers.values()):
        return {}
    try:
        brokers = look(config.storage.path).get("brokers")
    except StartError:
        return {}
    endpoints = {}
    for name, broker in config.brokers.items():
        state = brokers.get(name) if isinstance(brokers, dict) else None
        if broker.is_embedded and isinstance(state, dict) and state.get("connected"):
            url = urlsplit(str(state.get("url")))
            secret = None if broker.password is None else broker.password.get_secret_value()
            endpoints[name] = Endpoint(
                url.hostname or "127.0.0.1", url.port or 0, broker.username, secret
            )
    return endpoints
