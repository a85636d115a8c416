"""The subscriptions of one connection: asked for, and asked for again where they were denied.

What the broker's session still has of an earlier configuration is ended.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from daemon.clock import Clock
from daemon.messages import RetainHandling, Subscription
from daemon.sources.backoff import Backoff
from daemon.sources.copies import identifiers_for
from daemon.sources.faults import FaultLog
from daemon.sources.link import Link
from daemon.sources.session import SessionMemory

_log = logging.getLogger("daemon.sources.mqtt")

# Denied subscriptions are asked for again: an administrator may have granted them meanwhile.
_RESUBSCRIBE_MIN_S = 30.0
_RESUBSCRIBE_MAX_S = 600.0
# A full disk may have room again.
_SAVE_AGAIN_S = (10.0, 300.0)


class Subscriber:
    """Subscribes on one connection, and again to what was denied."""

    def __init__(
        self,
        link: Link,
        subscriptions: Sequence[Subscription],
        faults: FaultLog,
        clock: Clock,
        memory: SessionMemory,
        session: str,
    ) -> None:
        """`session` names the broker's session of ours in the memory."""
        self._link = link
        self._memory = memory
        self._session = session
        self._wanted = {one.topic_filter: one for one in subscriptions}
        self._faults = faults
        self._clock = clock
        self._identifiers: dict[str, int] = {}
        self._unanswered = set(self._wanted)
        self._denied: set[str] = set()
        self._backoff = Backoff(_RESUBSCRIBE_MIN_S, _RESUBSCRIBE_MAX_S)
        self._next_s = 0.0
        self._save_backoff = Backoff(*_SAVE_AGAIN_S)
        self._next_save_s = clock.monotonic_s() + self._save_backoff.next_s()
        surplus = memory.begin(session, self._wanted, is_kept=link.has_session)
        # On every connection: a broker that crashed may have kept the session and lost what was
        # subscribed last. The writer recognises the retained messages that come with it.
        self._ask(tuple(self._wanted.values()), sorted(surplus))

    def change(self, subscriptions: Sequence[Subscription]) -> None:
        """Ask for what is new among these, and end what is not among them any more."""
        before, self._wanted = self._wanted, {one.topic_filter: one for one in subscriptions}
        gone = sorted(self._memory.begin(self._session, self._wanted, is_kept=True))
        self._unanswered &= self._wanted.keys()
        self._denied &= self._wanted.keys()
        news = [one for name, one in self._wanted.items() if before.get(name) != one]
        self._ask(news, gone)

    def _ask(self, news: Sequence[Subscription], gone: Sequence[str]) -> None:
        """Subscribe first, then unsubscribe: a message in between would come by neither. For a
        moment it may come by both, so that all of them need identifiers that differ."""
        before, self._identifiers = self._identifiers, {}
        if self._link.takes_identifiers:
            self._identifiers = identifiers_for((*self._wanted, *gone))
        changed = {
            name
            for name in (*self._wanted, *gone)
            if before.get(name) != self._identifiers.get(name)
        }
        for_now = [Subscription(name, 1, RetainHandling.NEVER) for name in gone if name in changed]
        asked = {one.topic_filter for one in news}
        again = [self._wanted[name] for name in self._wanted if name in changed - asked]
        self._link.subscribe((*for_now, *again, *news), self._identifiers)
        self._link.unsubscribe(gone)

    @property
    def is_answered(self) -> bool:
        """Whether the broker has granted or denied each of them."""
        return not self._unanswered

    def tick(self) -> None:
        """Take the broker's answers, and ask again when it is time."""
        if not self._memory.is_saved and self._clock.monotonic_s() >= self._next_save_s:
            self._next_save_s = self._clock.monotonic_s() + self._save_backoff.next_s()
            self._memory.save()
        if ended := self._link.take_ended():
            self._memory.ended(self._session, ended)
            _log.info(
                "%s: unsubscribed from %s, which no rule needs any more",
                self._session,
                ", ".join(ended),
            )
        for grant in self._link.take_grants():
            if grant.topic_filter not in self._wanted:
                continue
            self._unanswered.discard(grant.topic_filter)
            if grant.refusal:
                self._faults.refused(grant.topic_filter, grant.refusal)
                if not self._denied:
                    self._next_s = self._clock.monotonic_s() + self._backoff.next_s()
                self._denied.add(grant.topic_filter)
            else:
                self._denied.discard(grant.topic_filter)
                self._faults.granted(grant.topic_filter)
        if self._denied and self._clock.monotonic_s() >= self._next_s:
            self._next_s = self._clock.monotonic_s() + self._backoff.next_s()
            wanted = [self._wanted[name] for name in sorted(self._denied)]
            self._link.subscribe(wanted, self._identifiers)
