"""A mapper that reads announcements and has their rules from then on.

Announcements come as ordinary messages, and each is answered with an outcome as they are. The rules
of what they announce stand behind all others. Writer thread only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from daemon.config import Config, PlacedRule, SourceRule, Tier
from daemon.discovery.announcement import MAX_BYTES
from daemon.discovery.registry import Registry
from daemon.mapping import FieldMemory, RuleMapper, compile_mapper
from daemon.messages import Mapped, Message, Outcome, Reading

KIND = "announcement"
"""The kind of every outcome of an announcement."""


class DiscoveringMapper:
    """A `messages.Mapper` of the configuration and of what is announced."""

    def __init__(
        self,
        mapper: RuleMapper,
        registries: Mapping[str, Registry],
        on_change: Callable[[str], object] = lambda broker: None,
    ) -> None:
        """`registries` by broker; `on_change` gets a broker whose rules have changed."""
        self._mapper = mapper
        self._registries = dict(registries)
        self._on_change = on_change

    @property
    def rules(self) -> RuleMapper:
        """The rules, of the configuration and of what is announced."""
        return self._mapper

    @property
    def registries(self) -> Mapping[str, Registry]:
        """What is announced, by broker."""
        return self._registries

    def recall(self, remembered: Mapping[str, Any]) -> None:
        """Take up what each broker's registry had remembered in an earlier run."""
        for broker, registry in self._registries.items():
            registry.recall(remembered.get(broker))
            for key, rules in registry.keyed_rules():
                self._mapper.exchange(broker, key, rules)

    def succeeded(self, config: Config, rules: RuleMapper) -> DiscoveringMapper:
        """The mapper of a changed configuration, which knows what was announced to this one; this
        one is used no more. `rules` are those of the configuration."""
        registries, remembered = {}, {}
        for name, broker in config.brokers.items():
            if broker.discovery is None:
                continue
            known = self._registries.get(name)
            if known is not None and known.config == broker.discovery:
                registries[name] = known
            else:
                registries[name] = Registry(broker.discovery)
                remembered[name] = known.remembered() if known is not None else None
        mapper = DiscoveringMapper(rules, registries, self._on_change)
        mapper.recall(remembered)
        for name in remembered:
            self._on_change(name)
        return mapper

    def map(self, item: Message | Reading) -> Mapped:
        """The outcome and the points of one item; never raises for what a device sent."""
        if isinstance(item, Message):
            registry = self._registries.get(item.source)
            if registry is not None and registry.takes(item.topic):
                return self._take(registry, item)
        return self._mapper.map(item)

    def _take(self, registry: Registry, message: Message) -> Mapped:
        # Of what is cut only the size matters: it is too large.
        payload = message.payload + bytes(min(message.cut_bytes, MAX_BYTES))
        taken = registry.take(message.topic, payload)
        for key, rules in taken.changes:
            self._mapper.exchange(message.source, key, rules)
        if taken.changes:
            self._on_change(message.source)
        outcome = Outcome.REJECTED if taken.is_refused else Outcome.NO_VALUE
        if message.is_seen and not taken.changes:
            # It comes at every connection; it was refused, or not, when it was new.
            outcome = Outcome.RETAINED_SEEN
        # By topic, so that the log says each of those that are refused once.
        rule = f"discovery.{message.topic}" if taken.is_refused else "discovery"
        return Mapped(outcome, rule=rule, reason=taken.reason, kind=KIND)


def compile_discovering(
    config: Config,
    memory: FieldMemory | None = None,
    on_change: Callable[[str], object] = lambda broker: None,
    remembered: Mapping[str, Any] | None = None,
) -> DiscoveringMapper:
    """The mapper of a configuration; `remembered` is what each broker's registry had remembered.

    Raises:
        ValueError, KeyError: for rules that `load_config` would have refused.
    """
    registries = {}
    for name, broker in config.brokers.items():
        if broker.discovery is not None:
            registries[name] = Registry(broker.discovery)
    mapper = DiscoveringMapper(compile_mapper(config, memory), registries, on_change)
    mapper.recall(remembered or {})
    return mapper


def discovered(config: Config, broker: str, registry: Registry | None) -> tuple[PlacedRule, ...]:
    """The rules of discovery at a broker that decide what to subscribe to: those of the
    announcements themselves, and those that `registry` has."""
    options = config.brokers[broker].discovery
    if options is None:
        return ()
    heard = tuple(
        PlacedRule(
            "discovery",
            SourceRule.model_validate({"topic": name, "measurement": "announcement"}),
            Tier.DISCOVERY,
        )
        for name in Registry(options).filters
    )
    return heard if registry is None else heard + registry.rules()
