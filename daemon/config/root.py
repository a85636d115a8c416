"""The whole configuration, and the checks that need more than one section."""

from __future__ import annotations

import hashlib
import platform
import re
from functools import cached_property
from pathlib import Path

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from daemon.config.brokers import BrokerConfig
from daemon.config.collector import CollectorConfig, LoggingConfig
from daemon.config.polls import AnyPoll
from daemon.config.retention import RetentionConfig
from daemon.config.section import Items, Section
from daemon.config.sources import SourceRule
from daemon.config.storage import StorageConfig


class Config(Section):
    """Everything the collector was told."""

    collector: CollectorConfig = Field(default_factory=CollectorConfig)
    """The collector itself."""
    brokers: dict[str, BrokerConfig] = Field(default_factory=dict)
    """MQTT brokers by name."""
    sources: Items[SourceRule] = ()
    """MQTT rules."""
    polls: Items[AnyPoll] = ()
    """What the collector reads itself, on a schedule."""
    storage: StorageConfig = Field(default_factory=StorageConfig)
    """Where the points go."""
    retention: RetentionConfig = Field(default_factory=RetentionConfig)
    """Which points go when."""
    logging: LoggingConfig = Field(default_factory=LoggingConfig)
    """What is logged."""

    _origin: Path = PrivateAttr(default=Path("config.yaml"))

    @model_validator(mode="before")
    @classmethod
    def _fill_empty_sections(cls, value: object) -> object:
        # `sources:` with nothing below it, as when every rule is commented out.
        if not isinstance(value, dict):
            return value
        given = {key: part for key, part in value.items() if part is not None}
        # Only a section that is validated learns the folder that its path starts at.
        return {"storage": {}, **given}

    @model_validator(mode="after")
    def _remember_origin(self, info: ValidationInfo) -> Config:
        if isinstance(info.context, dict) and "origin" in info.context:
            self._origin = info.context["origin"]
        return self

    @property
    def origin(self) -> Path:
        """The file this was loaded from, absolute."""
        return self._origin

    def client_id(self, broker: str) -> str:
        """The MQTT client id to use at a broker: configured, or made so that it stays the same as
        long as the machine, the configuration's path and the broker's name do."""
        configured = self.brokers[broker].client_id
        if configured is not None:
            return configured
        seed = f"{_machine_id()}\n{self._origin}\n{broker}".encode()
        name = re.sub(r"[^0-9A-Za-z]+", "-", self.collector.name).strip("-")
        return f"tinyflux-{name}-{hashlib.sha256(seed).hexdigest()[:10]}"

    def broker_of(self, rule: SourceRule) -> str:
        """The name of the broker whose messages a rule is for."""
        return rule.broker if rule.broker is not None else next(iter(self.brokers))

    @cached_property
    def notices(self) -> tuple[str, ...]:
        """What is accepted but done otherwise than written, a sentence each, for log and check."""
        return tuple(
            f"sources[{number}].qos: 2 is taken as 1: paho answers a QoS 2 message before it is "
            "stored, so a crash would lose it; at QoS 1 it is acknowledged once it is on disk"
            for number, rule in enumerate(self.sources)
            if rule.qos == 2
        )


def _machine_id() -> str:
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return platform.node()
