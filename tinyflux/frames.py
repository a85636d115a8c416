"""Query results as arrays: numpy, and pandas or polars where they are installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import NONE, Selection, positions_of, selection_size
from tinyflux.predicates import Query
from tinyflux.segment import Segment
from tinyflux.table import Table


@dataclass(frozen=True, slots=True)
class Arrays:
    """The matching points as arrays of one length, by time (equal times as inserted)."""

    times_us: NDArray[np.int64]
    tags: dict[str, NDArray[Any]]
    """For each tag that any of the points carries: str, or None for None and missing."""
    fields: dict[str, NDArray[np.float64]]
    """For each field wanted: NaN for None and missing."""
    missing: dict[str, NDArray[np.bool_]]
    """For each field which of its NaN stand for None and missing."""

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
    table: Table, query: Query | None, measurement: str | None, fields: Iterable[str] | None
) -> Arrays:
    """The matching points with all their tags and the wanted fields (None: all)."""
    parts = [(seg, selection) for _, seg, selection in table.selections(query, measurement)]
    times_us: NDArray[np.int64] = _joined([seg.times_us[chosen] for seg, chosen in parts], np.int64)
    order: Any = slice(None)
    if not bool((times_us[1:] >= times_us[:-1]).all()):
        order = np.argsort(times_us, kind="stable")
    found = Arrays(times_us[order], {}, {}, {})
    for key in _carried("tags", parts):
        texts = _joined([_texts(seg, key, chosen) for seg, chosen in parts], object)
        found.tags[key] = texts[order]
    for key in _carried("fields", parts) if fields is None else dict.fromkeys(fields):
        numbers = [_numbers(seg, key, chosen) for seg, chosen in parts]
        found.fields[key] = _joined([part[0] for part in numbers], np.float64)[order]
        found.missing[key] = _joined([part[1] for part in numbers], np.bool_)[order]
    return found


def _joined(parts: list[NDArray[Any]], kind: Any) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0].astype(kind)  # a copy: the columns may be a mapped file
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)


def _carried(attribute: str, parts: list[tuple[Segment, Selection]]) -> list[str]:
    """The keys that a selected row carries, sorted."""
    keys = set()
    for segment, selection in parts:
        for key, column in getattr(segment, attribute).items():
            if key not in keys and (
                column.rows is None or selection_size(positions_of(column.rows, selection)[0])
            ):
                keys.add(key)
    return sorted(keys)


def _texts(segment: Segment, key: str, selection: Selection) -> NDArray[Any]:
    texts = np.full(selection_size(selection), None, dtype=object)
    column = segment.tags.get(key)
    if column is not None:
        positions, places = positions_of(column.rows, selection)
        texts[places] = np.array(column.values, dtype=object)[column.codes[positions]]
    return texts


def _numbers(
    segment: Segment, key: str, selection: Selection
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """The numbers of the selected rows, and which rows have none."""
    column = segment.fields.get(key)
    if column is not None and column.rows is None and isinstance(selection, slice):
        return column.numbers[selection], column.kinds_at(selection) == NONE
    numbers = np.full(selection_size(selection), np.nan)
    is_missing = np.ones(len(numbers), dtype=np.bool_)
    if column is not None:
        positions, places = positions_of(column.rows, selection)
        numbers[places] = column.numbers[positions]
        is_missing[places] = column.kinds_at(positions) == NONE
    return numbers, is_missing


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
