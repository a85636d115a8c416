"""Routes each message and reading to its rules. Compiled once from the configuration.

The state is a bounded memory: of which rules a topic belongs to, and of which series the higher
tiers make.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import zip_longest

from daemon.config import (
    Config,
    PlacedRule,
    Tier,
    ValueRules,
    parse_availability_topic,
)
from daemon.mapping.memory import FieldMemory
from daemon.mapping.precedence import Precedence
from daemon.mapping.readings import ReadingRule
from daemon.mapping.routing import Route, Router, RuleCompiler
from daemon.mapping.topics import smallest_cover
from daemon.messages import (
    Mapped,
    Message,
    Origin,
    Outcome,
    Reading,
    RetainHandling,
    Subscription,
)


class RuleMapper:
    """A `messages.Mapper` of the configuration's sources and polls."""

    def __init__(
        self,
        routers: Mapping[str, Router],
        polls: Mapping[str, ReadingRule],
        compiler: RuleCompiler,
        tiers: Iterable[Tier],
    ) -> None:
        self._routers = routers
        self._polls = polls
        self._compiler = compiler
        self._discovered: dict[tuple[str, str], frozenset[str]] = {}
        """Names of rules by broker and key."""
        self._tiers: set[Tier] = set()
        self._add_tiers(tiers)
        self._precedence = Precedence()

    def map(self, item: Message | Reading) -> Mapped:
        """The outcome and the points of one item; never raises for what a device sent."""
        if isinstance(item, Message):
            return self._map_message(item)
        poll = self._polls.get(item.poll)
        if poll is None:
            return Mapped(Outcome.NO_RULE, reason=f"no poll is called {item.poll!r}")
        return poll.apply(item)

    def reading_rule(self, poll: str) -> ReadingRule | None:
        """The rule of the poll of this name."""
        return self._polls.get(poll)

    @property
    def common_tags(self) -> Mapping[str, str]:
        """The tags of every point."""
        return self._compiler.common_tags

    def rule_of(self, name: str) -> ValueRules | None:
        """The rule that outcomes and origins call so."""
        return self._compiler.rules.get(name)

    def fitting(self, broker: str, topic: str) -> tuple[Route, ...]:
        """Every rule whose topic fits, in order, whether it would get the message or not."""
        router = self._routers.get(broker)
        return () if router is None else router.fitting(topic)

    def availability_of(self, broker: str, topic: str) -> tuple[str, ...]:
        """The rules whose devices say on this topic whether they are there."""
        router = self._routers.get(broker)
        return () if router is None else tuple(one.rule for one, _ in router.presences(topic))

    def exchange(self, broker: str, key: str, rules: Sequence[PlacedRule]) -> None:
        """From the next message on, have these rules of discovery for what it calls `key`, instead
        of those that it had; none removes it. Any thread.

        Raises:
            ValueError: for a rule that the configuration would have refused; nothing is changed.
            KeyError: for an unknown broker.
        """
        self._routers[broker].exchange(key, [self._compiler.compile(rule) for rule in rules])
        names = frozenset(rule.name for rule in rules)
        for name in self._discovered.pop((broker, key), frozenset()) - names:
            self._compiler.rules.pop(name, None)
        if rules:
            self._discovered[broker, key] = names
            self._add_tiers([Tier.DISCOVERY])

    def _add_tiers(self, tiers: Iterable[Tier]) -> None:
        self._tiers.update(tiers)
        self._has_tiers = len(self._tiers) > 1
        self._lowest = max(self._tiers, default=Tier.SOURCES)

    def _map_message(self, message: Message) -> Mapped:
        router = self._routers.get(message.source)
        routes = router.routes(message.topic) if router is not None else ()
        parts = []
        gone: set[str] = set()
        if router is not None:
            for presence, names in router.presences(message.topic):
                said = presence.apply(message, names)
                if presence.is_own and not said.gone:
                    # The reading beside it says what is wrong with the message.
                    continue
                parts.append(said)
                gone.update(origin.rule for origin in said.gone)
        for route in routes:
            if gone and route.place.placed.name in gone:
                # What counts for nothing, by its own message, is no reading.
                continue
            mapped = route.apply(message)
            if mapped is None:
                continue
            if self._has_tiers:
                tier = route.place.placed.tier
                mapped = self._precedence.sift(tier, mapped, is_lowest=tier is self._lowest)
            parts.append(mapped)
            if not route.place.lets_on:
                break
        if not parts:
            return Mapped(Outcome.NO_RULE)
        return parts[0] if len(parts) == 1 else _join(parts)


def compile_mapper(config: Config, memory: FieldMemory | None = None) -> RuleMapper:
    """The mapper of a configuration; `memory` is that of its numbered texts and counters, by
    default one that is new and lasts as long as the mapper.

    Raises:
        ValueError, KeyError: for rules that `load_config` would have refused.
    """
    memory = FieldMemory() if memory is None else memory
    compiler = RuleCompiler(config, memory)
    tiers = set()
    routers = {}
    for name, broker in config.brokers.items():
        rules = config.message_rules(name)
        tiers |= {rule.tier for rule in rules}
        if broker.discovery is not None:
            tiers.add(Tier.DISCOVERY)
        routers[name] = Router([compiler.compile(rule) for rule in rules])
    polls = {}
    for number, poll in enumerate(config.polls):
        polls[poll.name] = compiler.compile_poll(f"polls[{number}]", poll)
    return RuleMapper(routers, polls, compiler, tiers)


_HANDLING = {
    # What was published at QoS 0 while the collector was away comes this way only.
    "once": RetainHandling.ALWAYS,
    "store": RetainHandling.IF_NEW,
    "skip": RetainHandling.NEVER,
}


def subscriptions(
    config: Config, broker: str, discovered: Iterable[PlacedRule] = ()
) -> tuple[Subscription, ...]:
    """What to subscribe to at a broker, with QoS 1 at most.

    The smallest set that brings every topic of every rule, because with MQTT 5 a message comes
    once for each filter that it fits.
    """
    rules = [
        placed for placed in (*config.message_rules(broker), *discovered) if not placed.rule.ignore
    ]
    filters = [(placed.topic_filter, placed.rule) for placed in rules] + [
        (parse_availability_topic(one.topic).topic_filter, placed.rule)
        for placed in rules
        for one in placed.rule.availability
    ]
    cover = smallest_cover((topic_filter, min(rule.qos, 1)) for topic_filter, rule in filters)
    # The least handling of what each covers; the cover keeps the greatest number.
    least = dict(
        smallest_cover(
            (topic_filter, RetainHandling.NEVER - _HANDLING[rule.retained])
            for topic_filter, rule in filters
        )
    )
    return tuple(
        Subscription(name, qos, RetainHandling(RetainHandling.NEVER - least[name]))
        for name, qos in cover
    )


_RANK = (
    Outcome.REJECTED,
    Outcome.STORED,
    Outcome.RETAINED_SEEN,
    Outcome.DUPLICATE,
    Outcome.UNCHANGED,
    Outcome.NO_VALUE,
)


def _join(parts: list[Mapped]) -> Mapped:
    """One outcome of several rules: rejected if one of them rejects, else stored if one stores."""
    points = tuple(point for part in parts for point in part.points)
    origins: tuple[Origin | None, ...] = ()
    if any(part.origins for part in parts):
        origins = tuple(
            origin for part in parts for _, origin in zip_longest(part.points, part.origins)
        )
    for outcome in _RANK:
        for part in parts:
            if part.outcome is outcome:
                gone = tuple(origin for part in parts for origin in part.gone)
                return Mapped(outcome, points, part.rule, part.reason, part.kind, origins, gone)
    raise AssertionError("a rule has one of six outcomes")
