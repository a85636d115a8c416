"""Routes each message and reading to its rules. Compiled once from the configuration.

The only state is a bounded memory of which rules a topic belongs to; the answers do not depend on
it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from daemon.config import CommandPoll, Config, covers, parse_topic_filter
from daemon.mapping.memory import FieldMemory
from daemon.mapping.points import FixedLabels, MessageRule, PointMaker, reject
from daemon.mapping.reach import Context
from daemon.mapping.rule import CompiledRule
from daemon.mapping.topics import TopicTrie, smallest_cover
from daemon.mapping.troubles import Unfit
from daemon.messages import Mapped, Message, Outcome, Reading, RetainHandling, Subscription

_CACHED_TOPICS = 5_000


@dataclass(frozen=True, slots=True)
class _Route:
    """A rule that fits a topic, with what the topic says already settled."""

    rule: MessageRule
    labels: FixedLabels
    refusal: Mapped | None
    """Where the topic cannot become tags."""


class _Broker:
    """The rules for one broker's messages."""

    def __init__(self, rules: list[MessageRule], trie: TopicTrie) -> None:
        self._rules = rules
        self._trie = trie
        self._routes: dict[str, tuple[_Route, ...]] = {}

    def routes(self, topic: str) -> tuple[_Route, ...]:
        """The rules for a topic, in order: the first, and the next while `also` says so or the
        payload may refuse."""
        routes = self._routes.get(topic)
        if routes is None:
            if len(self._routes) >= _CACHED_TOPICS:
                self._routes.clear()
            routes = self._routes[topic] = tuple(self._find(topic))
        return routes

    def _find(self, topic: str) -> list[_Route]:
        found = []
        for number in self._trie.match(topic):
            rule = self._rules[number]
            try:
                labels = rule.fixed_labels(self._trie.wildcards(number, topic))
                found.append(_Route(rule, labels, None))
            except Unfit as trouble:
                found.append(_Route(rule, FixedLabels("", {}, {}), reject(rule.name, trouble)))
            if not rule.also and not rule.is_conditional:
                break
        return found


class RuleMapper:
    """A `messages.Mapper` of the configuration's sources and polls."""

    def __init__(self, brokers: dict[str, _Broker], polls: dict[str, _Poll]) -> None:
        self._brokers = brokers
        self._polls = polls

    def map(self, item: Message | Reading) -> Mapped:
        """The outcome and the points of one item; never raises for what a device sent."""
        if isinstance(item, Message):
            return self._map_message(item)
        poll = self._polls.get(item.poll)
        if poll is None:
            return Mapped(Outcome.NO_RULE, reason=f"no poll is called {item.poll!r}")
        if item.value is None:
            return Mapped(Outcome.NO_VALUE, rule=poll.maker.rule.name)
        return poll.maker.make([Context(item.value)], poll.labels, item.received_us)

    def _map_message(self, message: Message) -> Mapped:
        broker = self._brokers.get(message.source)
        routes = broker.routes(message.topic) if broker is not None else ()
        parts = []
        for route in routes:
            mapped = _apply(route, message)
            if mapped is not None:
                parts.append(mapped)
                if not route.rule.also:
                    break
        if not parts:
            return Mapped(Outcome.NO_RULE)
        return parts[0] if len(parts) == 1 else _join(parts)


@dataclass(frozen=True, slots=True)
class _Poll:
    maker: PointMaker
    labels: FixedLabels


def compile_mapper(config: Config, memory: FieldMemory | None = None) -> RuleMapper:
    """The mapper of a configuration; `memory` is that of its numbered texts and counters, by
    default one that is new and lasts as long as the mapper.

    Raises:
        ValueError, KeyError: for rules that `load_config` would have refused.
    """
    memory = FieldMemory() if memory is None else memory
    common = {"host": config.collector.name, **config.collector.tags}
    rules: dict[str, list[MessageRule]] = defaultdict(list)
    filters = defaultdict(list)
    for number, source in enumerate(config.sources):
        broker = config.broker_of(source)
        name = f"sources[{number}]"
        zone, clock = config.collector.zone, config.collector.clock
        rules[broker].append(MessageRule(name, source, common, zone, clock, memory))
        filters[broker].append(parse_topic_filter(source.topic))
    polls = {}
    for number, poll in enumerate(config.polls):
        is_text = isinstance(poll, CommandPoll) and poll.parse == "key_value"
        rule = CompiledRule(
            f"polls[{number}]", poll, poll.measurement, common, takes_text=is_text, memory=memory
        )
        labels = FixedLabels(*rule.labels.fixed({}), {})
        polls[poll.name] = _Poll(PointMaker(rule), labels)
    brokers = {name: _Broker(rules[name], TopicTrie(filters[name])) for name in rules}
    return RuleMapper(brokers, polls)


_HANDLING = {
    # What was published at QoS 0 while the collector was away comes this way only.
    "once": RetainHandling.ALWAYS,
    "store": RetainHandling.IF_NEW,
    "skip": RetainHandling.NEVER,
}


def subscriptions(config: Config, broker: str) -> tuple[Subscription, ...]:
    """What to subscribe to at a broker, with QoS 1 at most.

    The smallest set that brings every topic of every rule, because with MQTT 5 a message comes
    once for each filter that it fits.
    """
    rules = [rule for rule in config.sources if config.broker_of(rule) == broker]
    filters = [parse_topic_filter(rule.topic) for rule in rules]
    cover = smallest_cover(
        (topic_filter, min(rule.qos, 1)) for topic_filter, rule in zip(filters, rules, strict=True)
    )
    return tuple(
        Subscription(
            name,
            qos,
            min(
                _HANDLING[rule.retained]
                for topic_filter, rule in zip(filters, rules, strict=True)
                if covers(name.split("/"), topic_filter.levels)
            ),
        )
        for name, qos in cover
    )


def _apply(route: _Route, message: Message) -> Mapped | None:
    if route.refusal is not None:
        return route.refusal
    return route.rule.apply(message, route.labels)


_RANK = (Outcome.REJECTED, Outcome.STORED, Outcome.RETAINED_SEEN, Outcome.NO_VALUE)


def _join(parts: list[Mapped]) -> Mapped:
    """One outcome of several rules: rejected if one of them rejects, else stored if one stores."""
    points = tuple(point for part in parts for point in part.points)
    for outcome in _RANK:
        for part in parts:
            if part.outcome is outcome:
                return Mapped(outcome, points, part.rule, part.reason, part.kind)
    raise AssertionError("a rule has one of four outcomes")
