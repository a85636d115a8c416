"""Live messages with what they become, beside a running service or without one."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from daemon.app.explain_trial import Trial
from daemon.clock import Clock
from daemon.config import Config, TopicFilter, parse_topic_filter
from daemon.errors import EX_UNAVAILABLE, StartError
from daemon.mapping import fits_filter, smallest_cover
from daemon.messages import Mapped, Message
from daemon.sources import Endpoint, LinkSettings, link_settings
from daemon.sources.listener import Connected, Disconnected, Event, Listener, Refused

_MAX_WAITING = 10_000
_TURN_S = 0.2


@dataclass(frozen=True, slots=True)
class Sighting:
    """A message and what it became."""

    message: Message
    mapped: Mapped


@dataclass(frozen=True, slots=True)
class Remark:
    """What a person should know of the watching itself."""

    text: str


class Watch:
    """Listens to every broker that has rules, for as long as somebody iterates."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        *,
        wanted: TopicFilter | None = None,
        endpoints: Mapping[str, Endpoint] | None = None,
    ) -> None:
        """`wanted`: only messages that fit it, whether a rule is for them or not. `endpoints` are
        where embedded brokers listen. Raises StartError."""
        self._trial = Trial(config)
        self._wanted = wanted
        self._events: queue.Queue[Event] = queue.Queue(_MAX_WAITING)
        self._missed = 0
        self._listeners: dict[str, Listener] = {}
        self._failed: set[str] = set()
        self._was_connected = False
        for name, broker in config.brokers.items():
            filters = self._filters(name)
            if filters:
                endpoint = (endpoints or {}).get(name)
                self._listeners[name] = Listener(
                    _settings(config, name, endpoint),
                    filters,
                    self._put,
                    clock,
                    trusts_retain_flag=not broker.is_embedded,
                )
        if not self._listeners:
            raise StartError(
                f"{config.origin}: no broker has a rule, so there is nothing to listen to; give a "
                "topic filter, such as '#', to see what there is"
            )

    def sightings(
        self, duration_s: float | None = None, is_read: Callable[[], bool] = lambda: True
    ) -> Iterator[Sighting | Remark]:
        """What happens, in order, until the time is over or nobody reads any more.

        Raises:
            StartError: where no broker can be reached at the first try.
        """
        end_s = None if duration_s is None else time.monotonic() + duration_s
        for listener in self._listeners.values():
            listener.start()
        try:
            while end_s is None or time.monotonic() < end_s:
                try:
                    event = self._events.get(timeout=_TURN_S)
                except queue.Empty:
                    if not is_read():
                        return
                    continue
                yield from self._tell(event)
                if self._missed:
                    missed, self._missed = self._missed, 0
                    yield Remark(f"{missed} messages came faster than they could be shown")
        finally:
            for listener in self._listeners.values():
                listener.close()

    def _put(self, event: Event) -> None:
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._missed += 1

    def _tell(self, event: Event) -> Iterator[Sighting | Remark]:
        match event:
            case Message():
                yield from self._see(event)
            case Connected(broker):
                self._was_connected = True
                yield Remark(f"listening at {broker}")
            case Disconnected(broker, reason):
                self._failed.add(broker)
                if not self._was_connected and self._failed == set(self._listeners):
                    raise StartError(reason, EX_UNAVAILABLE)
                yield Remark(reason)
            case Refused(broker, topic_filter, reason):
                yield Remark(f"{broker} does not let us listen to {topic_filter}: {reason}")

    def _see(self, message: Message) -> Iterator[Sighting]:
        is_announcement = self._trial.is_announcement(message)
        mapped = self._trial.take(message).mapped
        if is_announcement:
            # What was announced may be on topics that nobody has listened to.
            self._listeners[message.source].listen_to(self._filters(message.source))
        if self._wanted is None or fits_filter(self._wanted, message.topic):
            yield Sighting(message, mapped)

    def _filters(self, broker: str) -> Sequence[str]:
        if self._wanted is None:
            return self._trial.filters(broker)
        wanted = [self._wanted.plain, *self._trial.announcement_filters(broker)]
        cover = smallest_cover((parse_topic_filter(name), 0) for name in wanted)
        return [name for name, _ in cover]


def _settings(config: Config, name: str, endpoint: Endpoint | None) -> LinkSettings:
    settings = link_settings(config, name, endpoint)
    broker = config.brokers[name]
    if endpoint is None and broker.is_embedded and not settings.address.port:
        raise StartError(
            f"brokers.{name} is the embedded broker of a collector, which does not run; start it "
            f"with `tinyflux-collector run -c {config.origin}`",
            EX_UNAVAILABLE,
        )
    return settings
