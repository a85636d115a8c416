"""Query results as arrays: numpy, and pandas or polars where they are installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import NONE, Column, Presence, RowArray, Selection, selection_size
from tinyflux.grouping import positions_in
from tinyflux.predicates import Query
from tinyflux.segment import Segment
from tinyflux.table import Table

N = TypeVar("N", bound=np.generic)


@dataclass(frozen=True, slots=True)
class Arrays:
    """The matching points as arrays of one length, by time (equal times as inserted)."""

    times_us: NDArray[np.int64]
    tags: dict[str, NDArray[Any]]
    """For each tag wanted: str, or None for None and missing."""
    fields: dict[str, NDArray[np.float64]]
    """For each field wanted: NaN for None and missing."""
    missing: dict[str, NDArray[np.bool_]]
    """For each field which of its NaN stand for None and missing; empty unless it was asked."""

    def named(self) -> dict[str, NDArray[Any]]:
        """The arrays by name, `time` first; `tags.x` and `fields.x` where `x` would be two."""
        names = self._names(self.tags.keys() & self.fields.keys() | {"time"})
        if len(set(names)) < len(names):  # a key is itself written `tags.x`
            names = self._names(self.tags.keys() | self.fields.keys())
        columns = [self.times_us, *self.tags.values(), *self.fields.values()]
        return dict(zip(names, columns, strict=True))

    def _names(self, prefixed: Iterable[str]) -> list[str]:
        return [
            "time",
            *(f"tags.{key}" if key in prefixed else key for key in self.tags),
            *(f"fields.{key}" if key in prefixed else key for key in self.fields),
        ]


def arrays(
    table: Table,
    query: Query | None,
    measurement: str | None,
    fields: Iterable[str] | None,
    tags: Iterable[str] | None,
    *,
    tells_missing: bool = False,
) -> Arrays:
    """The matching points with the wanted fields and tags (None: all that any of them carries)."""
    selections = table.selections(query, measurement)
    chosen = _Chosen([(segment, found.selection) for _, segment, found in selections])
    wanted = chosen.keys("fields") if fields is None else list(fields)
    return Arrays(
        chosen.times_us,
        {key: chosen.texts(key) for key in (chosen.keys("tags") if tags is None else tags)},
        {key: chosen.numbers(key) for key in wanted},
        {key: chosen.is_missing(key) for key in wanted} if tells_missing else {},
    )


class _Chosen:
    """Chosen rows of the segments of a table, as arrays in the order of time."""

    def __init__(self, parts: list[tuple[Segment, Selection]]) -> None:
        self._parts = parts
        self._sizes = [selection_size(selection) for _, selection in parts]
        self._ends = np.cumsum(self._sizes).tolist()
        # Columns that share their rows are met alike. The presence is kept with what was found: an
        # id belongs to nothing else only as long as its object lives.
        self._met: dict[tuple[int, int], tuple[Presence, tuple[Any, Any]]] = {}
        self._scratch: NDArray[np.int64] | None = np.empty(sum(self._sizes), np.int64)
        """Where numbers are gathered before they are put in order: pages that are fresh cost as
        much as the gathering."""
        times_us = self._scratch
        for place, (segment, selection) in self._places():
            _gather(segment.times_us, selection, times_us[place])
        self._order: RowArray | None = None
        if not bool((times_us[1:] >= times_us[:-1]).all()):
            self._order = np.argsort(times_us, kind="stable")
        else:
            self._scratch = None  # it is the answer
        self.times_us: NDArray[np.int64] = self._ordered(times_us)

    def keys(self, attribute: str) -> list[str]:
        """The keys that a chosen row carries, sorted."""
        found: set[str] = set()
        for number, (segment, _) in enumerate(self._parts):
            for key, column in getattr(segment, attribute).items():
                if key not in found and selection_size(self._meeting(number, column)[0]):
                    found.add(key)
        return sorted(found)

    def texts(self, key: str) -> NDArray[Any]:
        """The tag of each row, None where it has none."""
        known: dict[str | None, int] = {None: 0}
        codes = self._filled(0, np.uint32)
        for number, (place, (segment, _)) in enumerate(self._places()):
            column = segment.tags.get(key)
            if column is not None:
                positions, places = self._meeting(number, column)
                numbers = [known.setdefault(value, len(known)) for value in column.values]
                of_part = np.array(numbers, dtype=np.uint32)[column.codes[positions]]
                codes[place][places] = of_part
        texts = np.empty(len(known), dtype=object)
        texts[:] = list(known)
        found: NDArray[Any] = texts[self._ordered(codes)]
        return found

    def numbers(self, key: str) -> NDArray[np.float64]:
        """The field of each row, NaN where it has none."""
        if self._scratch is None:
            numbers = np.empty(sum(self._sizes), np.float64)
        else:
            numbers = self._scratch.view(np.float64)
        for number, (place, (segment, _)) in enumerate(self._places()):
            column, part = segment.fields.get(key), numbers[place]
            if column is None:
                part[:] = np.nan
                continue
            positions, places = self._meeting(number, column)
            if selection_size(places) == len(part):
                _gather(column.numbers, positions, part)
            else:
                part[:] = np.nan
                part[places] = column.numbers[positions]
        return self._ordered(numbers)

    def is_missing(self, key: str) -> NDArray[np.bool_]:
        """Which rows have no number: None or no such field."""
        is_missing = self._filled(True, np.bool_)
        for number, (place, (segment, _)) in enumerate(self._places()):
            column = segment.fields.get(key)
            if column is not None:
                positions, places = self._meeting(number, column)
                is_missing[place][places] = column.kinds_at(positions) == NONE
        return self._ordered(is_missing)

    def _filled(self, value: Any, kind: Any) -> NDArray[Any]:
        return np.full(sum(self._sizes), value, dtype=kind)

    def _places(self) -> Iterator[tuple[slice, tuple[Segment, Selection]]]:
        """Each part, and where its rows stand in an array of all."""
        for end, size, part in zip(self._ends, self._sizes, self._parts, strict=True):
            yield slice(end - size, end), part

    def _meeting(self, number: int, column: Column) -> tuple[Any, Any]:
        """Where the chosen rows of a part meet a column: positions in it, places among the rows."""
        segment, selection = self._parts[number]
        met = (number, id(column.rows))
        if met not in self._met:
            found = positions_in(column.rows, selection, segment.n_rows)
            self._met[met] = (column.rows, found)
        return self._met[met][1]

    def _ordered(self, array: NDArray[N]) -> NDArray[N]:
        return array if self._order is None else array.take(self._order)


def _gather(values: NDArray[N], selection: Selection, into: NDArray[N]) -> None:
    """The selected values, into an array of as many."""
    if isinstance(selection, slice):
        into[:] = values[selection]
    else:
        np.take(values, selection, out=into, mode="clip")  # else it makes a copy first


def to_pandas(found: Arrays) -> Any:
    """A pandas DataFrame, `time` as datetime64[us, UTC]."""
    pandas = _optional("pandas")
    frame = pandas.DataFrame(found.named())
    frame["time"] = pandas.to_datetime(found.times_us.astype("datetime64[us]"), utc=True)
    return frame


def to_polars(found: Arrays) -> Any:
    """A polars DataFrame, `time` as Datetime("us", "UTC"), null for None and missing."""
    polars = _optional("polars")
    names = list(found.named())
    columns = [
        polars.Series(found.times_us).cast(polars.Datetime("us", "UTC")),
        *(polars.Series(texts.tolist(), dtype=polars.String) for texts in found.tags.values()),
        *(
            polars.Series(numbers, dtype=polars.Float64).set(
                polars.Series(found.missing[key]), None
            )
            for key, numbers in found.fields.items()
        ),
    ]
    return polars.DataFrame(
        [column.alias(name) for column, name in zip(columns, names, strict=True)]
    )


def _optional(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{name} is not installed: pip install 'tinyflux-collector[{name}]', or use to_numpy"
        ) from error
