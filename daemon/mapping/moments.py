"""When a payload says it was measured, as µs UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from daemon.config import TimeRule, find_zone, is_path, parse_path
from daemon.mapping.reach import MISSING, Context, Reach, compile_path
from daemon.mapping.texts import Text
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.messages import JsonValue

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,12})?").fullmatch
# No device that is set right shows a time before 2020, when this program was not yet written; those
# that are not set show 1970, 2000 or when they were made.
_FIRST_US = 1_577_836_800_000_000
# A board has not lain on a shelf for longer.
_LONGEST_OFF_US = 20 * 365 * 86_400_000_000
_UNITS_US = {"unix_s": 1_000_000.0, "unix_ms": 1_000.0, "unix_us": 1.0}

ReadTime = Callable[[Context, int], int]
"""A decoded payload and its arrival (µs UTC) to the time of measurement (µs UTC). Raises Unfit."""


@dataclass(frozen=True, slots=True)
class Window:
    """Which payload times can be right, seen from their arrival.

    A device whose clock is not set reports 1970; one whose clock runs wild reports any future.
    """

    past_us: int = 7 * 86_400_000_000
    future_us: int = 300_000_000
    is_arrival_known: bool = True
    """Whether the time of arrival can be believed. A clock that nobody has set says little about a
    device's: then only a time that no clock should show is refused."""
    past_option: str = "collector.clock.accept_past"
    """The option that says `past_us`."""

    def check(self, time_us: int, received_us: int, what: str) -> int:
        """The time, if it can be right. Raises Unfit."""
        if not self.is_arrival_known:
            return self._check_alone(time_us, received_us, what)
        ahead_us = time_us - received_us
        if -self.past_us <= ahead_us <= self.future_us:
            return time_us
        option = "collector.clock.accept_future" if ahead_us > 0 else self.past_option
        raise Unfit(
            Kind.IMPLAUSIBLE_TIME,
            f"{what} is further from its arrival than {option}",
        )

    def _check_alone(self, time_us: int, received_us: int, what: str) -> int:
        base_us = max(received_us, _FIRST_US)
        if min(_FIRST_US, base_us - self.past_us) <= time_us <= base_us + _LONGEST_OFF_US:
            return time_us
        raise Unfit(
            Kind.IMPLAUSIBLE_TIME,
            f"{what} cannot be right, whatever the time is (the collector's clock is not set)",
        )


def compile_time(
    rule: TimeRule, zone: tzinfo, window: Window, null_words: Container[str] = ()
) -> ReadTime:
    """The reading of a payload's time; `zone` is for times that name none and rules neither, and
    `null_words` (in lower case) are the texts that mean no time where it is optional."""
    find, path = _finder(rule.path), rule.path
    parse = _parser(rule.format, zone if rule.timezone is None else find_zone(rule.timezone))

    def read(context: Context, received_us: int) -> int:
        found = find(context)
        if rule.optional and _is_nothing(found, null_words):
            return received_us
        if found is MISSING:
            raise Unfit(Kind.TIME, f"time at {path}: there is none")
        try:
            time_us = parse(found)
        except (TypeError, ValueError, OverflowError):
            raise Unfit(
                Kind.TIME, f"time at {path}: found {show(found)}, needed is {rule.format}"
            ) from None
        return window.check(time_us, received_us, f"time at {path}: {show(found)}")

    return read


def _is_nothing(found: JsonValue, null_words: Container[str]) -> bool:
    if isinstance(found, str):
        return found.strip().casefold() in null_words
    return found is MISSING or found is None


def read_own_time(window: Window) -> ReadTime:
    """The reading of the time that a line of line protocol has; its arrival where it has none."""

    def read(context: Context, received_us: int) -> int:
        if context.time_us is None:
            return received_us
        return window.check(context.time_us, received_us, f"the line's time {context.time_us} µs")

    return read


def _finder(place: str) -> Reach:
    if is_path(place):
        return compile_path(parse_path(place))
    text = Text(place)

    def find(context: Context) -> JsonValue:
        found = text.read(context)
        return MISSING if found is None else found

    return find


def _parser(form: str, zone: tzinfo) -> Callable[[JsonValue], int]:
    if form == "auto":
        return lambda found: _from_auto(found, zone)
    if form == "iso":
        return lambda found: _from_text(found, datetime.fromisoformat, zone)
    if form in _UNITS_US:
        return lambda found: _from_number(found, _UNITS_US[form])
    return lambda found: _from_text(found, lambda text: datetime.strptime(text, form), zone)


def _from_auto(found: JsonValue, zone: tzinfo) -> int:
    if isinstance(found, str) and not _NUMBER(found.strip()):
        return _from_text(found, datetime.fromisoformat, zone)
    size = abs(float(found))  # type: ignore[arg-type]
    if size < 1e11:
        return _from_number(found, _UNITS_US["unix_s"])
    return _from_number(found, _UNITS_US["unix_ms" if size < 1e14 else "unix_us"])


def _from_number(found: JsonValue, unit_us: float) -> int:
    if isinstance(found, str) and _NUMBER(found.strip()):
        found = float(found) if "." in found else int(found)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise ValueError("no number")
    return int(found * int(unit_us)) if isinstance(found, int) else round(found * unit_us)


def _from_text(found: JsonValue, parse: Callable[[str], datetime], zone: tzinfo) -> int:
    if not isinstance(found, str) or len(found) > 100:
        raise ValueError("no text")
    moment = parse(found.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return (moment - EPOCH) // timedelta(microseconds=1)
