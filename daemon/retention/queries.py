"""Which points a rule means, as queries of the engine. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import and_

from daemon.config import Match, Update, parse_condition
from tinyflux import FieldQuery, MeasurementQuery, TagQuery, TimeQuery
from tinyflux.predicates import Query

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(tzinfo=UTC)
_FLAGS = re.DOTALL

BOOK = "_retention:"
"""What the measurements begin with in which retention keeps its own books."""


def moment(time_us: int) -> datetime:
    """The aware datetime of µs UTC; the first or last there is for what lies beyond."""
    try:
        return _EPOCH + timedelta(microseconds=time_us)
    except OverflowError:
        return _FIRST if time_us < 0 else _LAST


def before(time_us: int) -> Query:
    """Points earlier than that."""
    return TimeQuery() < moment(time_us)


def between(start_us: int, stop_us: int) -> Query:
    """Points from `start_us` on, and earlier than `stop_us`."""
    return (TimeQuery() >= moment(start_us)) & (TimeQuery() < moment(stop_us))


def matching(match: Match) -> Query:
    """The points that a rule is for."""
    parts: list[Query] = []
    if match.measurement is not None:
        name, measurement = match.measurement, MeasurementQuery()
        plain = is_plain(name)
        parts.append(measurement == name if plain else measurement.matches(_regex(name), _FLAGS))
    return reduce(and_, [*parts, *within(match)])


def within(match: Match) -> Sequence[Query]:
    """What a rule asks beside the measurement."""
    parts: list[Query] = [
        TagQuery()[key] == text if is_plain(text) else TagQuery()[key].matches(_regex(text), _FLAGS)
        for key, text in match.tags.items()
    ]
    return [*parts, *(_field(key, text) for key, text in match.fields.items())]


def _field(key: str, condition: str) -> Query:
    comparison, number = parse_condition(condition)
    field = FieldQuery()[key]
    if number is None:
        return field.exists()
    return {
        ">": lambda: field > number,
        ">=": lambda: field >= number,
        "<": lambda: field < number,
        "<=": lambda: field <= number,
        "==": lambda: field == number,
        "!=": lambda: field != number,
    }[comparison]()


def is_already(update: Update) -> Query | None:
    """The points that an update would leave as they are; None where it never does."""
    if update.scale:
        return None
    parts: list[Query] = [TagQuery()[key] == text for key, text in update.tags.items()]
    parts += [~TagQuery()[key].exists() for key in update.unset_tags]
    parts += [FieldQuery()[key] == number for key, number in update.fields.items()]
    parts += [~FieldQuery()[key].exists() for key in update.unset_fields]
    if update.measurement is not None:
        parts.append(MeasurementQuery() == update.measurement)
    return reduce(and_, parts)


def fits(pattern: str, name: str) -> bool:
    """Whether a text with * and ? means a name."""
    return re.fullmatch(_regex(pattern), name, _FLAGS) is not None


def is_plain(text: str) -> bool:
    """Whether a text has neither * nor ?."""
    return "*" not in text and "?" not in text


def _regex(text: str) -> str:
    return "".join({"*": ".*", "?": "."}.get(letter, re.escape(letter)) for letter in text)
