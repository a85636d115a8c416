"""The curves that a question asks for: one of each field and group, thinned to what can be seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.query import Length, Question, check_names
from tinyflux import TinyFlux

_WINDOWS_S = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400,
    7 * 86400,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Curve:
    """One line of a plot."""

    name: str
    times_us: NDArray[np.int64]
    """Ascending, µs UTC."""
    values: NDArray[np.float64]
    """Of the same length, finite."""


@dataclass(frozen=True, slots=True)
class Curves:
    """What is drawn, and what was left out."""

    curves: list[Curve]
    n_hidden: int
    """Curves beyond the most that can be told apart."""
    every: Length
    """The window of each value."""


def suitable_window(span_us: int, n_places: int) -> Length:
    """The shortest round window of which no more than about `n_places` cover the span."""
    rough_s = max(span_us, 0) / 1e6 / max(1, n_places)
    window_s = next((window for window in _WINDOWS_S if window >= rough_s), None)
    return Length(0, 1) if window_s is None else Length(window_s * 1_000_000)


def curves_of(db: TinyFlux, question: Question, *, n_places: int, most: int) -> Curves:
    """Curves by `question.by`, of each series where it is None; at most `most`, in `n_places`.

    Raises RequestError for names that the data does not have.
    """
    check_names(db, question)
    selection = question.selection
    measurement = selection.measurement
    fields = question.fields or tuple(db.get_field_keys(measurement))
    by = tuple(db.get_tag_keys(measurement)) if question.by is None else question.by
    how = question.how[0] if question.how else "mean"
    view = db.view()
    times_us = view.times_us(view.rows(selection.query(fields), measurement))
    span_us = int(times_us.max() - times_us.min()) if len(times_us) else 0
    every = question.every or suitable_window(span_us, n_places)
    if not len(times_us) or not fields:
        return Curves([], 0, every)
    found = db.aggregate(
        selection.query(),
        fields,
        every=every.window,
        how=how,
        by=by,
        tz=question.zone,
        measurement=measurement,
    )
    columns = list(found.values())
    tags, numbers = columns[1 : 1 + len(by)], columns[1 + len(by) :]
    groups = list(zip(*(column.tolist() for column in tags), strict=True)) or [()] * len(columns[0])
    known = {group: code for code, group in enumerate(sorted(set(groups), key=_order))}
    codes = np.array([known[group] for group in groups], dtype=np.int64)
    curves: list[Curve] = []
    n_hidden = 0
    for field, column in zip(fields, numbers, strict=True):
        values = column.astype(np.float64)
        is_there = np.isfinite(values)
        for code in np.unique(codes[is_there]).tolist():
            if len(curves) == most:
                n_hidden += 1
                continue
            mine = is_there & (codes == code)
            name = _name(field if len(fields) > 1 else "", list(known)[code]) or field
            curves.append(Curve(name, columns[0][mine], values[mine]))
    return Curves(curves, n_hidden, every)


def _order(group: tuple[str | None, ...]) -> tuple[tuple[bool, str], ...]:
    return tuple((text is None, text or "") for text in group)


def _name(field: str, group: tuple[str | None, ...]) -> str:
    return " ".join(part for part in (field, *group) if part)
