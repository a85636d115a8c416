"""What stands beside the data is as private as the data, also if that is made private later."""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import product
from pathlib import Path

import pytest

from tests.tinyflux.durability.operations import point
from tests.tinyflux.durability.users import NOBODY, SOMEBODY, mode, root_only, umask
from tests.tinyflux.programs import output
from tinyflux import FieldQuery, TinyFlux
from tinyflux.cli import main
from tinyflux.files import intercepted


@pytest.mark.parametrize("wanted", [0o600, 0o640, 0o644, 0o664, 0o666])
def test_what_stands_beside_the_data_is_as_private_as_the_data(tmp_path: Path, wanted: int) -> None:
    path = tmp_path / "data.csv"
    path.touch()
    path.chmod(wanted)
    with umask(0o000), TinyFlux(path) as db:
        db.insert_multiple(map(point, range(6)))
        db.publish_index()
        with open(path, "ab") as file:
            file.write(b"torn")
        db.insert(point(6))
        with open(path, "ab") as file:
            file.write(b"no row\n")
        assert main(["repair", "--run", str(path)]) == 0
    beside = [place for place in tmp_path.rglob("*") if place.is_file() and place != path]
    assert {place.suffix for place in beside} == {"", ".segment", ".torn", ".bad"}
    assert {mode(place) for place in [path, *beside]} == {wanted}
    readers = (wanted & 0o444) >> 2
    assert mode(path.with_name(".data.csv.index")) == wanted | readers | 0o700


def _fill_all(path: Path) -> None:
    """Everything that can stand beside the data."""
    with TinyFlux(path) as db:
        db.insert_multiple(map(point, range(6)))
        db.publish_index()
        with open(path, "ab") as file:
            file.write(b"torn")
        db.insert(point(6))
        with open(path, "ab") as file:
            file.write(b"no row\n")
    assert main(["repair", "--run", str(path)]) == 0


USES: dict[str, Callable[[TinyFlux], object]] = {
    "insert": lambda db: db.insert(point(7)),
    "insert and publish": lambda db: (db.insert(point(7)), db.publish_index()),
    "remove": lambda db: db.remove(FieldQuery().n == 1),
    "only opened": lambda db: None,
}


def _while_open(path: Path, wanted: int, use: str) -> None:
    with TinyFlux(path) as db:
        db.insert(point(8))
        path.chmod(wanted)
        USES[use](db)


def _while_closed(path: Path, wanted: int, use: str) -> None:
    path.chmod(wanted)
    with TinyFlux(path) as db:
        USES[use](db)


@pytest.mark.parametrize(
    ("chmod", "use"),
    [(_while_closed, "only opened"), *product([_while_open, _while_closed], list(USES)[:-1])],
)
@pytest.mark.parametrize(("before", "wanted"), [(0o644, 0o600), (0o666, 0o640), (0o664, 0o644)])
def test_data_that_was_made_private_takes_what_stands_beside_it_along(
    tmp_path: Path, before: int, wanted: int, chmod: Callable[[Path, int, str], None], use: str
) -> None:
    path = tmp_path / "data.csv"
    with umask(0o666 & ~before):
        _fill_all(path)
        chmod(path, wanted, use)
    beside = [place for place in tmp_path.rglob("*") if place.is_file() and place != path]
    assert {place.suffix for place in beside} == {"", ".segment", ".torn", ".bad"}
    assert {mode(place) for place in beside} == {wanted}
    readers = (wanted & 0o444) >> 2
    assert mode(path.with_name(".data.csv.index")) == wanted | readers | 0o700


def test_rows_are_set_aside_only_where_no_more_users_may_read_them(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    _fill_all(path)
    modes: dict[str, int] = {}

    def look(step: str, place: str) -> None:
        if step == "write" and place.endswith((".torn", ".bad")):
            modes[place[-4:]] = mode(Path(place))

    with TinyFlux(path) as db, intercepted(look):
        path.chmod(0o600)
        for place in (path.with_name("data.csv.torn"), path.with_name("data.csv.bad")):
            place.chmod(0o666)
        with open(path, "ab") as file:
            file.write(b"torn")
        db.insert(point(7))
        with open(path, "ab") as file:
            file.write(b"no row\n")
        path.with_name("data.csv.bad").chmod(0o666)
        assert main(["repair", "--run", str(path)]) == 0
    assert modes == {"torn": 0o600, ".bad": 0o600}


@root_only
def test_rows_are_not_set_aside_in_a_strangers_file_that_all_may_read(shared: Path) -> None:
    path = shared / "data.csv"
    path.touch(mode=0o600)
    torn = path.with_name("data.csv.torn")
    torn.write_bytes(b"")
    torn.chmod(0o666)
    os.chown(path, NOBODY, NOBODY)
    os.chown(torn, SOMEBODY, SOMEBODY)
    code = """
        import logging
        logging.basicConfig(stream=sys.stdout)
        with TinyFlux(path) as db:
            db.insert(point(1))
            with open(path, "ab") as file:
                file.write(b"torn")
            print(db.insert(point(2)))
        """
    text = output(code, path, user=NOBODY)
    assert torn.read_bytes() == b""
    assert "more users may read it than may read the data" in text
    assert text.count("let its owner do it") == 1
    assert "b'torn'" in text
    assert text.endswith("1\n")
