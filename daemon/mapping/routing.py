"""Which rules get a message, in which order: sources, then presets, then discovery.

The configuration's own rules never change. Discovery's are exchanged while messages are mapped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from daemon.config import ClockConfig, Config, PlacedRule, PollOptions, Tier, ValueRules
from daemon.mapping.memory import FieldMemory
from daemon.mapping.payloads import LastPayload
from daemon.mapping.points import FixedLabels, MessageRule, reject
from daemon.mapping.presence import Presence
from daemon.mapping.readings import ReadingRule
from daemon.mapping.topics import TopicTrie
from daemon.mapping.troubles import Unfit
from daemon.messages import Mapped, Message

_CACHED_TOPICS = 5_000


@dataclass(frozen=True, slots=True)
class CompiledPlace:
    """A rule ready to be applied, and where it comes from."""

    placed: PlacedRule
    rule: MessageRule
    presences: tuple[Presence, ...] = ()

    @property
    def lets_on(self) -> bool:
        """Whether the rules below are asked although this one has taken a message."""
        return self.rule.also or self.placed.tier is Tier.DISCOVERY


@dataclass(frozen=True, slots=True)
class Route:
    """A rule that fits a topic, with what the topic says already settled."""

    place: CompiledPlace
    labels: FixedLabels
    refusal: Mapped | None
    """Where the topic cannot become tags."""

    def apply(self, message: Message) -> Mapped | None:
        """What the rule makes of a message; None where it is not for this rule."""
        if self.refusal is not None:
            return self.refusal
        return self.place.rule.apply(message, self.labels)


class RuleCompiler:
    """Compiles rules for messages of one configuration."""

    def __init__(self, config: Config, memory: FieldMemory) -> None:
        self._common = {"host": config.collector.name, **config.collector.tags}
        self._zone: tzinfo = config.collector.zone
        self._clock: ClockConfig = config.collector.clock
        self._memory = memory
        self._last = LastPayload()
        self.rules: dict[str, ValueRules] = {}
        """What was compiled, and the polls, by the names that outcomes call them."""

    @property
    def common_tags(self) -> Mapping[str, str]:
        """The tags of every point."""
        return self._common

    def compile(self, placed: PlacedRule) -> CompiledPlace:
        """A rule ready to be applied.

        Raises:
            ValueError, KeyError: for a rule that the configuration would have refused.
        """
        rule = MessageRule(
            placed.name,
            placed.rule,
            self._common,
            self._zone,
            self._clock,
            self._memory,
            tuple(placed.bound),
            self._last,
        )
        self.rules[placed.name] = placed.rule
        presences = tuple(Presence(placed.name, one) for one in placed.rule.availability)
        for presence in presences:
            presence.is_own = "/".join(presence.topic.levels) == placed.rule.topic
        return CompiledPlace(placed, rule, presences)

    def compile_poll(self, name: str, poll: PollOptions) -> ReadingRule:
        """The rule of a poll. Raises as `compile` does."""
        self.rules[name] = poll
        return ReadingRule(name, poll, self._common, self._zone, self._clock, self._memory)


class Router:
    """The rules for one broker's messages. Any thread may `exchange`; one thread asks `routes`."""

    def __init__(self, rules: Sequence[CompiledPlace]) -> None:
        self._trie = TopicTrie()
        self._places: dict[int, CompiledPlace] = {}
        self._routes: dict[str, tuple[Route, ...]] = {}
        self._discovered: dict[str, list[int]] = {}
        self._availability = TopicTrie()
        self._presences: dict[int, tuple[int, Presence]] = {}
        self._said: dict[str, tuple[tuple[Presence, Mapping[str, str]], ...]] = {}
        # Appending and popping need no lock.
        self._changes: deque[tuple[str, Sequence[CompiledPlace]]] = deque()
        for place in rules:
            self._add(place)

    def exchange(self, key: str, rules: Sequence[CompiledPlace]) -> None:
        """From the next message on, have these rules for what discovery calls `key`, instead of
        those that it had; none removes it."""
        self._changes.append((key, rules))

    def fitting(self, topic: str) -> tuple[Route, ...]:
        """Every rule whose topic fits, in order, whether it gets the message or not."""
        self._apply_changes()
        return tuple(self._route(number, topic) for number in self._trie.match(topic))

    def routes(self, topic: str) -> tuple[Route, ...]:
        """The rules to ask, in order: the first, and the next while `also` says so or the payload
        may refuse."""
        if self._changes:
            self._apply_changes()
        routes = self._routes.get(topic)
        if routes is None:
            if len(self._routes) >= _CACHED_TOPICS:
                self._routes.clear()
            routes = self._routes[topic] = tuple(self._find(topic))
        return routes

    def presences(self, topic: str) -> tuple[tuple[Presence, Mapping[str, str]], ...]:
        """The rules whose devices say on this topic whether they are there, with its names."""
        if self._changes:
            self._apply_changes()
        if not self._presences:
            return ()
        said = self._said.get(topic)
        if said is None:
            if len(self._said) >= _CACHED_TOPICS:
                self._said.clear()
            found = self._owners(topic).values()
            said = self._said[topic] = tuple(pair for pairs in found for pair in pairs)
        return said

    def _owners(self, topic: str) -> dict[int, list[tuple[Presence, Mapping[str, str]]]]:
        """By rule."""
        owners: dict[int, list[tuple[Presence, Mapping[str, str]]]] = {}
        for number in self._availability.match(topic):
            place, presence = self._presences[number]
            names = presence.topic.match(topic)
            if names is not None:
                owners.setdefault(place, []).append((presence, names))
        return owners

    def _find(self, topic: str) -> list[Route]:
        found = []
        owners = self._owners(topic) if self._presences else {}
        for number in self._trie.match(topic):
            if any(not presence.is_own for presence, _ in owners.get(number, ())):
                # What its device says of itself is no reading.
                continue
            found.append(self._route(number, topic))
            place = self._places[number]
            if not place.lets_on and not place.rule.is_conditional:
                break
        return found

    def _route(self, number: int, topic: str) -> Route:
        place = self._places[number]
        names = {**place.placed.bound, **self._trie.wildcards(number, topic)}
        try:
            return Route(place, place.rule.fixed_labels(names), None)
        except Unfit as trouble:
            return Route(place, FixedLabels("", {}, {}), reject(place.rule.name, trouble))

    def _apply_changes(self) -> None:
        while self._changes:
            key, rules = self._changes.popleft()
            for number in self._discovered.pop(key, ()):
                self._trie.remove(number)
                del self._places[number]
                for other in [one for one, (of, _) in self._presences.items() if of == number]:
                    self._availability.remove(other)
                    del self._presences[other]
            if rules:
                self._discovered[key] = [self._add(place) for place in rules]
            self._routes.clear()
            self._said.clear()

    def _add(self, place: CompiledPlace) -> int:
        number = self._trie.add(place.placed.topic_filter)
        self._places[number] = place
        for presence in place.presences:
            self._presences[self._availability.add(presence.topic.topic_filter)] = (
                number,
                presence,
            )
        return number
