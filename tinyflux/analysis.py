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

from tinyflux.aggregation import Question, aggregate
from tinyflux.arguments import names_of, require_measurement
from tinyflux.engine import Engine
from tinyflux.frames import Arrays, arrays, to_pandas, to_polars
from tinyflux.latest import latest_rows
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

        A series is a measurement and a tag set; a tag that is None and one that is missing are
        alike. Of equal times the point inserted last counts. The points are in the order of their
        times. `by=()` gives the one last point of all. What was found among older rows is
        remembered: asking again costs no more than looking at the new ones.
        """
        require_measurement(measurement)
        keys = None if by is None else names_of("by", by)
        table = self.engine.snapshot()
        found = latest_rows(table, _checked(query), measurement, keys)
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
            query: The points to look at; None for all. Nothing else is looked at: where the query
                begins in the middle of a series, no earlier value is carried in.
            fields: A field key or several.
            every: The length of a window: `30s`, `5m`, `1h`, `1d`, `1w`, `1mo`, `1y` or a
                timedelta; None is one window over everything.
            how: One or several of
                `count`, `sum`, `mean`, `min`, `max`: of the values. None is no value; NaN is one,
                    and makes everything but the count NaN;
                `first`, `last`: by time, of equal times as inserted;
                `std`: the sample standard deviation (n - 1), NaN for fewer than two values;
                `increase`: of a counter. Differences between neighbours of the same series are
                    summed, each in the window of the later one; a fall is a reset, after which
                    the new value is the growth;
                `time_weighted_mean`: every value holds until the next one of its series, also into
                    later windows; the last one of a series holds for no time. The latest value
                    where nothing holds for any time.
            by: Tag keys to group by; a tag that is None and one that is missing are alike.
            tz: A time zone's name or a tzinfo; None is UTC. Windows of a day or more follow its
                calendar (weeks begin on Mondays), so that a day can have 23 or 25 hours. Shorter
                windows are counted from 1970-01-01T00:00 on its clock; where all changes of that
                clock are multiples of them, as of `1h` in Europe, each pass through an hour that
                is shown twice is a window of its own.
            measurement: An optional measurement to filter by.

        Returns arrays of one length, one row per window and group that holds a value of a field,
        by time and then by tags (None last): `time` (int64 µs UTC, the window's start; without
        `every` the time of the first value), one object array per tag of `by` (named `tags.key`
        where another column is named `key`), one float64 array `<field>_<statistic>` each (`count`
        is int64), NaN where a field has no value there. Ints count as the nearest float64.
        Raises ValueError for an unknown statistic, duration or zone, TypeError for names that are
        no texts.
        """
        require_measurement(measurement)
        question = Question.of(fields, every, how, by, tz)
        return aggregate(self.engine.snapshot(), _checked(query), measurement, question)

    @read_op
    def to_numpy(
        self,
        query: Query | None = None,
        fields: str | Iterable[str] | None = None,
        measurement: str | None = None,
        *,
        tags: str | Iterable[str] | None = None,
    ) -> dict[str, NDArray[Any]]:
        """The points that match as arrays of one length, by time (equal times as inserted).

        `time` is int64 µs UTC; one object array of str or None per tag that any of them carries
        (or per tag of `tags`), one float64 array per field that any of them carries (or per field
        of `fields`), NaN for None and missing, the nearest float64 for an int. A key that would
        name two arrays is written `tags.key` and `fields.key`. The measurements are not among
        them: ask for one. Numbers alone (`tags=()`) cost half of what they cost with two tags.
        """
        return self._arrays(query, fields, measurement, tags).named()

    @read_op
    def to_pandas(
        self,
        query: Query | None = None,
        fields: str | Iterable[str] | None = None,
        measurement: str | None = None,
        *,
        tags: str | Iterable[str] | None = None,
    ) -> Any:
        """`to_numpy` as a pandas DataFrame, `time` as datetime64[us, UTC].

        What is missing is pandas' own missing value. ImportError names the extra to install.
        """
        return to_pandas(self._arrays(query, fields, measurement, tags))

    @read_op
    def to_polars(
        self,
        query: Query | None = None,
        fields: str | Iterable[str] | None = None,
        measurement: str | None = None,
        *,
        tags: str | Iterable[str] | None = None,
    ) -> Any:
        """`to_numpy` as a polars DataFrame, `time` as Datetime("us", "UTC").

        None and missing are null; NaN stays NaN. ImportError names the extra to install.
        """
        return to_polars(self._arrays(query, fields, measurement, tags, tells_missing=True))

    def _arrays(
        self,
        query: Query | None,
        fields: str | Iterable[str] | None,
        measurement: str | None,
        tags: str | Iterable[str] | None,
        *,
        tells_missing: bool = False,
    ) -> Arrays:
        require_measurement(measurement)
        return arrays(
            self.engine.snapshot(),
            _checked(query),
            measurement,
            None if fields is None else names_of("fields", fields),
            None if tags is None else names_of("tags", tags),
            tells_missing=tells_missing,
        )


def _checked(query: Query | None) -> Query | None:
    return None if query is None else require_query(query)
