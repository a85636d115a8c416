"""Whether the wall clock can be believed: yes, not yet, or not in this boot.

A board without a clock chip boots at a plausible date of the past, so only the system's word
counts. What is known of each boot is kept in a small file beside the data: a restart in the same
boot knows it, and what an earlier boot has left can still be given its right time. One thread.
"""

from __future__ import annotations

import contextlib
import enum
import json
import logging
from collections.abc import Mapping
from pathlib import Path

from daemon.clock import BoardClock
from daemon.files import replace_file

_log = logging.getLogger("daemon.collector")

DEFAULT_WAIT_S = 600.0
_VERSION = 1
_KEPT_BOOTS = 5
_LOOK_EVERY_S = 1.0


class Trust(enum.Enum):
    """What the wall clock is worth."""

    YES = "yes"
    NOT_YET = "not yet"
    GIVEN_UP = "given up"
    """It was waited for long enough; what is stamped by it is marked."""


def clock_path(data: Path) -> Path:
    """Where the knowledge of a data file's clock is."""
    return data.with_suffix(".clock.json")


class ClockTrust:
    """`wait_s`: how long to wait for synchronisation; 0 believes the clock as it is, None waits ten
    minutes where somebody is expected to set the clock, and believes it elsewhere."""

    def __init__(self, clock: BoardClock, wait_s: float | None, path: Path | None = None) -> None:
        self._clock = clock
        self._wait_s = wait_s
        self._path = path
        self._boots: dict[str, int | None] = {}
        self._since_s = clock.monotonic_s()
        self._looked_s = float("-inf")
        self._trust = Trust.NOT_YET
        self._synchronised_us: int | None = None

    def open(self) -> None:
        """Recall what is known of earlier boots, and look. An unusable file is said."""
        if self._path is not None:
            try:
                self._boots = _load(self._path)
            except FileNotFoundError:
                pass
            except (OSError, ValueError, TypeError, KeyError) as error:
                _log.warning("%s cannot be used (%r): it begins anew", self._path, error)
        self._trust = self._first_look()
        if self._trust is Trust.NOT_YET:
            _log.warning(
                "the clock is not synchronised: points wait for it, at most %.0f s",
                self._limit_s,
            )

    def waits_since(self, monotonic_us: int) -> None:
        """Something of this boot waits since then: the limit counts from there."""
        self._since_s = min(self._since_s, monotonic_us / 1e6)

    def look(self) -> Trust:
        """What the clock is worth now; asks the system once a second at most."""
        now_s = self._clock.monotonic_s()
        if self._trust is not Trust.YES and now_s - self._looked_s >= _LOOK_EVERY_S:
            self._looked_s = now_s
            if self._clock.is_synchronised():
                self._note_synchronised()
            elif self._trust is Trust.NOT_YET and now_s - self._since_s >= self._limit_s:
                self._trust = Trust.GIVEN_UP
                self._remember(None)
                _log.error(
                    "the clock was not synchronised within %.0f s: points are stored with the time "
                    "that it shows, and the tag time_quality=unsynced; check the network and the "
                    "time service (timedatectl), or set collector.clock.wait_for_sync to 0s if "
                    "this machine's clock is right without one",
                    self._limit_s,
                )
        return self._trust

    @property
    def trust(self) -> Trust:
        """What the last look found."""
        return self._trust

    def wall_us(self, monotonic_us: int) -> int:
        """The wall time of a moment of this boot, by the clock as it was first synchronised."""
        offset_us = self._boots.get(self._clock.boot_id)
        return monotonic_us + (self._offset_us() if offset_us is None else offset_us)

    def wall_us_of(self, boot_id: str, monotonic_us: int) -> int | None:
        """The same for another boot; None if its clock was never synchronised."""
        offset_us = self._boots.get(boot_id)
        return None if offset_us is None else monotonic_us + offset_us

    def was_doubtful(self, monotonic_us: int) -> bool:
        """Whether the clock was synchronised only after this moment of our own process."""
        return self._synchronised_us is not None and monotonic_us < self._synchronised_us

    @property
    def _limit_s(self) -> float:
        return DEFAULT_WAIT_S if self._wait_s is None else self._wait_s

    def _first_look(self) -> Trust:
        if self._limit_s == 0:
            return Trust.YES
        boot_id = self._clock.boot_id
        if self._clock.is_synchronised():
            if self._boots.get(boot_id) is None:
                self._remember(self._offset_us())
            return Trust.YES
        if boot_id in self._boots:
            return Trust.GIVEN_UP if self._boots[boot_id] is None else Trust.YES
        if self._wait_s is None and not self._clock.awaits_synchronisation():
            _log.info("nothing on this machine synchronises the clock: it is believed as it is")
            return Trust.YES
        return Trust.NOT_YET

    def _note_synchronised(self) -> None:
        self._trust = Trust.YES
        self._synchronised_us = round(self._clock.monotonic_s() * 1e6)
        self._remember(self._offset_us())
        _log.info("the clock is synchronised: points that waited for it get their time")

    def _offset_us(self) -> int:
        return self._clock.now_us() - round(self._clock.monotonic_s() * 1e6)

    def _remember(self, offset_us: int | None) -> None:
        boot_id = self._clock.boot_id
        self._boots.pop(boot_id, None)
        self._boots[boot_id] = offset_us
        while len(self._boots) > _KEPT_BOOTS:
            del self._boots[next(iter(self._boots))]
        if self._path is None or not boot_id:
            return
        content = {"version": _VERSION, "boots": self._boots}
        try:
            replace_file(self._path, json.dumps(content, indent=1).encode() + b"\n")
        except OSError as error:
            _log.warning(
                "cannot save %s: %s; the next start asks the system again", self._path, error
            )


def is_clock_known(clock: BoardClock, wait_s: float | None, path: Path) -> bool:
    """Whether what is old may be judged by the clock; reads what the collector knows of it."""
    if wait_s == 0 or clock.is_synchronised():
        return True
    boots: Mapping[str, int | None] = {}
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
        boots = _load(path)
    if clock.boot_id in boots:
        return boots[clock.boot_id] is not None
    return wait_s is None and not clock.awaits_synchronisation()


def _load(path: Path) -> dict[str, int | None]:
    content = json.loads(path.read_text(encoding="ascii"))
    if content["version"] != _VERSION:
        raise ValueError(f"it is not of version {_VERSION}")
    boots = content["boots"]
    if not isinstance(boots, dict):
        raise ValueError("`boots` is no object")
    return {boot: None if offset is None else int(offset) for boot, offset in boots.items()}
