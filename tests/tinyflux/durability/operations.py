"""Every operation that changes something on disk, on a small file of known content."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from tests.tinyflux.exact import contents
from tinyflux import CSVStorage, FieldQuery, Insert, Point, Remove, TinyFlux, Update
from tinyflux.cli import main
from tinyflux.errors import DamageError

TIME = datetime(2025, 1, 1, tzinfo=UTC)


def point(n: int, **tags: str) -> Point:
    """The point of hour `n`, whose one tag holds a newline."""
    return Point(
        time=TIME + timedelta(hours=n),
        measurement="even" if n % 2 == 0 else "odd",
        tags={"text": f'line one\r\n"{n}"', **tags},
        fields={"n": n},
    )


def fill(path: Path) -> None:
    """Six points."""
    with TinyFlux(path) as db:
        db.insert_multiple(map(point, range(6)))


def state(path: Path) -> Any:
    """What a new reader finds: its points, or the bytes where it can read none."""
    if not path.exists():
        return []
    try:
        with TinyFlux(path, access_mode="r") as db:
            return contents(db.all(sorted=False))
    except DamageError:
        return path.read_bytes()


@dataclass(frozen=True)
class Operation:
    """One call, and the file it is made on."""

    run: Callable[[Path], object]
    prepare: Callable[[Path], object] = fill
    change: Callable[[TinyFlux], object] | None = None
    """The same on an open database."""
    torn: bytes = b""
    """What `prepare` leaves at the file's end that is no row, and may be cut off."""

    def states(self, folder: Path) -> tuple[Any, Any]:
        """What a reader finds before and after, where nothing fails. Uses `folder`."""
        path = folder / "data.csv"
        self.prepare(path)
        before = state(path)
        self.run(path)
        return before, state(path)


def _on(
    change: Callable[[TinyFlux], object],
    prepare: Callable[[Path], object] = fill,
    torn: bytes = b"",
    **arguments: Any,
) -> Operation:
    def run(path: Path) -> None:
        with TinyFlux(path, **arguments) as db:
            change(db)

    return Operation(run, prepare, change, torn)


def _sync(db: TinyFlux) -> None:
    assert isinstance(db.storage, CSVStorage)
    db.insert_multiple([point(10), point(11), point(12)])
    db.storage.sync()


def _leave_unsynced(path: Path) -> None:
    """More than a mark looks at, and nobody syncs it."""
    db = TinyFlux(path, flush_on_insert=False)
    for n in range(10, 30):
        db.insert(point(n))


def _end_with(path: Path, torn: bytes) -> None:
    fill(path)
    with open(path, "ab") as file:
        file.write(torn)
    # What was written just now may still be in its middle, which is waited for.
    os.utime(path, (1e9, 1e9))


TORN = b'2025-01-01T00:00:00,m,_tag_text,"torn\r\n' + b"\0" * 100
"""A power cut took the end of the last row, and left NULs."""
LONG_TORN = b'2025-01-01T00:00:00,m,_tag_text,"torn\r\n' + b"line,of,it\r\n" * 40
"""The end of a row of many lines is missing, and it is longer than what is written next."""


def _cut(path: Path) -> None:
    _end_with(path, TORN)


def _cut_far(path: Path) -> None:
    _end_with(path, LONG_TORN)


def _spoil(path: Path) -> None:
    """Two bad rows in the middle."""
    fill(path)
    with open(path, "ab") as file:
        file.write(b"no row\r\n" + b"2025-01-01T00:00:00,m,_field_n,x\r\n")
        file.write(b"2025-01-01T00:00:00,m,_field_n,7\r\n")


def _tool(*arguments: object) -> None:
    """The command line; what it says of a failure is the error."""
    with redirect_stderr(StringIO()) as said:
        status = main([str(part) for part in arguments])
    if status != 0:
        raise OSError(said.getvalue())


def _repair(path: Path) -> None:
    _tool("repair", "--run", path)


def _backup(path: Path) -> None:
    _tool("backup", "--force", path, path.with_name("copy.csv"))


def _export(path: Path) -> None:
    _tool("export", "--force", path, path.with_name("copy.csv"))


def _publish_half(db: TinyFlux) -> None:
    """The cache lacks the newer half of the points."""
    db.insert_multiple(map(point, range(6)))
    db.publish_index()
    db.insert_multiple(map(point, range(6, 12)))


def _many_changes(db: TinyFlux) -> None:
    db.apply(
        [
            Remove(FieldQuery().n == 1),
            Update(FieldQuery().n >= 4, tags={"new": "tag"}),
            Insert([point(20), point(21)]),
            Remove(FieldQuery().n == 20),
        ]
    )


APPENDS = {
    "insert": _on(lambda db: db.insert(point(10))),
    "insert into no file": _on(lambda db: db.insert(point(10)), lambda path: None),
    "insert_multiple": _on(lambda db: db.insert_multiple(map(point, range(10, 15)))),
    "insert and sync": _on(_sync, flush_on_insert=False),
    "apply inserts": _on(lambda db: db.apply([Insert([point(10), point(11)])])),
    "insert behind a torn row": _on(lambda db: db.insert(point(10)), _cut, TORN),
    "insert behind a long torn row": _on(lambda db: db.insert(point(10)), _cut_far, LONG_TORN),
}
INSERTS_WITHOUT_SYNC = Operation(_leave_unsynced)
REWRITES = {
    "remove": _on(lambda db: db.remove(FieldQuery().n < 3)),
    "update": _on(lambda db: db.update_all(tags={"new": "tag"})),
    "drop_measurement": _on(lambda db: db.drop_measurement("odd")),
    "remove_all": _on(lambda db: db.remove_all()),
    "apply": _on(_many_changes),
    "remove behind a torn row": _on(lambda db: db.remove(FieldQuery().n == 2), _cut, TORN),
    "repair": Operation(_repair, _spoil),
}
COPIES = {"backup": Operation(_backup), "export": Operation(_export)}
CACHES = {
    "publish_index": _on(lambda db: db.publish_index()),
    "publish_index again": _on(
        lambda db: db.publish_index(),
        _on(_publish_half).run,
    ),
}
OPERATIONS = {**APPENDS, **REWRITES, **COPIES, **CACHES}
