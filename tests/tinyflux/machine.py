"""Any order of operations on a database, held equal to a plain list of points."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any, ClassVar

from hypothesis import event
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.tinyflux import by_hand
from tests.tinyflux import strategies as some
from tests.tinyflux.backends import Backend
from tests.tinyflux.exact import contents, exact
from tests.tinyflux.model import Edit, Model
from tinyflux import Insert, Point, Remove, Update
from tinyflux.predicates import Query

scopes = st.none() | st.none() | some.measurements
crowds = st.lists(some.points(), min_size=4, max_size=9)
keys_to_select = st.one_of(
    st.sampled_from(("time", "measurement", "tags.room", "fields.a", "tags.a b", "fields.t_a")),
    st.builds("{}.{}".format, st.sampled_from(("tags", "fields")), some.keys.filter(bool)),
)


@st.composite
def changes(draw: st.DrawFn) -> Insert | Remove | tuple[Query | None, str | None, Edit]:
    """One item of an ordered change; an update as its parts."""
    kind = draw(st.sampled_from(("insert", "remove", "update")))
    if kind == "insert":
        return Insert(draw(st.lists(some.points(), max_size=3)), draw(scopes))
    if kind == "remove":
        return Remove(draw(st.none() | some.queries), draw(some.measurements))
    return draw(st.none() | some.queries), draw(scopes), draw(some.edits)


def outcome(call: Callable[[], Any]) -> Any:
    """What a call gives, to the bit, or which error it raises."""
    try:
        value = call()
    except some.FunctionError as error:
        return "FunctionError", str(error)
    except Exception as error:  # noqa: BLE001 - whichever it is, both must fail
        return type(error).__name__
    if isinstance(value, Point):
        return contents([value])
    if isinstance(value, list) and value and isinstance(value[0], Point):
        return contents(value)
    return exact(value)


class DatabaseMachine(RuleBasedStateMachine):
    """Subclasses say which storage."""

    storage: ClassVar[str]
    n_steps: ClassVar[int] = 0

    @initialize(auto_index=st.booleans(), points=crowds)
    def start(self, auto_index: bool, points: list[Point]) -> None:
        """A database, opened before or after its first points were stored."""
        self.folder = tempfile.TemporaryDirectory()
        self.backend = Backend(self.storage, auto_index, Path(self.folder.name))
        self.db = self.backend.holding(*points)
        self.handles = [self.db]
        self.model = Model()
        self.model.insert(points)

    def teardown(self) -> None:
        """Everything is read once more at the end."""
        if hasattr(self, "db"):
            self.check(lambda: self.db.all(sorted=False), lambda: self.model.points)
            self.backend.close()
            self.folder.cleanup()

    def check(self, ours: Callable[[], Any], models: Callable[[], Any]) -> None:
        """Both give the same value or raise the same error."""
        type(self).n_steps += 1
        expected = outcome(models)
        found = outcome(ours)
        assert found == expected

    def scope(self, measurement: str | None) -> Any:
        """A Measurement handle, which says the measurement once for all, or the database."""
        return self.db if measurement is None else self.db.measurement(measurement)

    # Handles.

    @rule(auto_index=st.booleans())
    def reopen(self, auto_index: bool) -> None:
        """Close the database and open it anew."""
        self.backend.close()
        self.db = self.backend.open(auto_index=auto_index)
        self.handles = [self.db]

    @precondition(lambda self: self.storage == "csv" and len(self.handles) < 3)
    @rule(auto_index=st.booleans())
    def open_another(self, auto_index: bool) -> None:
        """One more handle on the file, as another process would have."""
        self.handles.append(self.backend.open(auto_index=auto_index))

    @precondition(lambda self: len(self.handles) > 1)
    @rule(number=st.integers(0, 2))
    def change_handle(self, number: int) -> None:
        """Go on with another handle, which has not seen what happened since."""
        self.db = self.handles[number % len(self.handles)]

    @rule()
    def reindex(self) -> None:
        """From now on the index answers."""
        self.db.reindex()
        assert self.db.index.valid
        assert len(self.db.index) == len(self.model.points)

    @precondition(lambda self: self.storage == "csv")
    @rule()
    def publish(self) -> None:
        """Write the index cache."""
        self.db.publish_index()

    # Additions.

    @rule(point=some.points(), measurement=scopes, is_compact=st.booleans())
    def insert(self, point: Point, measurement: str | None, is_compact: bool) -> None:
        """One point, late or not; its time and measurement are written into it."""
        assert self.scope(measurement).insert(point, compact_key_prefixes=is_compact) == 1
        assert point.time is not None
        assert point.time.tzinfo is UTC
        assert measurement in (None, point.measurement)
        self.model.insert([point])

    @rule(points=crowds)
    def insert_crowd(self, points: list[Point]) -> None:
        """Many points."""
        assert self.db.insert_multiple(points) == len(points)
        self.model.insert(points)

    @rule(
        points=st.lists(some.points(), max_size=3),
        measurement=scopes,
        batch_size=st.integers(1, 4),
        is_compact=st.booleans(),
        kind=st.sampled_from((list, tuple, iter)),
    )
    def insert_multiple(
        self, points: Any, measurement: str | None, batch_size: int, is_compact: bool, kind: Any
    ) -> None:
        """Several points, from a collection or an iterator."""
        n_stored = self.db.insert_multiple(
            kind(points), measurement, is_compact, batch_size=batch_size
        )
        assert n_stored == len(points)
        self.model.insert(points)

    # Changes.

    @precondition(lambda self: len(self.model.points) > 3)
    @rule(query=some.queries, measurement=scopes)
    def remove(self, query: Query, measurement: str | None) -> None:
        """Remove by query."""
        self.check(
            lambda: self.scope(measurement).remove(query),
            lambda: self.model.remove(query, measurement),
        )

    @rule(query=some.queries, measurement=scopes, edit=some.edits)
    def update(self, query: Query, measurement: str | None, edit: Edit) -> None:
        """Update by query."""
        self.check(
            lambda: self.scope(measurement).update(query, **edit.arguments),
            lambda: self.model.update(query, measurement, edit),
        )

    @rule(measurement=scopes, edit=some.edits)
    def update_all(self, measurement: str | None, edit: Edit) -> None:
        """Update everything."""
        self.check(
            lambda: self.scope(measurement).update_all(**edit.arguments),
            lambda: self.model.update(None, measurement, edit),
        )

    @precondition(lambda self: len(self.model.points) > 8)
    @rule(measurement=some.measurements)
    def drop_measurement(self, measurement: str) -> None:
        """Drop a measurement."""
        self.check(
            lambda: self.db.drop_measurement(measurement), lambda: self.model.drop(measurement)
        )

    @rule(items=st.lists(changes(), max_size=4), is_compact=st.booleans())
    def apply(self, items: list[Any], is_compact: bool) -> None:
        """An ordered list of changes, as one."""
        planned = Model(list(self.model.points))
        expected = outcome(lambda: [_planned(planned, item) for item in items])
        found = outcome(lambda: self.db.apply(map(_change, items), is_compact))
        type(self).n_steps += 1
        # Which of several errors a list of changes meets first is left open.
        assert _kind(found) == _kind(expected)
        if _kind(expected) == "list":
            assert found == expected
            self.model = planned
            event("applied")

    @precondition(lambda self: len(self.model.points) > 25)
    @rule()
    def remove_all(self) -> None:
        """Start again."""
        self.db.remove_all()
        self.model.points = []

    # Reading.

    @rule(
        query=some.queries,
        measurement=scopes,
        is_sorted=st.booleans(),
        limit=st.none() | st.integers(0, 5),
        is_reversed=st.booleans(),
    )
    def search(
        self,
        query: Query,
        measurement: str | None,
        is_sorted: bool,
        limit: int | None,
        is_reversed: bool,
    ) -> None:
        """Points by query, in every order."""
        self.check(
            lambda: self.scope(measurement).search(
                query, sorted=is_sorted, limit=limit, reverse=is_reversed
            ),
            lambda: self.model.search(
                query, measurement, is_sorted=is_sorted, limit=limit, is_reversed=is_reversed
            ),
        )

    @rule(query=some.queries, measurement=scopes)
    def ask(self, query: Query, measurement: str | None) -> None:
        """count, contains, get."""
        scope, model = self.scope(measurement), self.model
        self.check(
            lambda: scope.count(query), lambda: len(list(model.matching(query, measurement)))
        )
        self.check(lambda: scope.contains(query), lambda: model.get(query, measurement) is not None)
        self.check(lambda: scope.get(query), lambda: model.get(query, measurement))

    @rule(
        keys=st.lists(keys_to_select, min_size=1, max_size=3),
        query=some.queries,
        measurement=scopes,
        kind=st.sampled_from((list, iter)),
    )
    def select(self, keys: Any, query: Query, measurement: str | None, kind: Any) -> None:
        """Attributes by query, with one key and with several."""
        self.check(
            lambda: self.scope(measurement).select(kind(keys), query),
            lambda: self.model.select(keys, query, measurement),
        )
        self.check(
            lambda: self.scope(measurement).select(keys[0], query),
            lambda: [row[0] for row in self.model.select(keys[:1], query, measurement)],
        )

    @rule(measurement=scopes, key=some.keys, keys=st.lists(some.keys, max_size=3))
    def look_around(self, measurement: str | None, key: str, keys: list[str]) -> None:
        """What is there: len, all, iteration, keys, values, timestamps."""
        scope = self.scope(measurement)
        points = self.model.of(measurement)
        self.check(lambda: len(scope), lambda: len(points))
        self.check(lambda: list(scope), lambda: points)
        self.check(lambda: scope.all(sorted=False), lambda: points)
        self.check(lambda: scope.all(), lambda: sorted(points, key=lambda point: point.time))
        self.check(lambda: scope.get_timestamps(), lambda: [point.time for point in points])
        for attribute in ("tag", "field"):
            self.check(
                getattr(scope, f"get_{attribute}_keys"),
                lambda name=f"{attribute}s": sorted(
                    {key for point in points for key in getattr(point, name)}
                ),
            )
        self.check(
            lambda: scope.get_field_values(key),
            lambda: [point.fields[key] for point in points if key in point.fields],
        )
        self.check(
            lambda: scope.get_tag_values(iter(keys)),
            lambda: self.model.tag_values(keys, measurement),
        )

    @rule()
    def measurements(self) -> None:
        """The names of measurements."""
        self.check(
            self.db.get_measurements,
            lambda: sorted({point.measurement for point in self.model.points}),
        )


def _kind(outcome: Any) -> Any:
    if isinstance(outcome, tuple) and outcome[0] == "list":
        return "list"
    return "error"


def _change(item: Any) -> Any:
    if isinstance(item, tuple):
        query, measurement, edit = item
        return Update(query, **edit.arguments, _measurement=measurement)
    return item


def _planned(model: Model, item: Any) -> int:
    if isinstance(item, Insert):
        points = [
            Point(
                time=point.time,
                measurement=item.measurement if item.measurement is not None else point.measurement,
                tags=point.tags,
                fields=point.fields,
            )
            for point in item.points
        ]
        model.insert(points)
        return len(points)
    if isinstance(item, Remove):
        if item.query is None:
            return model.drop(item.measurement or "")
        return model.remove(item.query, item.measurement)
    query, measurement, edit = item
    return model.update(query, measurement, edit)


class CsvMachine(DatabaseMachine):
    """A CSV file, with several handles, that other programs write too."""

    storage = "csv"

    @rule(points=st.lists(some.points(), max_size=3), end=st.sampled_from(("\r\n", "\n")))
    def append_by_hand(self, points: list[Point], end: str) -> None:
        """Another program adds rows."""
        with open(self.backend.path, "a", encoding="utf-8", newline="") as file:
            by_hand.write(file, points, end)
        self.model.insert(points)

    @rule(is_replaced=st.booleans())
    def reverse_by_hand(self, is_replaced: bool) -> None:
        """Another program writes the rows in another order, of the same length in all."""
        rows = by_hand.read(self.backend.path)
        target = self.backend.path
        if is_replaced:
            target = target.with_name("new.csv")
        with open(target, "w", encoding="utf-8", newline="") as file:
            by_hand.write_rows(file, reversed(rows), "\r\n")
        target.rename(self.backend.path)
        self.model.points.reverse()


class MemoryMachine(DatabaseMachine):
    """A list of this process."""

    storage = "memory"


class UserMachine(DatabaseMachine):
    """A user's storage with append, read and reset."""

    storage = "user"


MACHINES: dict[str, type[DatabaseMachine]] = {
    machine.storage: machine for machine in (CsvMachine, MemoryMachine, UserMachine)
}
