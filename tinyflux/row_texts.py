"""The text of many rows: points of the same keys share a form, in which only values are new.

The exact road is `RowCodec.encode`; this gives the same bytes, and leaves to it whatever is
unusual. Knows no files.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TypeAlias

from tinyflux.arguments import require_measurement
from tinyflux.codec import (
    COMPACT_FIELD,
    COMPACT_TAG,
    FIELD,
    NONE_TEXT,
    TAG,
    RowCodec,
    check_storable,
)
from tinyflux.point import Point, parts_of
from tinyflux.storable import Difference, Ready, difference_of, points_of

_MOST_FORMS = 1 << 10
_MOST_TEXTS = 1 << 16
_MOST_DAYS = 1 << 12
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTES = [f"{minute // 60:02}:{minute % 60:02}:" for minute in range(24 * 60)]
_SECONDS = [f"{second:02}" for second in range(60)]
_NUMBERS = frozenset((float, int))

_Shape: TypeAlias = "tuple[str, tuple[str, ...], tuple[str, ...]]"


class RowTexts:
    """Points as rows, checked and written with one codec; forms and texts are remembered.

    A form is only made of a point that was checked, and so is a text: what fits both is good.
    """

    def __init__(self, codec: RowCodec) -> None:
        self._codec = codec
        self._forms: tuple[dict[_Shape, str], dict[_Shape, str]] = {}, {}
        """Of rows with full and with compact keys."""
        self._texts: dict[str | None, str] = {}
        self._days: dict[int, str] = {}
        """The date of a time, by its days since 1970."""

    def rows(self, points: Iterable[object], measurement: str | None, *, is_compact: bool) -> Ready:
        """Points as rows, the row of each with its end; checks as `storable`.

        Raises ValueError also for what the encoding or the dialect cannot hold, naming it.
        """
        require_measurement(measurement)
        checked = points_of(points)
        differences: list[Difference] = []
        forms, texts, days = self._forms[is_compact], self._texts, self._days
        rows = []
        # Nothing is called here that is not needed for each point: this is what inserting costs.
        for point in checked:
            time, own, tags, fields = parts_of(point)
            numbers = fields.values()
            row = None
            if (
                type(time) is datetime
                and time.tzinfo is UTC
                and _NUMBERS.issuperset(map(type, numbers))
            ):
                try:
                    form = forms[own if measurement is None else measurement, (*tags,), (*fields,)]
                    since = time - _EPOCH
                    seconds = since.seconds
                    text = days[since.days] + _MINUTES[seconds // 60] + _SECONDS[seconds % 60]
                    if since.microseconds:
                        text += f".{since.microseconds:06}"
                    row = form % (text, *map(texts.__getitem__, tags.values()), *numbers)
                except (KeyError, ValueError):  # new, or an int of more digits than Python writes
                    pass
                except TypeError:  # a tag whose value does not hash: no text
                    pass
            rows.append(row or self._unusual(point, measurement, is_compact, differences))
        return Ready(checked, rows, measurement, differences)

    def _unusual(
        self,
        point: Point,
        measurement: str | None,
        is_compact: bool,
        differences: list[Difference],
    ) -> str:
        check_storable(point, measurement)
        difference = difference_of(point)
        differences.append(difference)
        name = point.measurement if measurement is None else measurement
        stored = Point.of_parts(difference.time, name, point.tags, difference.fields)
        row = self._codec.encode(stored, is_compact).decode(self._codec.encoding)
        if self._codec.quotes_singly:
            shape = (name, tuple(point.tags), tuple(point.fields))
            self._learn(shape, point.tags.values(), is_compact)
            if len(self._days) > _MOST_DAYS:
                self._days.clear()
            self._days[(difference.time - _EPOCH).days] = f"{difference.time.date()}T"
        return row

    def _learn(self, shape: _Shape, values: Iterable[str | None], is_compact: bool) -> None:
        forms, cell = self._forms[is_compact], self._codec.cell
        if len(self._texts) > _MOST_TEXTS or len(forms) > _MOST_FORMS:
            forms.clear()
            self._texts.clear()
        forms[shape] = self._form(shape, is_compact)
        self._texts.update((value, cell(NONE_TEXT if value is None else value)) for value in values)

    def _form(self, shape: _Shape, is_compact: bool) -> str:
        """The row with `%s` for its time and for its values."""
        measurement, tags, fields = shape
        tag, field = (COMPACT_TAG, COMPACT_FIELD) if is_compact else (TAG, FIELD)
        names = [measurement, *(tag + key for key in tags), *(field + key for key in fields)]
        cells = [self._codec.cell(name).replace("%", "%%") for name in names]
        pairs = "".join(f",{key},%s" for key in cells[1:])
        return f"%s,{cells[0]}{pairs}{self._codec.line_end.decode('utf-8')}"
