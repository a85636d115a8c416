"""Where messages come from: brokers, and the broker inside the collector.

A source puts messages on the inbox and acknowledges what the writer says is durable.
"""

from daemon.sources.embedded import EmbeddedBroker
from daemon.sources.mqtt import MqttSource
from daemon.sources.session import SessionMemory
from daemon.sources.settings import Endpoint, LinkSettings, StatusMessage, link_settings
from daemon.sources.state import BrokerState

__all__ = [
    "BrokerState",
    "EmbeddedBroker",
    "Endpoint",
    "LinkSettings",
    "MqttSource",
    "SessionMemory",
    "StatusMessage",
    "link_settings",
]
