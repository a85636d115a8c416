"""Access modes: what each allows, and an error that says which mode would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.tinyflux.backends import ListStorage
from tests.tinyflux.exact import contents
from tinyflux import Insert, Point, Remove, TagQuery, TinyFlux
from tinyflux.errors import AccessError

TIME = datetime(2025, 1, 1, tzinfo=UTC)
EVERY = TagQuery().noop()

ALLOWED: dict[str, set[str]] = {
    "r+": {"read", "append", "write", "reset"},
    "r": {"read"},
    "a": {"append"},
    "a+": {"read", "append"},
    "w": {"append", "reset"},
    "w+": {"read", "append", "write", "reset"},
}

CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "all": ("read", lambda db: db.all()),
    "len": ("read", len),
    "iteration": ("read", lambda db: list(db)),
    "search": ("read", lambda db: db.search(EVERY)),
    "count": ("read", lambda db: db.count(EVERY)),
    "contains": ("read", lambda db: db.contains(EVERY)),
    "get": ("read", lambda db: db.get(EVERY)),
    "select": ("read", lambda db: db.select("time", EVERY)),
    "measurements": ("read", lambda db: db.get_measurements()),
    "tag keys": ("read", lambda db: db.get_tag_keys()),
    "tag values": ("read", lambda db: db.get_tag_values()),
    "field keys": ("read", lambda db: db.get_field_keys()),
    "field values": ("read", lambda db: db.get_field_values("a")),
    "timestamps": ("read", lambda db: db.get_timestamps()),
    "handle all": ("read", lambda db: db.measurement("m").all()),
    "insert": ("append", lambda db: db.insert(Point(time=TIME))),
    "insert_multiple": ("append", lambda db: db.insert_multiple([Point(time=TIME)])),
    "handle insert": ("append", lambda db: db.measurement("m").insert(Point(time=TIME))),
    "remove": ("write", lambda db: db.remove(EVERY)),
    "update": ("write", lambda db: db.update(EVERY, measurement="b")),
    "update_all": ("write", lambda db: db.update_all(measurement="b")),
    "drop_measurement": ("write", lambda db: db.drop_measurement("m")),
    "apply": ("write", lambda db: db.apply([Remove(EVERY), Insert([Point(time=TIME)])])),
    "reindex": ("write", lambda db: db.reindex()),
    "handle remove": ("write", lambda db: db.measurement("m").remove(EVERY)),
    "handle remove_all": ("write", lambda db: db.measurement("m").remove_all()),
    "handle update": ("write", lambda db: db.measurement("m").update_all(measurement="b")),
    "remove_all": ("reset", lambda db: db.remove_all()),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of one point."""
    with TinyFlux(tmp_path / "data.csv") as db:
        db.insert(Point(time=TIME, measurement="m", tags={"a": "b"}))
    return tmp_path / "data.csv"


CASES = [(mode, name) for mode in ALLOWED for name in CALLS]


@pytest.mark.parametrize(
    ("mode", "name"), [case for case in CASES if CALLS[case[1]][0] in ALLOWED[case[0]]]
)
def test_what_a_mode_allows_works(path: Path, mode: str, name: str) -> None:
    with TinyFlux(path, access_mode=mode) as db:
        CALLS[name][1](db)


@pytest.mark.parametrize("auto_index", [True, False], ids=["index", "scan"])
@pytest.mark.parametrize(
    ("mode", "name"), [case for case in CASES if CALLS[case[1]][0] not in ALLOWED[case[0]]]
)
def test_what_a_mode_does_not_allow_names_the_modes_that_do(
    path: Path, mode: str, name: str, auto_index: bool
) -> None:
    what, call = CALLS[name]
    with TinyFlux(path, access_mode=mode, auto_index=auto_index) as db:
        before = path.read_bytes()
        with pytest.raises(OSError, match=f"access_mode '{mode.replace('+', '.')}'") as found:
            call(db)
    text = str(found.value)
    assert isinstance(found.value, AccessError)
    assert str(path) in text
    assert f"does not allow to {what}; " in text
    promised = text.partition(f"allow to {what}; ")[2].removesuffix(" would").split(", ")
    assert promised == [repr(other) for other in ALLOWED if what in ALLOWED[other]]
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["r+", "r", "a", "a+"])
def test_opening_keeps_what_is_stored(path: Path, mode: str) -> None:
    before = path.read_bytes()
    TinyFlux(path, access_mode=mode).close()
    assert path.read_bytes() == before


@pytest.mark.parametrize("mode", ["w", "w+"])
def test_opening_to_write_empties_the_file(path: Path, mode: str) -> None:
    with TinyFlux(path, access_mode=mode) as db:
        assert path.read_bytes() == b""
        db.insert(Point(time=TIME, measurement="new"))
    with TinyFlux(path) as db:
        assert db.get_measurements() == ["new"]


@pytest.mark.parametrize("mode", ["a", "w"])
def test_a_file_that_is_not_read_is_appended_to(path: Path, mode: str) -> None:
    n_before = 1 if mode == "a" else 0
    with TinyFlux(path, access_mode=mode) as db:
        db.insert_multiple(Point(time=TIME) for _ in range(3))
        assert db.index.empty
    with TinyFlux(path) as db:
        assert len(db) == n_before + 3


def test_a_handle_that_reads_sees_what_another_writes(path: Path) -> None:
    with TinyFlux(path, access_mode="r") as reader, TinyFlux(path, access_mode="a") as writer:
        assert len(reader) == 1
        writer.insert(Point(time=TIME))
        assert len(reader) == 2


@pytest.mark.parametrize("mode", ["", "rb", "x", "w+b", "R", "+r", None, ["r"], 5])
def test_an_unknown_mode_names_those_there_are(path: Path, mode: Any) -> None:
    with pytest.raises(ValueError, match=r"is one of r\+, r, a, a\+, w, w\+"):
        TinyFlux(path, access_mode=mode)


def test_a_file_that_is_only_read_must_exist(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.csv; .* every other mode would create it"):
        TinyFlux(tmp_path / "none.csv", access_mode="r")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("mode", ["r+", "a", "a+", "w", "w+"])
def test_other_modes_make_the_file(tmp_path: Path, mode: str) -> None:
    TinyFlux(tmp_path / "new.csv", access_mode=mode).close()
    assert (tmp_path / "new.csv").read_bytes() == b""


@pytest.mark.parametrize("mode", ALLOWED)
def test_rights_are_properties_of_the_storage(path: Path, mode: str) -> None:
    with TinyFlux(path, access_mode=mode) as db:
        rights = {
            name for name in ("read", "append", "write") if getattr(db.storage, f"can_{name}")
        }
    assert rights == ALLOWED[mode] - {"reset"}


READS: dict[str, Callable[[Any], Any]] = {
    "read": lambda storage: storage.read(),
    "points": lambda storage: storage.points(),
}


@pytest.mark.parametrize("mode", ["a", "w"])
@pytest.mark.parametrize("call", READS.values(), ids=READS)
def test_a_storage_that_may_not_be_read_gives_no_points_by_itself(
    path: Path, mode: str, call: Callable[[Any], Any]
) -> None:
    with TinyFlux(path, access_mode=mode) as db:
        db.insert(Point(time=TIME))
        with pytest.raises(
            OSError, match="does not allow to read; 'r\\+', 'r', 'a\\+', 'w\\+' would"
        ):
            call(db.storage)


@pytest.mark.parametrize("auto_index", [True, False])
@pytest.mark.parametrize("mode", ["a", "w"])
def test_the_index_of_a_file_that_may_not_be_read_is_not_valid(
    path: Path, mode: str, auto_index: bool
) -> None:
    with TinyFlux(path, access_mode=mode, auto_index=auto_index) as db:
        db.insert(Point(time=TIME))
        assert not db.index.valid
        assert (db.index.empty, db.index.latest_time) == (True, None)
        db.insert(Point(time=TIME))
    assert len(TinyFlux(path)) == {"a": 3, "w": 2}[mode]


class Unreadable(ListStorage):
    """Takes points and gives none."""

    @property
    def can_read(self) -> bool:
        return False

    def read(self) -> list[Point]:
        raise AssertionError("it may not be read")


@pytest.mark.parametrize("auto_index", [True, False])
def test_a_user_s_storage_that_may_not_be_read_is_appended_to(auto_index: bool) -> None:
    db = TinyFlux(storage=Unreadable, auto_index=auto_index)
    db.insert(Point(time=TIME))
    assert not db.index.valid
    with pytest.raises(OSError, match="Unreadable does not allow to read"):
        len(db)
    assert isinstance(db.storage, Unreadable)
    assert len(db.storage.items) == 1


@pytest.mark.parametrize("call", ["insert", "remove", "len"])
def test_a_closed_file_says_first_what_its_mode_forbids(path: Path, call: str) -> None:
    mode = "a" if call == "len" else "r"
    db = TinyFlux(path, access_mode=mode)
    db.close()
    with pytest.raises(OSError, match=f"access_mode '{mode}'"):
        CALLS[call][1](db)


AFTER_CLOSE: dict[str, Callable[[TinyFlux], Any]] = {
    "len": len,
    "iteration": list,
    "all": lambda db: db.all(),
    "count": lambda db: db.count(EVERY),
    "get_tag_keys": lambda db: db.get_tag_keys(),
    "latest": lambda db: db.latest(),
    "measurement": lambda db: db.measurement("m").search(EVERY),
    "insert": lambda db: db.insert(Point()),
    "insert_multiple": lambda db: db.insert_multiple([Point()]),
    "remove": lambda db: db.remove(EVERY),
    "remove_all": lambda db: db.remove_all(),
    "update_all": lambda db: db.update_all(measurement="n"),
    "apply": lambda db: db.apply([]),
    "reindex": lambda db: db.reindex(),
    "storage.read": lambda db: db.storage.read(),
    "storage.append": lambda db: db.storage.append([Point(time=TIME)]),
    "storage.reset": lambda db: db.storage.reset(),
}


@pytest.mark.parametrize("auto_index", [True, False])
@pytest.mark.parametrize("call", AFTER_CLOSE.values(), ids=AFTER_CLOSE)
def test_a_file_that_is_closed_says_so(
    path: Path, call: Callable[[TinyFlux], Any], auto_index: bool
) -> None:
    db = TinyFlux(path, auto_index=auto_index)
    assert len(db) == 1
    db.close()
    db.close()
    with pytest.raises(ValueError, match="is closed"):
        call(db)
    assert contents(TinyFlux(path).all()) == contents(
        [Point(time=TIME, measurement="m", tags={"a": "b"})]
    )
