"""The Point: one observation, a time, a measurement, tags (text) and fields (numbers).

Knows nothing of storage. What a Point may hold is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import numpy as np

from tinyflux.line_protocol import FieldSet, FieldValue, LineParts, TagSet, from_line, to_line
from tinyflux.times import from_us, is_moment, now, to_storable_us, to_us

__all__ = ["Point", "validate_fields", "validate_tags"]


_LONGEST_SHOWN_BITS = 2000
_ARGUMENTS = ("time", "measurement", "tags", "fields")


class Point:
    """One observation.

    `Point(time=..., measurement=..., tags=..., fields=...)`, every argument by keyword and
    optional. `time` is a datetime (naive: local time) or None until the point is inserted;
    `measurement` a str, `"_default"` if not given; `tags` maps str to str or None; `fields` maps
    str to int, float or None. Numpy numbers and IntEnums become plain ints and floats.

    Raises TypeError for an unknown or positional argument, ValueError for a wrong value.
    """

    __slots__ = ("_fields", "_measurement", "_tags", "_time")

    default_measurement_name = "_default"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args:
            raise TypeError(
                f"Point takes its arguments by keyword ({', '.join(_ARGUMENTS)}), "
                f"got {args[0]!r} by position"
            )
        for name in kwargs:
            if name not in _ARGUMENTS:
                raise TypeError(f"Point has no argument {name!r}; it takes {', '.join(_ARGUMENTS)}")
        self._time: datetime | None = None
        self._measurement = self.default_measurement_name
        self._tags: TagSet = {}
        self._fields: FieldSet = {}
        if kwargs.get("time") is not None:
            self.time = kwargs["time"]
        if "measurement" in kwargs:
            self.measurement = kwargs["measurement"]
        if "tags" in kwargs:
            self.tags = kwargs["tags"]
        if "fields" in kwargs:
            self.fields = kwargs["fields"]

    @classmethod
    def of_parts(cls, time: datetime, measurement: str, tags: TagSet, fields: FieldSet) -> Point:
        """A Point of parts that are known to be valid; takes ownership of the dicts."""
        point = cls.__new__(cls)
        point._time = time
        point._measurement = measurement
        point._tags = tags
        point._fields = fields
        return point

    @classmethod
    def many_of_parts(
        cls,
        times: Iterable[datetime],
        measurements: Iterable[str],
        tags: Iterable[TagSet],
        fields: Iterable[FieldSet],
    ) -> list[Point]:
        """As `of_parts`, of iterables of the same length: half the cost for each."""
        points = []
        make = cls.__new__
        for time, measurement, tag_set, field_set in zip(
            times, measurements, tags, fields, strict=True
        ):
            point = make(cls)
            point._time = time
            point._measurement = measurement
            point._tags = tag_set
            point._fields = field_set
            points.append(point)
        return points

    @property
    def time(self) -> datetime | None:
        """The point's time, as it was given; aware and UTC once the point was inserted."""
        return self._time

    @time.setter
    def time(self, value: datetime | None) -> None:
        if value is not None and not is_moment(value):
            raise ValueError(f"time must be a datetime or None, found {_found(value)}")
        self._time = value

    @property
    def measurement(self) -> str:
        """The measurement's name."""
        return self._measurement

    @measurement.setter
    def measurement(self, value: str) -> None:
        if not isinstance(value, str):
            raise ValueError(f"measurement must be a str, found {_found(value)}")
        self._measurement = value

    @property
    def tags(self) -> TagSet:
        """The tag set; a change in place is checked when the point is inserted."""
        return self._tags

    @tags.setter
    def tags(self, value: Mapping[str, str | None]) -> None:
        validate_tags(value)
        self._tags = dict(value)

    @property
    def fields(self) -> FieldSet:
        """The field set; a change in place is checked when the point is inserted."""
        return self._fields

    @fields.setter
    def fields(self, value: Mapping[str, Any]) -> None:
        validate_fields(value)
        self._fields = {key: plain_number(number) for key, number in value.items()}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Point):
            return NotImplemented
        return (
            _comparable(self._time) == _comparable(other.time)
            and self._measurement == other.measurement
            and self._tags == other.tags
            and self._fields == other.fields
        )

    def __hash__(self) -> int:
        """Hash of the present content; a point that is changed afterwards hashes anew."""
        return hash(
            (
                _comparable(self._time),
                self._measurement,
                frozenset(self._tags.items()),
                frozenset(self._fields.items()),
            )
        )

    def to_line_protocol(self) -> str:
        """The point as one line of InfluxDB line protocol, time in ns.

        What line protocol cannot hold is left out: tags that are None or empty, fields that are
        None, NaN or infinite. ValueError where no field is left, a text holds a newline, an int or
        the time has more than 64 bits, or tags or fields were changed to hold what they must not.
        """
        validate_tags(self._tags)
        validate_fields(self._fields)
        time_us = None if self._time is None else to_storable_us(self._time)
        fields = {key: plain_number(number) for key, number in self._fields.items()}
        return to_line(LineParts(time_us, self._measurement, self._tags, fields))

    @classmethod
    def from_line_protocol(cls, line: str) -> Point:
        """The Point of one line of InfluxDB line protocol; one without a time is of now.

        Booleans become 1 and 0. ValueError for what is no line, and for text as a field.
        """
        parts = from_line(line)
        time = now() if parts.time_us is None else from_us(parts.time_us)
        return cls.of_parts(time, parts.measurement, parts.tags, parts.fields)

    def __repr__(self) -> str:
        parts = [
            f"time={self._time.isoformat() if self._time else None}",
            f"measurement={self._measurement!r}",
        ]
        if self._tags:
            parts.append(f"tags={self._tags!r}")
        if self._fields:
            fields = (f"{key!r}: {shown(number)}" for key, number in self._fields.items())
            parts.append(f"fields={{{', '.join(fields)}}}")
        return f"Point({', '.join(parts)})"


parts_of: Callable[[Point], tuple[datetime | None, str, TagSet, FieldSet]] = attrgetter(
    "_time", "_measurement", "_tags", "_fields"
)
"""Time, measurement, tags and fields of a Point, at once: properties cost thrice as much."""


def validate_tags(tags: object) -> None:
    """Raise ValueError unless `tags` maps str to str or None."""
    if not isinstance(tags, Mapping):
        raise ValueError(f"tags must be a mapping of str to str or None, found {_found(tags)}")
    for key, value in tags.items():
        if type(key) is not str and not isinstance(key, str):
            raise ValueError(f"tag key {key!r} must be a str, found {_found(key)}")
        if value is not None and not isinstance(value, str):
            raise ValueError(
                f"tag {key!r} must be a str or None, found {_found(value)}; "
                f"numbers go into fields, or are written as text: str({shown(value)})"
            )


def validate_fields(fields: object) -> None:
    """Raise ValueError unless `fields` maps str to int, float or None (bool is refused)."""
    if not isinstance(fields, Mapping):
        raise ValueError(
            f"fields must be a mapping of str to int, float or None, found {_found(fields)}"
        )
    for key, value in fields.items():
        if not isinstance(key, str):
            raise ValueError(f"field key {key!r} must be a str, found {_found(key)}")
        if not is_field_value(value):
            raise ValueError(
                f"field {key!r} must be an int, a float or None, found {_found(value)}; "
                f"{_hint(value)}"
            )


def _hint(value: object) -> str:
    """What to do with a value that no field can hold."""
    if isinstance(value, bool | np.bool_):
        return "use 1 or 0"
    if isinstance(value, timedelta):
        return "store its total_seconds()"
    if isinstance(value, np.timedelta64):
        return "divide it by its unit, as by np.timedelta64(1, 's')"
    is_number = hasattr(value, "__float__") or hasattr(value, "__complex__")
    return "convert it, as by float()" if is_number else "text goes into tags"


def is_field_value(value: object) -> bool:
    """Whether a field can hold `value`: int, float, numpy's of both, or None; never a bool."""
    if type(value) in (float, int) or value is None:
        return True
    if isinstance(value, bool | np.bool_):
        return False
    # numpy counts a span of time among its integers.
    is_number = isinstance(value, int | float | np.integer | np.floating)
    return is_number and not isinstance(value, np.timedelta64)


def plain_number(value: Any) -> FieldValue:
    """`value` as a plain int, float or None: numpy scalars and enums lose their type."""
    kind = type(value)
    if kind is float or kind is int or value is None:
        return value  # type: ignore[no-any-return]
    return int(value) if isinstance(value, int | np.integer) else float(value)


def _found(value: object) -> str:
    text = shown(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"


def shown(value: object) -> str:
    """The value's repr; Python refuses to write out ints of some thousand digits."""
    if isinstance(value, int) and value.bit_length() > _LONGEST_SHOWN_BITS:
        return f"<int of {value.bit_length()} bits>"
    return repr(value)


def _comparable(moment: datetime | None) -> int | datetime | None:
    """A time by its instant: a naive one is local, whatever zone an aware one is written in."""
    try:
        return None if moment is None else to_us(moment)
    except ValueError:  # a naive time without a UTC value equals only itself
        return moment
