"""Query results as arrays: numpy, and pandas or polars where they are installed."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tinyflux.columns import Selection, positions_of, selection_size
from tinyflux.predicates import Query
from tinyflux.segment import Segment
from tinyflux.table import Table


def arrays(
    table: Table, query: Query | None, measurement: str | None, fields: Iterable[str] | None
) -> dict[str, NDArray[Any]]:
    """Arrays of the matching points, all of one length, by time (equal times as inserted).

    `time`: int64 µs UTC; one object array of str or None per tag that any of them carries; one
    float64 array per field, NaN for None and missing. A key that would name two arrays is written
    `tags.key` and `fields.key`.
    """
    parts = [(seg, selection) for _, seg, selection in table.selections(query, measurement)]
    times_us = _joined([seg.times_us[selection] for seg, selection in parts], np.int64)
    tag_keys = _carried("tags", parts)
    wanted = _carried("fields", parts) if fields is None else list(dict.fromkeys(fields))
    twice = (set(tag_keys) & set(wanted)) | ({"time"} & {*tag_keys, *wanted})
    answer: dict[str, NDArray[Any]] = {"time": times_us}
    for key in tag_keys:
        name = f"tags.{key}" if key in twice else key
        answer[name] = _joined([_texts(seg, key, chosen) for seg, chosen in parts], object)
    for key in wanted:
        name = f"fields.{key}" if key in twice else key
        answer[name] = _joined([_numbers(seg, key, chosen) for seg, chosen in parts], np.float64)
    if not bool((times_us[1:] >= times_us[:-1]).all()):
        order = np.argsort(times_us, kind="stable")
        answer = {name: column[order] for name, column in answer.items()}
    return answer


def _joined(parts: list[NDArray[Any]], kind: Any) -> NDArray[Any]:
    if len(parts) == 1:
        return parts[0].astype(kind)  # a copy: the columns may be a mapped file
    return np.concatenate(parts) if parts else np.empty(0, dtype=kind)


def _carried(attribute: str, parts: list[tuple[Segment, Selection]]) -> list[str]:
    """The keys that a selected row carries, sorted."""
    keys = set()
    for segment, selection in parts:
        for key, column in getattr(segment, attribute).items():
            if column.rows is None or selection_size(positions_of(column.rows, selection)[0]):
                keys.add(key)
    return sorted(keys)


def _texts(segment: Segment, key: str, selection: Selection) -> NDArray[Any]:
    texts = np.full(selection_size(selection), None, dtype=object)
    column = segment.tags.get(key)
    if column is not None:
        positions, places = positions_of(column.rows, selection)
        texts[places] = np.array(column.values, dtype=object)[column.codes[positions]]
    return texts


def _numbers(segment: Segment, key: str, selection: Selection) -> NDArray[np.float64]:
    column = segment.fields.get(key)
    if column is not None and column.rows is None and isinstance(selection, slice):
        return column.numbers[selection]
    numbers = np.full(selection_size(selection), np.nan)
    if column is not None:
        positions, places = positions_of(column.rows, selection)
        numbers[places] = column.numbers[positions]
    return numbers


def to_pandas(columns: Mapping[str, NDArray[Any]]) -> Any:
    """A pandas DataFrame of `arrays`, `time` as datetime64[us, UTC]."""
    pandas = _optional("pandas")
    frame = pandas.DataFrame(dict(columns))
    frame["time"] = pandas.to_datetime(columns["time"].astype("datetime64[us]"), utc=True)
    return frame


def to_polars(columns: Mapping[str, NDArray[Any]]) -> Any:
    """A polars DataFrame of `arrays`, `time` as Datetime("us", "UTC")."""
    polars = _optional("polars")
    series = {
        name: polars.Series(name, column.tolist(), dtype=polars.String)
        if column.dtype == object
        else polars.Series(name, column)
        for name, column in columns.items()
    }
    frame = polars.DataFrame(series)
    time = polars.col("time").cast(polars.Datetime("us")).dt.replace_time_zone("UTC")
    return frame.with_columns(time)


def _optional(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(
            f"{name} is not installed: pip install 'tinyflux-collector[{name}]', or use to_numpy"
        ) from error
