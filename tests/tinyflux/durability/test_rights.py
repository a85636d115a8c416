"""Whose files are whose: modes and owners kept, nothing executable, nobody locked out by root."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.tinyflux.durability.faults import Fault, in_child
from tests.tinyflux.durability.operations import fill, point
from tests.tinyflux.durability.users import NOBODY, SOMEBODY, mode, owner, root_only, umask
from tests.tinyflux.programs import output
from tinyflux import FieldQuery, TinyFlux
from tinyflux.cli import main
from tinyflux.files import intercepted


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002, 0o000])
def test_a_new_file_has_the_mode_of_the_umask(tmp_path: Path, mask: int) -> None:
    path = tmp_path / "data.csv"
    with umask(mask):
        fill(path)
    assert mode(path) == 0o666 & ~mask


@pytest.mark.parametrize("wanted", [0o600, 0o640, 0o664, 0o444, 0o604])
def test_a_rewrite_keeps_the_mode(tmp_path: Path, wanted: int) -> None:
    path = tmp_path / "data.csv"
    fill(path)
    with umask(0o027), TinyFlux(path) as db:
        path.chmod(wanted)
        db.remove(FieldQuery().n == 1)
        assert mode(path) == wanted
        db.remove_all()
        assert mode(path) == wanted


def test_the_new_file_is_as_private_as_the_old_one_before_its_first_byte(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    fill(path)
    path.chmod(0o600)
    modes: set[int] = set()

    def look(step: str, place: str) -> None:
        if step == "write" and place.endswith(".rewrite"):
            modes.add(mode(Path(place)))

    with umask(0), TinyFlux(path) as db, intercepted(look):
        db.remove(FieldQuery().n == 1)
    assert modes == {0o600}


@root_only
def test_a_rewrite_by_root_keeps_owner_and_group(shared: Path) -> None:
    path = shared / "data.csv"
    fill(path)
    os.chown(path, NOBODY, SOMEBODY)
    with TinyFlux(path) as db:
        db.remove(FieldQuery().n == 1)
        assert owner(path) == (NOBODY, SOMEBODY)
        db.remove_all()
        assert owner(path) == (NOBODY, SOMEBODY)


@root_only
def test_a_rewrite_in_a_setgid_directory_keeps_the_group(shared: Path) -> None:
    path = shared / "data.csv"
    fill(path)
    os.chown(path, NOBODY, NOBODY)
    os.chown(shared, NOBODY, SOMEBODY)
    shared.chmod(0o2775)
    output("TinyFlux(path).remove(FieldQuery().n == 1)", path, user=NOBODY)
    assert owner(path) == (NOBODY, NOBODY)


@root_only
def test_a_rewrite_that_cannot_keep_the_owner_is_refused_beforehand(shared: Path) -> None:
    path = shared / "data.csv"
    fill(path)
    shared.chmod(0o777)
    os.chown(path, NOBODY, NOBODY)
    path.chmod(0o666)
    before = path.read_bytes()
    code = "print(error(lambda: TinyFlux(path).remove(FieldQuery().n == 1)))"
    text = output(code, path, user=SOMEBODY)
    assert text.startswith("StorageError")
    assert f"belongs to user {NOBODY}, group {NOBODY}" in text
    assert path.read_bytes() == before
    assert not path.with_name(".data.csv.rewrite").exists()


@root_only
def test_a_member_of_the_group_appends_and_the_owner_goes_on(shared: Path) -> None:
    path = shared / "data.csv"
    fill(path)
    shared.chmod(0o777)
    os.chown(path, NOBODY, NOBODY)
    path.chmod(0o666)
    shutil.rmtree(path.with_name(".data.csv.index"))
    append = "TinyFlux(path).insert(point({n}))"
    for n, user in enumerate([SOMEBODY, NOBODY, SOMEBODY, 0, NOBODY], 10):
        output(append.format(n=n), path, user=user)
    assert output("print(len(TinyFlux(path)))", path, user=SOMEBODY) == "11\n"
    output("TinyFlux(path).remove(FieldQuery().n == 1)", path, user=NOBODY)
    assert output("print(len(TinyFlux(path)))", path, user=SOMEBODY) == "10\n"


ROOTS_WORK: dict[str, Callable[[TinyFlux, Path], Any]] = {
    "insert": lambda db, path: db.insert(point(7)),
    "insert_multiple": lambda db, path: db.insert_multiple([point(7), point(8)]),
    "remove": lambda db, path: db.remove(FieldQuery().n == 1),
    "publish": lambda db, path: db.publish_index(),
    "torn": lambda db, path: (path.write_bytes(path.read_bytes() + b"x"), db.insert(point(7))),
    "repair": lambda db, path: (
        path.write_bytes(path.read_bytes() + b"x\n"),
        main(["repair", "--run", str(path)]),
    ),
}
AS_THE_OWNER = """
    db = TinyFlux(path)
    db.insert(point(20))
    db.insert_multiple([point(21), point(22)])
    db.publish_index()
    print(db.remove(FieldQuery().n == 20), db.update(FieldQuery().n == 21, tags={"a": "b"}))
    with open(path, "ab") as file:
        file.write(b"torn")
    db.insert(point(23))
    print(db.get_field_values("n")[-3:])
    """


@root_only
@pytest.mark.parametrize("work", ROOTS_WORK)
def test_nothing_that_root_leaves_locks_the_owner_out(shared: Path, work: str) -> None:
    path = shared / "data.csv"
    path.touch()
    os.chown(path, NOBODY, NOBODY)
    with TinyFlux(path) as db:
        db.insert_multiple(map(point, range(6)))
        ROOTS_WORK[work](db, path)
    assert {owner(place) for place in [path, *shared.rglob("*")]} == {(NOBODY, NOBODY)}
    assert output(AS_THE_OWNER, path, user=NOBODY) == "1 1\n[21, 22, 23]\n"


@root_only
@pytest.mark.parametrize("number", range(16))
def test_a_rewrite_of_root_that_was_killed_locks_nobody_out(shared: Path, number: int) -> None:
    path = shared / "data.csv"
    path.touch()
    os.chown(path, NOBODY, NOBODY)

    def remove() -> None:
        with TinyFlux(path) as db:
            db.insert_multiple([point(1), point(2)])
            with intercepted(Fault(number, "kill")):
                db.remove(FieldQuery().n == 1)

    in_child(remove)
    assert output(AS_THE_OWNER, path, user=NOBODY) == "1 1\n[21, 22, 23]\n"


def test_a_symbolic_link_is_followed_and_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real, link = tmp_path / "real" / "data.csv", tmp_path / "link.csv"
    link.symlink_to(real)
    fill(link)
    with TinyFlux(link) as db:
        db.remove(FieldQuery().n == 1)
        db.publish_index()
        db.remove_all()
        db.insert(point(9))
    assert link.is_symlink()
    assert link.read_bytes() == real.read_bytes()
    assert not real.is_symlink()
    assert {place.name for place in tmp_path.iterdir()} == {"real", "link.csv"}


@pytest.mark.parametrize("name", ["data.csv.torn", "data.csv.bad"])
def test_a_link_in_the_place_of_a_file_beside_is_not_followed(tmp_path: Path, name: str) -> None:
    path, victim = tmp_path / "data.csv", tmp_path / "victim"
    fill(path)
    victim.write_text("precious")
    (tmp_path / name).symlink_to(victim)
    with open(path, "ab") as file:
        file.write(b"no row\n" + b"torn")
    with suppress(OSError), TinyFlux(path) as db:
        db.insert(point(7))
    main(["repair", "--run", str(path)])
    assert victim.read_text() == "precious"


@pytest.mark.parametrize("name", ["mark", "manifest.new"])
def test_a_link_in_the_cache_is_not_followed(tmp_path: Path, name: str) -> None:
    path, victim = tmp_path / "data.csv", tmp_path / "victim"
    fill(path)
    victim.write_text("precious")
    place = path.with_name(".data.csv.index") / name
    place.unlink(missing_ok=True)
    place.symlink_to(victim)
    with TinyFlux(path) as db:
        db.insert(point(7))
        db.publish_index()
        assert len(db) == 7
    assert victim.read_text() == "precious"


def test_a_link_in_the_place_of_the_cache_is_not_followed(tmp_path: Path) -> None:
    path, elsewhere = tmp_path / "data.csv", tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious.segment").touch()
    path.with_name(".data.csv.index").symlink_to(elsewhere)
    fill(path)
    with TinyFlux(path) as db:
        db.publish_index()
        assert len(db) == 6
    assert [place.name for place in elsewhere.iterdir()] == ["precious.segment"]


@root_only
def test_the_cache_of_a_stranger_is_not_believed(shared: Path) -> None:
    path = shared / "data.csv"
    fill(path)
    with TinyFlux(path) as db:
        db.publish_index()
    index = path.with_name(".data.csv.index")
    os.chown(index, SOMEBODY, SOMEBODY)
    before = {place.name: place.read_bytes() for place in index.iterdir()}
    with TinyFlux(path) as db:
        assert len(db) == 6
        db.insert(point(7))
        assert len(db) == 7
    assert {place.name: place.read_bytes() for place in index.iterdir()} == before


@pytest.mark.parametrize("kind", ["pipe", "directory"])
def test_what_is_no_regular_file_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "data.csv"
    os.mkfifo(path) if kind == "pipe" else path.mkdir()
    with pytest.raises(OSError, match=r"regular file|directory"):
        TinyFlux(path)


def test_attributes_of_the_file_survive_a_rewrite(tmp_path: Path) -> None:
    path = tmp_path / "data.csv"
    fill(path)
    try:
        os.setxattr(path, "user.origin", b"cellar")
    except OSError:
        pytest.skip("this file system keeps no attributes")
    with TinyFlux(path) as db:
        db.remove(FieldQuery().n == 1)
    assert os.getxattr(path, "user.origin") == b"cellar"


def _take_its_place(torn: Path) -> None:
    torn.mkdir()


def _close_the_directory(torn: Path) -> None:
    os.chown(torn.with_name("data.csv"), NOBODY, NOBODY)
    torn.parent.chmod(0o500)


@root_only
@pytest.mark.parametrize("hinder", [_take_its_place, _close_the_directory])
def test_a_torn_row_that_cannot_be_kept_is_in_the_log(
    shared: Path, hinder: Callable[[Path], None]
) -> None:
    path = shared / "data.csv"
    fill(path)
    os.chown(path, NOBODY, NOBODY)
    with open(path, "ab") as file:
        file.write(b"torn")
    hinder(path.with_name("data.csv.torn"))
    code = """
        import logging
        logging.basicConfig(stream=sys.stdout)
        print(TinyFlux(path).insert(point(7)))
        """
    text = output(code, path, user=NOBODY)
    assert "cannot be written" in text
    assert "b'torn'" in text
    assert text.endswith("1\n")
