"""Whether another client uses our client id: the broker then throws each out for the other.

MQTT 5 can say so (session taken over). On 3.1.1, and with Mosquitto 2.0.11 on MQTT 5 too, the
connection just ends, as it does on a bad network: only many in a row, each let in at once and each
ended within seconds, look like a rival. Two that fight would take turns in milliseconds: we go
away for a moment instead, and never for long, because it may be the network after all.
"""

from __future__ import annotations

from collections import deque

from daemon.clock import Clock
from daemon.errors import SourceError
from daemon.sources.backoff import Backoff
from daemon.sources.faults import Address, RefusedError, TakenOverError

# So often within so long is no accident, if the broker itself says what it is.
_TAKEN_OVER_TIMES = 3
_WITHIN_S = 600.0
# So many in a row if it does not.
_LOSSES_IN_A_ROW = 8
# A broker that accepts us so soon after it has dropped us was there all the time.
_AT_ONCE_S = 0.3
# A rival comes back within so long.
_SHORT_LIFE_S = 5.0
# A connection that lasts longer than the longest rest of a rival: it is gone.
_ALONE_S = 120.0
_FIRST_REST_S = 10.0
_LONGEST_REST_S = 60.0


class Rivalry:
    """Network thread only."""

    def __init__(self, address: Address, client_id: str, clock: Clock) -> None:
        self._address = address
        self._client_id = client_id
        self._clock = clock
        self._throws: deque[float] = deque(maxlen=_TAKEN_OVER_TIMES)
        self._in_a_row = 0
        self._accepted_s: float | None = None
        self._was_at_once = False
        self._lost_s: float | None = None
        self._backoff = Backoff(_FIRST_REST_S, _LONGEST_REST_S)

    def lost(self, error: SourceError) -> None:
        """A connection that worked has ended."""
        now_s = self._clock.monotonic_s()
        lasted_s = 0.0 if self._accepted_s is None else now_s - self._accepted_s
        if lasted_s > _ALONE_S:
            self._backoff.reset()
        self._accepted_s = None
        self._lost_s = None
        if isinstance(error, TakenOverError):
            self._throws.append(now_s)
            return
        if isinstance(error, RefusedError):
            # The broker says what it does not like; asked at once, it would say it in a loop.
            self._in_a_row = 0
            return
        is_short = lasted_s < _SHORT_LIFE_S
        self._lost_s = now_s
        self._in_a_row = self._in_a_row + 1 if is_short and self._was_at_once else 0

    def accepted(self) -> None:
        """The broker has accepted us."""
        self._accepted_s = self._clock.monotonic_s()
        self._was_at_once = (
            self._lost_s is not None and self._accepted_s - self._lost_s < _AT_ONCE_S
        )
        self._lost_s = None

    def failed(self) -> None:
        """No connection could be made: the broker was not there."""
        self._lost_s = None
        self._in_a_row = 0

    @property
    def asks_at_once(self) -> bool:
        """Whether to try again without a pause: it tells a rival from a broker that was away."""
        return self._lost_s is not None

    @property
    def is_suspected(self) -> bool:
        """Whether a connection was let in at once and thrown out at once just before."""
        return self._in_a_row > 0

    @property
    def is_found(self) -> bool:
        """Whether it looks as if there were a rival."""
        return self._in_a_row >= _LOSSES_IN_A_ROW or self._is_taken_over_often()

    def rest_s(self) -> float:
        """How long to leave the broker to the rival; it may be gone after that."""
        self._throws.clear()
        self._in_a_row = 0
        self._lost_s = None
        return self._backoff.next_s()

    def explain(self, error: SourceError) -> SourceError:
        """What to say of a connection that has ended with this error."""
        if isinstance(error, TakenOverError) or not self.is_found:
            return error
        return TakenOverError(
            f"{self._address}: it looks like another client with our client id "
            f"{self._client_id!r}: {_LOSSES_IN_A_ROW} times in a row the connection ended within "
            "seconds, and the broker let us in again at once. If there is one, set "
            f"brokers.{self._address.broker}.client_id of one of the two (machines from one "
            "copied card have the same id); if not, look at the network between. We stay away "
            f"for up to {_LONGEST_REST_S:.0f} s"
        )

    def _is_taken_over_often(self) -> bool:
        now_s = self._clock.monotonic_s()
        return len(self._throws) == _TAKEN_OVER_TIMES and now_s - self._throws[0] < _WITHIN_S
