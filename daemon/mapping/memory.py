"""What fields remember from one message to the next: the numbers of texts, and counters.

The rest of the mapping is pure; this is its only state that answers depend on. It lives in memory,
knows no file, and asks its keeper to make it last: texts before their first number is used, so that
no row on disk has a number that nobody can read, counters when one began anew. Writer thread only.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from daemon.config import is_clean
from daemon.mapping.troubles import Kind, Unfit, show

MAX_TEXTS = 500
"""Of one field. What has more is no enum but text, as a time or a title would be."""
_MAX_FIELDS = 2_000
_MAX_SERIES = 20_000

# A lower value is a new beginning only if it is lower by so much; less is noise, or a message that
# came late. Home Assistant's total_increasing draws the line at the same place.
_RESET_BELOW = 0.9

Texts = dict[str, dict[str, dict[str, int]]]
"""The numbers of texts, by measurement and field."""


@dataclass(slots=True)
class Count:
    """One counter."""

    base: float
    """What it had reached before it began anew for the last time."""
    last: float
    """Its highest value since."""
    time_us: int
    before: tuple[float, float] | None = None
    """`base` and `last` before it fell to 0, until the next value says whether that was true."""


class KeepCounts(Protocol):
    """Makes counters last."""

    def __call__(self, *, is_urgent: bool) -> object:
        """Never raises."""


@dataclass(slots=True)
class FieldMemory:
    """The memory of all rules."""

    texts: Texts = field(default_factory=dict)
    counts: dict[str, Count] = field(default_factory=dict)
    """By series."""
    keep_texts: Callable[[], bool] = lambda: True
    """Makes `texts` last; False where it cannot."""
    keep_counts: KeepCounts = lambda *, is_urgent: None
    """Makes `counts` last: at once where it is urgent, because one began anew, else soon."""

    def number(self, measurement: str, name: str, text: str, *, first: int = 1) -> int:
        """The number of a text in a field: that of its first time, or the next one, from `first`.

        Upper and lower case do not count.

        Raises:
            Unfit: for text that is too long or no single line, for more than 500 texts, and where
                the number cannot be kept.
        """
        numbers = self.texts.setdefault(measurement, {}).setdefault(name, {})
        known = numbers.get(text)
        if known is None:
            folded = text.casefold()
            known = next((one for key, one in numbers.items() if key.casefold() == folded), None)
        return self._add(numbers, text, first) if known is None else known

    def _add(self, numbers: dict[str, int], text: str, first: int) -> int:
        if not is_clean(text):
            raise Unfit(Kind.TEXT, f"found {show(text)}, which cannot be kept as a word")
        n_fields = sum(len(fields) for fields in self.texts.values())
        if len(numbers) >= MAX_TEXTS or n_fields > _MAX_FIELDS:
            raise Unfit(
                Kind.TOO_MANY,
                f"found {show(text)} beside {MAX_TEXTS} other texts; this is no enum",
            )
        numbers[text] = number = max(numbers.values(), default=first - 1) + 1
        if not self.keep_texts():
            del numbers[text]
            raise Unfit(
                Kind.NOT_KEPT, f"found {show(text)}, which has no number, and none can be kept now"
            )
        return number

    def count(self, series: str, value: float, time_us: int) -> float:
        """What a counter has reached in all, however often it began anew.

        A fall to 0 that the next value takes back, as of a meter that has just been switched on,
        leaves no trace.
        """
        count = self.counts.pop(series, None)
        if count is None:
            if len(self.counts) >= _MAX_SERIES:
                del self.counts[next(iter(self.counts))]
            count = Count(0, value, time_us)
        # Again at the end: the series that was silent for longest is forgotten first.
        self.counts[series] = count
        if time_us < count.time_us:
            return count.base + value
        count.time_us = time_us
        self.keep_counts(is_urgent=_take(count, value))
        return count.base + value


def _take(count: Count, value: float) -> bool:
    """Bring a counter up to date; whether it began anew, or did not after all."""
    before, count.before = count.before, None
    if before is not None and value >= before[1]:
        count.base, count.last = before[0], value
        return True
    if value < _RESET_BELOW * count.last:
        count.before = (count.base, count.last) if value == 0 else None
        count.base, count.last = count.base + count.last, value
        return True
    count.before = before if value == 0 else None
    count.last = max(count.last, value)
    return False
