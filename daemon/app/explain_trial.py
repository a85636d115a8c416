"""What messages would become, tried beside the service: its rules, and nothing stored.

The same code as the collector's: retained values, the mapping, the thinning. The numbers of texts
and the counters are those of the service's data, read once; nothing of it is ever written. Thinning
begins with nothing known, and its clock is the arrival of the messages.
"""

from __future__ import annotations

from daemon.app.discovery_file import recall_discovery
from daemon.app.field_memory import recall_fields
from daemon.config import Config
from daemon.discovery import compile_discovering, discovered
from daemon.errors import EX_CONFIG, StartError
from daemon.mapping import FieldMemory, RuleMapper, subscriptions
from daemon.messages import Mapped, Message, Reading
from daemon.thinning import Moment, Policies, Thinner, Ticket
from daemon.writer import Intake


class Fate:
    """What became of a message; final once nothing of it waits for others of its series."""

    def __init__(self, mapped: Mapped, ticket: Ticket | None = None) -> None:
        self._mapped = mapped
        self._ticket = ticket

    @property
    def mapped(self) -> Mapped:
        """Its outcome as far as it is known."""
        return self._mapped if self._ticket is None else self._ticket.mapped

    @property
    def is_final(self) -> bool:
        """Whether it will stay so."""
        return self._ticket is None or not self._ticket.shares


class Trial:
    """The rules of a configuration, to try messages in their order."""

    def __init__(self, config: Config, *, needs_broker: bool = True) -> None:
        """Reads what texts and counters the collector's data knows. Raises StartError, also for a
        configuration without brokers unless only polls are tried."""
        if needs_broker and not config.brokers:
            raise StartError(
                f"{config.origin} has no `brokers`, so no message has a rule", EX_CONFIG
            )
        self.config = config
        self._brokers = tuple(config.brokers)
        known = recall_fields(config.storage.path)
        # Unlike the one that is recalled for a replay, this one gives new texts numbers.
        self.memory = FieldMemory(texts=known.texts, counts=known.counts)
        self._discovering = compile_discovering(
            config, self.memory, remembered=recall_discovery(config.storage.path)
        )
        self._mapper = self._discovering.rules
        self._intake = Intake(self._discovering)
        self._thinner = Thinner(Policies(self._mapper.rule_of).of)
        self._now = Moment(0, 0)

    @property
    def mapper(self) -> RuleMapper:
        """The rules."""
        return self._mapper

    def filters(self, broker: str) -> tuple[str, ...]:
        """The topic filters that bring every message of a broker that a rule is for now."""
        registry = self._discovering.registries.get(broker)
        wanted = subscriptions(self.config, broker, discovered(self.config, broker, registry))
        return tuple(one.topic_filter for one in wanted)

    def announcement_filters(self, broker: str) -> tuple[str, ...]:
        """The topic filters of what devices announce."""
        registry = self._discovering.registries.get(broker)
        return () if registry is None else registry.filters

    def is_announcement(self, message: Message) -> bool:
        """Whether discovery reads it, and no rule."""
        registry = self._discovering.registries.get(message.source)
        return registry is not None and registry.takes(message.topic)

    def take(self, message: Message | Reading) -> Fate:
        """What would become of a message or reading, after those that were taken before."""
        # Time does not go back: a window that is over stays so.
        now_us = max(self._now.monotonic_us, message.received_us)
        self._now = Moment(now_us, message.received_us)
        self._thinner.resolved(self._now)
        mapped = self._intake.entry_of(message).mapped
        return Fate(mapped, self._thinner.take(message, mapped, self._now))

    def finish(self) -> None:
        """Let nothing wait on: every fate is final now."""
        self._thinner.resolved(self._now, is_all=True)

    def broker_of(self, topic: str) -> str:
        """The broker that a topic is most likely on: the first that has a rule for it."""
        for broker in self._brokers:
            registry = self._discovering.registries.get(broker)
            has_rule = self._mapper.fitting(broker, topic) or self._mapper.availability_of(
                broker, topic
            )
            if has_rule or (registry and registry.takes(topic)):
                return broker
        return self._brokers[0]

    def check_broker(self, name: str) -> str:
        """The name, if there is such a broker.

        Raises:
            ValueError: if not.
        """
        if name not in self._brokers:
            raise ValueError(f"found the broker {name!r}; brokers: {', '.join(self._brokers)}")
        return name
