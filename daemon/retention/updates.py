"""What a rule with `update` asks, as a change of the engine. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from daemon.config import Update as UpdateRule
from daemon.retention.queries import BOOK, moment
from tinyflux import MeasurementQuery, Point, Update
from tinyflux.changes import Change
from tinyflux.columns import RowArray
from tinyflux.predicates import Query
from tinyflux.view import View

ONCE = f"{BOOK}:once"
"""The measurement of marks for what must not be done twice, in the data itself: they come with the
change they are for, and so are there if that was carried out."""
_RULE = "rule"


def update_of(update: UpdateRule, query: Query) -> tuple[Update, str]:
    """The change, and what it does in words."""
    measurement = MeasurementQuery()
    hidden = ~measurement.matches(f"{BOOK}.*")
    change = Update(
        query & hidden,
        measurement=update.measurement,
        tags=dict(update.tags) or None,
        unset_tags=update.unset_tags or None,
        fields=_Scaled(update.fields, update.scale) if update.scale else update.fields or None,
        unset_fields=update.unset_fields or None,
    )
    return change, _told(update)


class _Scaled:
    """Fields with some of them multiplied."""

    def __init__(self, fields: Mapping[str, float], scale: Mapping[str, float]) -> None:
        self._fields = fields
        self._scale = scale

    def __call__(self, fields: Mapping[str, int | float | None]) -> dict[str, int | float | None]:
        new: dict[str, int | float | None] = dict(self._fields)
        for key, factor in self._scale.items():
            value = fields.get(key)
            if value is not None:
                new[key] = value * factor
        return new


def updated_rows(changes: Sequence[Change], view: View) -> RowArray:
    """The rows that updates are for, as they are before the first of them."""
    rows = [view.rows(change.query) for change in changes if isinstance(change, Update)]
    return np.unique(np.concatenate(rows)) if rows else np.empty(0, dtype=np.int64)


def once_mark(fingerprint: str, now_us: int) -> Point:
    """The mark that a rule was carried out."""
    return Point(
        time=moment(now_us), measurement=ONCE, tags={_RULE: fingerprint}, fields={"done": 1}
    )


def marked(view: View) -> set[str]:
    """The fingerprints of what is marked."""
    if ONCE not in view.measurement_counts:
        return set()
    points = view.points(view.rows(None, ONCE))
    return {point.tags[_RULE] or "" for point in points}


def _told(update: UpdateRule) -> str:
    parts = [f"rename to {update.measurement}"] if update.measurement is not None else []
    parts += [f"set tag {key} to {text}" for key, text in update.tags.items()]
    parts += [f"unset tag {key}" for key in update.unset_tags]
    parts += [f"set {key} to {number:g}" for key, number in update.fields.items()]
    parts += [f"unset {key}" for key in update.unset_fields]
    parts += [f"multiply {key} by {number:g}" for key, number in update.scale.items()]
    return ", ".join(parts)
