"""Text with a unit to a plain number: durations to seconds, sizes to bytes.

A bare number is refused, because `every: 5` means five seconds to one reader and five minutes to
the next. Pure; raises ValueError with the text a person should read.
"""

from __future__ import annotations

import math
import re

_SECONDS = {
    "ms": 0.001,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "w": 7 * 86400.0,
    "y": 365 * 86400.0,
}
_BYTES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
}
DURATION_UNITS = "ms, s, m (minutes), h, d, w or y (365 days)"
SIZE_UNITS = "B, kB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024)"
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[smhdwy])")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]+)")
_LIMIT_S = 1000 * 365 * 86400.0


def parse_duration(value: object) -> float:
    """Seconds in a text as `5s`, `10m`, `1h30m`, `7d`.

    Raises:
        ValueError: for a number without a unit, an unknown unit, or more than 1000 years.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"a duration is text with a unit, such as 30s; units: {DURATION_UNITS}")
    if not isinstance(value, str):
        raise ValueError(
            f"a duration needs a unit, such as {value}s or {value}m, because a bare number does "
            f"not say which is meant; units: {DURATION_UNITS}"
        )
    text = value.strip()
    parts = _PART.findall(text)
    if not parts or _PART.sub("", text).strip():
        raise ValueError(
            f"a duration is numbers with units, such as 30s, 10m or 1h30m; units: {DURATION_UNITS}"
        )
    seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    if seconds > _LIMIT_S:
        raise ValueError("a duration is at most 1000y")
    return seconds


def parse_size(value: object) -> int:
    """Bytes in a text as `500kB`, `10MB`, `1GiB`.

    Raises:
        ValueError: for a number without a unit or an unknown unit.
    """
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(f"a size is text with a unit, such as 10MB; units: {SIZE_UNITS}")
    if not isinstance(value, str):
        raise ValueError(
            f"a size needs a unit, such as {value}MB, because a bare number does not say which "
            f"is meant; units: {SIZE_UNITS}"
        )
    match = _SIZE.fullmatch(value.strip())
    factor = _BYTES.get(match[2].upper()) if match else None
    if match is None or factor is None:
        raise ValueError(f"a size is one number with a unit, such as 10MB; units: {SIZE_UNITS}")
    size = float(match[1]) * factor
    if size > 2**60:
        raise ValueError("a size is at most 1 EiB")
    return int(size)


def parse_number(value: object) -> object:
    """A finite number as a float; anything that is no number is left for the type check.

    Raises:
        ValueError: for infinity and nan.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError("this is a number, written without quotes")
    try:
        number = float(value)
    except OverflowError:
        raise ValueError("this number is too large for a 64-bit float") from None
    if not math.isfinite(number):
        raise ValueError("this is a finite number, not nan or infinity")
    return number
