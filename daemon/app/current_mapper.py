"""The mapper of now: the writer maps by it, and a reload puts another one in its place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from daemon.config import Config, ValueRules
from daemon.discovery import DiscoveringMapper, Registry
from daemon.mapping import RuleMapper
from daemon.messages import Mapped, Message, Reading


class CurrentMapper:
    """A `messages.Mapper`. Writer thread only, but for `exchange` and `registries`."""

    def __init__(self, mapper: DiscoveringMapper) -> None:
        self._mapper = mapper
        self._next: tuple[Config, RuleMapper] | None = None

    @property
    def registries(self) -> Mapping[str, Registry]:
        """What is announced, by broker. Any thread."""
        return self._mapper.registries

    def rule_of(self, name: str) -> ValueRules | None:
        """The rule that outcomes and origins call so."""
        return self._mapper.rules.rule_of(name)

    def recall(self, remembered: Mapping[str, Any]) -> None:
        """Take up what each broker's registry had remembered in an earlier run."""
        self._mapper.recall(remembered)

    def exchange(self, config: Config, rules: RuleMapper) -> None:
        """Every item that is mapped after this is mapped by this configuration, whose rules these
        are. Any thread."""
        self._next = config, rules

    def map(self, item: Message | Reading) -> Mapped:
        """The outcome and the points of one item; never raises for what a device sent."""
        # What was announced changes in the writer's thread, so it is taken over there too.
        if (follows := self._next) is not None:
            self._next = None
            self._mapper = self._mapper.succeeded(*follows)
        return self._mapper.map(item)
