"""What people ask of time-series data beyond the points themselves: latest, statistics, arrays.

The part of the TinyFlux class that answers from columns. Measurement handles call it with their
name.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from datetime import timedelta, tzinfo
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyflux.aggregation import Question, aggregate, latest_rows
from tinyflux.engine import Engine
from tinyflux.frames import arrays, to_pandas, to_polars
from tinyflux.operations import read_op
from tinyflux.point import Point
from tinyflux.predicates import Query
from tinyflux.queries import require_query
from tinyflux.storages import Storage


class Analysis:
    """Answers in arrays; every `query` may be None for all points."""

    @property
    @abstractmethod
    def storage(self) -> Storage:
        """The storage instance."""

    @property
    @abstractmethod
    def engine(self) -> Engine:
        """What keeps columns and storage in line; for the parts of this package."""

    @read_op
    def latest(
        self,
        query: Query | None = None,
        by: str | Iterable[str] | None = None,
        measurement: str | None = None,
    ) -> list[Point]:
        """The last point by time of each series, or of each combination of the tags `by`.

        A series is a measurement and a tag set. The points are in the order of their times.
        """
        table = self.engine.snapshot()
        found = latest_rows(table, _checked(query), measurement, by)
        rows = np.sort(found)
        points = dict(zip(rows.tolist(), self.engine.point_maker()(table, rows), strict=True))
        return [points[row] for row in found.tolist()]

    @read_op
    def aggregate(
        self,
        query: Query | None,
        fields: str | Iterable[str],
        every: str | timedelta | None = None,
        how: str | Iterable[str] = "mean",
        by: str | Iterable[str] = (),
        tz: str | tzinfo | None = None,
        measurement: str | None = None,
    ) -> dict[str, NDArray[Any]]:
        """Statistics of fields per window of time and combination of tags, as columns.

        Args:
            query: The points to look at; None for all.
            fields: A field key or several.
            every: The length of a window: `30s`, `5m`, `1h`, `1d`, `1w`, `1mo`, `1y` or a
                timedelta; None is one window over everything. Days and longer follow the calendar
                of `tz`, daylight saving included.
            how: `mean`, `min`, `max`, `sum`, `count`, `first`, `last`, `std`, `time_weighted_mean`
                (a value holds until the next one), `increase` (of a counter, resets recognised).
            by: Tag keys to group by.
            tz: A time zone's name or a tzinfo; None is UTC.
            measurement: An optional measurement to filter by.

        Returns arrays of one length, one row per window and group that holds a value, in the order
        of time: `time` (int64 µs UTC, the window's start), one object array per tag of `by`, one
        float64 array `<field>_<statistic>` each (`count` is int64), NaN where there is no value.
        Raises ValueError for an unknown statistic, duration or zone.
        """
        question = Question.of(fields, every, how, by, tz)
        return aggregate(self.engine.snapshot(), _checked(query), measurement, question)

    @read_op
    def to_numpy(
        self,
        query: Query | None = None,
        fields: str | Iterable[str] | None = None,
        measurement: str | None = None,
    ) -> dict[str, NDArray[Any]]:
        """The points that match as arrays of one length, by time (equal times as inserted).

        `time` is int64 µs UTC; one object array of str or None per tag that any of them carries,
        one float64 array per field (all, or `fields`), NaN for None and missing. A key that would
        name two arrays is written `tags.key` and `fields.key`.
        """
        keys = [fields] if isinstance(fields, str) else fields
        return arrays(self.engine.snapshot(), _checked(query), measurement, keys)

    def to_pandas(
        self,
        query: Query | None = None,
        fields: str | Iterable[str] | None = None,
        measurement: str | None = None,
    ) -> Any:
        """`to_numpy` as a pandas DataFrame, `time` aware; ImportError names the extra."""
        return to_pandas(self.to_numpy(query, fields, measurement))

    def to_polars(
        self,
        query: Query | None = None,
        fields: str | Iterable[str] | None = None,
        measurement: str | None = None,
    ) -> Any:
        """`to_numpy` as a polars DataFrame, `time` aware; ImportError names the extra."""
        return to_polars(self.to_numpy(query, fields, measurement))


def _checked(query: Query | None) -> Query | None:
    return None if query is None else require_query(query)
