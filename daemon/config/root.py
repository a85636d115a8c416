"""The whole configuration, and the checks that need more than one section."""

from __future__ import annotations

import hashlib
import platform
import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from pydantic import Field, PrivateAttr, ValidationInfo, model_validator

from daemon.config.access import Announcement
from daemon.config.brokers import BrokerConfig
from daemon.config.collector import CollectorConfig, LoggingConfig
from daemon.config.exposure import exposures, is_loopback
from daemon.config.http import HttpConfig
from daemon.config.permissions import readable_secrets
from daemon.config.placed import PlacedRule, Tier
from daemon.config.polls import AnyPoll
from daemon.config.retention import RetentionConfig
from daemon.config.same_series import same_series, written_by_poll, written_by_source
from daemon.config.section import Items, Section
from daemon.config.sources import SourceRule
from daemon.config.storage import StorageConfig
from daemon.config.topics import covers
from daemon.documents import Document, Place


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
    http: HttpConfig = Field(default_factory=HttpConfig)
    """What monitoring may ask."""

    _origin: Path = PrivateAttr(default=Path("config.yaml"))
    _document: Document = PrivateAttr(default_factory=Document)

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
            self._document = info.context["document"]
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

    def will(self, broker: str) -> Announcement:
        """What a broker says of a collector that vanished, with topic and payload filled in."""
        return self._announcement(broker, "offline")

    def birth(self, broker: str) -> Announcement:
        """What the collector says once it is connected, with topic and payload filled in."""
        return self._announcement(broker, "online")

    def _announcement(self, broker: str, word: str) -> Announcement:
        config = self.brokers[broker]
        said, other = config.will, config.birth
        if word == "online":
            said, other = other, said
        name = re.sub(r"[\s/+#]+", "-", self.collector.name).strip("-") or "collector"
        return Announcement(
            topic=said.topic or other.topic or f"tinyflux-collector/{name}/status",
            payload=word if said.payload is None else said.payload,
            retain=said.retain,
        )

    def broker_of(self, rule: SourceRule) -> str:
        """The name of the broker whose messages a rule is for."""
        return rule.broker if rule.broker is not None else next(iter(self.brokers))

    def message_rules(self, broker: str) -> tuple[PlacedRule, ...]:
        """The rules for a broker's messages in their order: sources, then presets; last those whose
        topics may begin with anything, which would take what another one knows by name."""
        return self._message_rules[broker]

    @cached_property
    def _message_rules(self) -> dict[str, tuple[PlacedRule, ...]]:
        rules: dict[str, list[PlacedRule]] = {name: [] for name in self.brokers}
        for number, rule in enumerate(self.sources):
            placed = PlacedRule(f"sources[{number}]", rule, place=self.place("sources", number))
            rules[self.broker_of(rule)].append(placed)
        for name, broker in self.brokers.items():
            for preset in sorted((use.rules() for use in broker.presets), key=_is_open):
                rules[name] += preset
        return {name: tuple(of_broker) for name, of_broker in rules.items()}

    def place(self, *path: str | int) -> Place:
        """Where a part of the configuration is written; line 0 where it is not known."""
        return self._document.place(path)

    @cached_property
    def notices(self) -> tuple[str, ...]:
        """What is accepted but may not be what was meant, a sentence each, for log and check."""
        return (
            *self.exposures,
            *self._lowered_qos(),
            *self._unreached_rules(),
            *self._same_series(),
            *self._idle_parts(),
        )

    @cached_property
    def exposures(self) -> tuple[str, ...]:
        """What others could see or change: those of `notices` that are about access."""
        return (
            *exposures(self.brokers),
            *readable_secrets(self.origin, self._document, self.brokers),
            *self._open_monitoring(),
        )

    def _open_monitoring(self) -> Iterator[str]:
        address = self.http.address
        if address is not None and not is_loopback(address[0]):
            yield (
                f"http.listen: everybody on the network of {self.http.listen} may read the names "
                "of topics and measurements; write 127.0.0.1 unless that is meant"
            )

    def _lowered_qos(self) -> Iterator[str]:
        for number, rule in enumerate(self.sources):
            if rule.qos == 2:
                yield (
                    f"sources[{number}].qos: 2 is taken as 1: a QoS 2 message is answered before "
                    "it is stored, so a crash would lose it; at QoS 1 it is acknowledged once it "
                    "is on disk"
                )

    def _unreached_rules(self) -> Iterator[str]:
        for name, broker in self.brokers.items():
            takers: list[tuple[str, str, tuple[str, ...]]] = []
            for placed in self.message_rules(name):
                rule, levels = placed.rule, placed.topic_filter.levels
                if placed.tier is not Tier.SOURCES:
                    break
                if (taker := _taker(takers, levels)) is not None:
                    yield (
                        f"{placed.name} ({rule.topic}) never gets a message: {taker[0]} "
                        f"({taker[1]}) takes all of them; put the narrower rule first, or give "
                        f"{taker[0]} `also: true`"
                    )
                if not rule.also and rule.when is None and rule.only is None:
                    takers.append((placed.name, rule.topic, levels))
            for use in broker.presets:
                found = [_taker(takers, placed.topic_filter.levels) for placed in use.rules()]
                if all(found) and found[0] is not None:
                    yield (
                        f"brokers.{name}.presets: {use.name} never gets a message: {found[0][0]} "
                        f"({found[0][1]}) takes all of them; give it `also: true`, or a narrower "
                        "topic"
                    )

    def _same_series(self) -> Iterator[str]:
        sources = (
            written_by_source(f"sources[{number}]", self.broker_of(rule), rule)
            for number, rule in enumerate(self.sources)
        )
        polls = (
            written_by_poll(f"polls[{number}]", poll.name, poll.measurement, poll)
            for number, poll in enumerate(self.polls)
        )
        rules = [rule for rule in (*sources, *polls) if rule is not None]
        for first, second in same_series(rules):
            tags = ", ".join(sorted(second.tags))
            yield (
                f"{second.name} ({self._line_of(second.name)}) and {first.name} "
                f"({self._line_of(first.name)}) write the same series: measurement "
                f"{second.measurement}, {f'tags {tags}' if tags else 'no tags of their own'}; "
                "nobody could tell their points apart: give one of them another measurement, "
                "a tag or fields of its own"
            )

    def _line_of(self, name: str) -> str:
        section, _, number = name.rstrip("]").partition("[")
        place = self.place(section, int(number))
        return f"{Path(place.file).name}:{place.line}" if place.line else "no line"

    def _idle_parts(self) -> Iterator[str]:
        discovers = any(broker.discovery is not None for broker in self.brokers.values())
        if not any(self._message_rules.values()) and not self.polls and not discovers:
            yield (
                "nothing is collected: there are neither `sources` nor `presets`, `discovery` or "
                "`polls`"
            )
        for name, broker in self.brokers.items():
            is_used = self.message_rules(name) or broker.discovery is not None
            if not is_used and not broker.is_embedded:
                yield (
                    f"brokers.{name} is not connected to: no rule of `sources` is for it, and it "
                    "has neither `presets` nor `discovery`"
                )


def _is_open(rules: tuple[PlacedRule, ...]) -> bool:
    """Whether a preset knows its topics by no name."""
    return any(placed.topic_filter.levels[0] in ("+", "#") for placed in rules)


def _taker(
    takers: list[tuple[str, str, tuple[str, ...]]], levels: tuple[str, ...]
) -> tuple[str, str, tuple[str, ...]] | None:
    """The first of these rules that takes every message of a filter."""
    return next((taker for taker in takers if covers(taker[2], levels)), None)


def _machine_id() -> str:
    # Empty in an image that gets its id at the first boot.
    try:
        return Path("/etc/machine-id").read_text(encoding="ascii").strip() or platform.node()
    except (OSError, UnicodeDecodeError):
        return platform.node()
