"""Whether another client uses our client id: the broker then throws each out for the other.

MQTT 5 says so (session taken over). On 3.1.1 the connection just ends; but a broker that lets us in
again at once has neither crashed nor been restarted, and if that happens again and again there is a
rival. Two that fight would take turns in milliseconds, each with half of the messages: we go away
for a while instead.
"""

from __future__ import annotations

from collections import deque

from daemon.clock import Clock
from daemon.errors import SourceError
from daemon.sources.backoff import Backoff
from daemon.sources.faults import Address, RefusedError, TakenOverError

# So often within so long is no accident.
_TIMES = 3
_WITHIN_S = 600.0
# A broker that accepts us so soon after it has dropped us was there all the time.
_AT_ONCE_S = 0.3
_FIRST_REST_S = 60.0
_LONGEST_REST_S = 900.0


class Rivalry:
    """Network thread only."""

    def __init__(self, address: Address, client_id: str, clock: Clock) -> None:
        self._address = address
        self._client_id = client_id
        self._clock = clock
        self._throws: deque[float] = deque(maxlen=_TIMES)
        self._lost_s: float | None = None
        self._backoff = Backoff(_FIRST_REST_S, _LONGEST_REST_S)

    def lost(self, error: SourceError) -> None:
        """A connection that worked has ended."""
        self._lost_s = self._clock.monotonic_s()
        if isinstance(error, TakenOverError):
            self._throws.append(self._lost_s)
            self._lost_s = None

    def accepted(self) -> None:
        """The broker has accepted us."""
        now_s = self._clock.monotonic_s()
        if self._lost_s is not None and now_s - self._lost_s < _AT_ONCE_S:
            self._throws.append(now_s)
        self._lost_s = None

    def failed(self) -> None:
        """No connection could be made: the broker was not there."""
        self._lost_s = None

    @property
    def asks_at_once(self) -> bool:
        """Whether to try again without a pause: it tells a rival from a broker that was away."""
        return self._lost_s is not None

    @property
    def is_found(self) -> bool:
        """Whether there is a rival."""
        now_s = self._clock.monotonic_s()
        return len(self._throws) == _TIMES and now_s - self._throws[0] < _WITHIN_S

    def rest_s(self) -> float:
        """How long to leave the broker to the rival; it may be gone after that."""
        self._throws.clear()
        return self._backoff.next_s()

    def error(self) -> SourceError:
        """What to say of it."""
        return RefusedError(
            f"{self._address}: the broker ends the connection again and again and lets us in at "
            f"once: another client seems to use our client id {self._client_id!r}, and each gets "
            "only a part of the messages. Stop it, or set "
            f"brokers.{self._address.broker}.client_id of one of the two (machines from one "
            "copied card have the same id). We leave the broker to it for a while"
        )
