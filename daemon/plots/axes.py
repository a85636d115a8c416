"""Where an axis has its ticks: round numbers, and round times of a zone's clock. Pure."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_STEPS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200,
    86400, 2 * 86400, 7 * 86400, 14 * 86400,
)  # fmt: skip
_STEPS_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_MONTH_S = 30.4 * 86400


def number_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from `low` to `high`, at most one more than `most`, evenly spaced."""
    if not high > low:
        return [low]
    rough = (high - low) / max(1, most)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999999)
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def number_labels(ticks: list[float]) -> list[str]:
    """The ticks as texts with as many decimals as they need."""
    if not ticks:
        return []
    step = min((b - a for a, b in pairwise(ticks)), default=abs(ticks[0]) or 1)
    if max(map(abs, ticks)) >= 1e7 or step < 1e-6:
        return [f"{tick:.6g}" for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick + 0.0:.{decimals}f}" for tick in ticks]


def time_ticks(first_us: int, last_us: int, most: int, zone: tzinfo) -> list[tuple[int, str]]:
    """Round times from first to last, at most about `most`, with their labels; µs UTC."""
    span_s = (last_us - first_us) / 1e6
    rough_s = span_s / max(1, most)
    start = (_EPOCH + timedelta(microseconds=first_us)).astimezone(zone)
    step_s = next((step for step in _STEPS_S if step >= rough_s), None)
    moments = (
        _even_moments(start, last_us, step_s)
        if step_s is not None
        else _months(start, last_us, rough_s)
    )
    return _labelled([moment for moment in moments if first_us <= _us(moment) <= last_us], span_s)


def _even_moments(start: datetime, last_us: int, step_s: int) -> list[datetime]:
    """Steps on the zone's clock, counted from midnight, or from a Monday."""
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0)
    if step_s >= 7 * 86400:
        midnight -= timedelta(days=midnight.weekday())
    moments, at = [], midnight
    if step_s < 86400:
        at += timedelta(seconds=(start - midnight).total_seconds() // step_s * step_s)
    while _us(at) <= last_us:
        moments.append(at)
        at += timedelta(seconds=step_s)  # on the clock: a day has 24 of its hours
    return moments


def _months(start: datetime, last_us: int, rough_s: float) -> list[datetime]:
    step = next((s for s in _STEPS_MONTHS if s * _MONTH_S >= rough_s), _STEPS_MONTHS[-1])
    number = (start.year * 12 + start.month - 1) // step * step
    moments = []
    while number < 9999 * 12:
        year, month = divmod(number, 12)
        at = start.replace(
            year=max(1, year), month=month + 1, day=1, hour=0, minute=0, second=0, microsecond=0
        )
        if _us(at) > last_us:
            break
        moments.append(at)
        number += step
    return moments


def _labelled(moments: list[datetime], span_s: float) -> list[tuple[int, str]]:
    """A label says what is new: the day where a day begins, else the time."""
    labels = []
    for moment in moments:
        is_midnight = not (moment.hour or moment.minute or moment.second)
        if span_s > 400 * 86400:
            form = "%Y-%m" if span_s < 20 * 366 * 86400 else "%Y"
        elif is_midnight or span_s > 4 * 86400:
            form = "%d %b"
        elif span_s < 300:
            form = "%H:%M:%S"
        else:
            form = "%H:%M"
        labels.append((_us(moment), moment.strftime(form)))
    return labels


def _us(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
