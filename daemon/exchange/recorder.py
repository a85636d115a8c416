"""Home Assistant's recorder (SQLite) as points: states, and short-term and long-term statistics.

Only reads, a few thousand rows at a time, so that Home Assistant may run meanwhile. Tables and
columns are those of schema 38 (Home Assistant 2023.4) and later: `states` with `metadata_id` into
`states_meta` and `last_updated_ts`, `state_attributes.shared_attrs` as JSON, `statistics` and
`statistics_short_term` with `start_ts` and `metadata_id` into `statistics_meta`.
"""

from __future__ import annotations

import fnmatch
import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from daemon.errors import EX_DATAERR, EX_NOPERM, RequestError
from daemon.exchange.form import Losses
from daemon.exchange.importing import Import, Records
from daemon.exchange.wide_csv import Columns
from tinyflux import Point

TABLES = ("statistics", "statistics_short_term", "states")
"""What is read, in this order: the coarse and long first."""
_SUFFIXES = {"statistics": "_1h", "statistics_short_term": "_5m", "states": ""}
_NEEDED = {
    "states": {"state_id", "state", "metadata_id", "attributes_id", "last_updated_ts"},
    "states_meta": {"metadata_id", "entity_id"},
    "state_attributes": {"attributes_id", "shared_attrs"},
    "statistics": {"id", "metadata_id", "start_ts", "mean", "min", "max", "state", "sum"},
    "statistics_short_term": {"id", "metadata_id", "start_ts", "mean", "min", "max", "state"},
    "statistics_meta": {"id", "statistic_id", "unit_of_measurement"},
}
_FIELDS = ("value_mean", "value_min", "value_max", "value_last", "value_sum")
_SWITCHES = {"on": 1, "off": 0}
_NO_VALUES = ("unavailable", "unknown", "none", "")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHUNK_ROWS = 5000
_TABLE_BITS = 48
"""A position is the number of the table above so many bits, and the row's id below."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a recorder is taken."""

    entities: tuple[str, ...] = ()
    """Of these patterns an entity fits one; none: all."""
    tables: tuple[str, ...] = TABLES
    since_us: int | None = None
    until_us: int | None = None

    def has(self, entity: str) -> bool:
        """Whether an entity is wanted."""
        return not self.entities or any(
            fnmatch.fnmatchcase(entity, pattern) for pattern in self.entities
        )


class RecorderImport(Import):
    """The import of one recorder's file; goes on where it was broken off, by the rows' ids."""

    def __init__(self, source: Path, data: Path, wanted: Wanted) -> None:
        identity = json.dumps(["recorder", str(source.absolute()), repr(wanted)])
        super().__init__(source, data, None, Columns(), identity=identity)
        self._path = source
        self._wanted = wanted

    def records(self, position: int, losses: Losses) -> Records:
        """Points of all wanted tables, each table by its ids."""
        first, row_id = position >> _TABLE_BITS, position & ((1 << _TABLE_BITS) - 1)
        with closing(open_recorder(self._path)) as db:
            classes = _device_classes(db)
            for number, table in enumerate(TABLES):
                if number < first or table not in self._wanted.tables:
                    continue
                after = row_id if number == first else 0
                rows = _states if table == "states" else _statistics
                for at, entity, time_s, unit, values in rows(db, table, after):
                    point = None
                    if self._wanted.has(entity) and self._is_in_time(time_s):
                        point = _point(table, entity, time_s, unit, values, classes, losses)
                    yield (number << _TABLE_BITS) | at, point

    def _is_in_time(self, time_s: float) -> bool:
        since_us, until_us = self._wanted.since_us, self._wanted.until_us
        return (since_us is None or time_s * 1e6 >= since_us) and (
            until_us is None or time_s * 1e6 < until_us
        )


Row = tuple[int, str, float, str | None, Sequence[Any]]
"""Id, entity, time in s since 1970, unit, values."""


def open_recorder(path: Path) -> sqlite3.Connection:
    """The database, for reading only.

    Raises RequestError for what is no recorder, or one of a version that lacks what is needed.
    """
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10)
    except sqlite3.OperationalError as error:
        raise RequestError(f"{path} cannot be opened: {error}", EX_NOPERM) from error
    try:
        for table, needed in _NEEDED.items():
            found = {str(row[1]) for row in db.execute(f"PRAGMA table_info({table})")}
            if not needed <= found:
                missing = ", ".join(sorted(needed - found)) if found else "the whole table"
                raise RequestError(
                    f"{path} is no recorder of Home Assistant 2023.4 or later: table {table} lacks "
                    f"{missing}; start a newer Home Assistant once, which brings it up to date",
                    EX_DATAERR,
                )
    except sqlite3.Error as error:
        db.close()
        raise RequestError(
            f"{path} cannot be read as SQLite: {error}; if Home Assistant keeps it open, take a "
            "backup's copy (home-assistant_v2.db)",
            EX_DATAERR,
        ) from error
    except RequestError:
        db.close()
        raise
    return db


def _device_classes(db: sqlite3.Connection) -> dict[str, str]:
    """The device class of each entity whose latest state has one."""
    classes = {}
    newest = (
        "SELECT m.entity_id, a.shared_attrs FROM states_meta m JOIN states s ON s.state_id = "
        "(SELECT max(state_id) FROM states WHERE metadata_id = m.metadata_id) "
        "JOIN state_attributes a ON a.attributes_id = s.attributes_id"
    )
    for entity, text in db.execute(newest):
        found = _attributes(text).get("device_class")
        if isinstance(found, str) and found:
            classes[str(entity)] = found
    return classes


def _states(db: sqlite3.Connection, _: str, after: int) -> Iterator[Row]:
    query = (
        "SELECT s.state_id, m.entity_id, s.last_updated_ts, a.shared_attrs, s.state "
        "FROM states s JOIN states_meta m ON m.metadata_id = s.metadata_id "
        "LEFT JOIN state_attributes a ON a.attributes_id = s.attributes_id "
        "WHERE s.state_id > ? AND s.last_updated_ts IS NOT NULL ORDER BY s.state_id LIMIT ?"
    )
    while rows := db.execute(query, (after, _CHUNK_ROWS)).fetchall():
        for row_id, entity, time_s, text, state in rows:
            unit = _attributes(text).get("unit_of_measurement")
            yield row_id, entity, time_s, unit if isinstance(unit, str) else None, (state,)
        after = rows[-1][0]


def _statistics(db: sqlite3.Connection, table: str, after: int) -> Iterator[Row]:
    query = (
        "SELECT s.id, m.statistic_id, s.start_ts, m.unit_of_measurement, s.mean, s.min, s.max, "
        f"s.state, s.sum FROM {table} s JOIN statistics_meta m ON m.id = s.metadata_id "
        "WHERE s.id > ? AND s.start_ts IS NOT NULL ORDER BY s.id LIMIT ?"
    )
    while rows := db.execute(query, (after, _CHUNK_ROWS)).fetchall():
        for row_id, entity, time_s, unit, *values in rows:
            yield row_id, entity, time_s, unit, values
        after = rows[-1][0]


def _attributes(text: object) -> dict[str, Any]:
    try:
        found = json.loads(text) if isinstance(text, str | bytes) else {}
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _point(
    table: str,
    entity: str,
    time_s: float,
    unit: str | None,
    values: Sequence[Any],
    classes: dict[str, str],
    losses: Losses,
) -> Point | None:
    """The point of a row; None, and counted, where it holds no number."""
    fields: dict[str, int | float | None]
    if table == "states":
        number = _number(values[0])
        if number is None:
            state = str(values[0]).lower()
            what = "no value" if state in _NO_VALUES else "a text"
            losses.left_out(f"states that are {what} (as {entity}: {str(values[0])[:30]!r})")
            return None
        fields = {"value": number}
    else:
        fields = {
            name: value
            for name, value in zip(_FIELDS, values, strict=True)
            if isinstance(value, int | float)
        }
        if not fields:
            losses.left_out(f"statistics without a number (as {entity})")
            return None
    # An external statistic is named domain:name, an entity domain.name.
    domain = entity.replace(":", ".", 1).partition(".")[0]
    tags = {"entity_id": entity} | ({"unit": unit} if unit else {})
    return Point(
        time=_EPOCH + timedelta(microseconds=round(time_s * 1e6)),
        measurement=classes.get(entity, domain) + _SUFFIXES[table],
        tags=tags,
        fields=fields,
    )


def _number(state: object) -> int | float | None:
    if not isinstance(state, str):
        return None
    if state in _SWITCHES:
        return _SWITCHES[state]
    try:
        number = float(state)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
