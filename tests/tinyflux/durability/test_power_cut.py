"""A power cut at any step: what was acknowledged is there, a change is whole or not made.

The images of the disk are worked out (`power.py`); each is opened, written to and checked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.tinyflux.durability.operations import (
    APPENDS,
    COPIES,
    INSERTS_WITHOUT_SYNC,
    REWRITES,
    Operation,
    point,
    state,
)
from tests.tinyflux.durability.power import Content, Disk, forget_the_boot, materialized
from tests.tinyflux.exact import contents
from tinyflux import CSVStorage, TinyFlux
from tinyflux.cli import main

CHANGES = {name: operation for name, operation in REWRITES.items() if name != "repair"}


def _distinct(images: list[Content]) -> list[Content]:
    return list({repr(sorted(image.items())): image for image in images}.values())


def _found(image: Content, folder: Path) -> list[Any]:
    """The points after the power cut, once a writer has been there."""
    folder.mkdir()
    path = materialized(image, folder)
    with TinyFlux(path) as db:
        db.insert(point(99))
    assert main(["check", str(path)]) == 0
    found = state(path)
    assert found[-1:] == contents([point(99)])
    return list(found[:-1])


def _watched(operation: Operation, folder: Path) -> tuple[Any, Any, Disk]:
    well, watched = folder / "well", folder / "disk"
    well.mkdir()
    watched.mkdir()
    before, after = operation.states(well)
    operation.prepare(watched / "data.csv")
    disk = Disk(watched)
    disk.watch(lambda: operation.run(watched / "data.csv"))
    return before, after, disk


def _is_subsequence(some: list[Any], of: list[Any]) -> bool:
    rest = iter(of)
    return all(item in rest for item in some)


@pytest.mark.parametrize("name", APPENDS)
def test_a_power_cut_in_an_append_keeps_every_earlier_row(folder: Path, name: str) -> None:
    before, after, disk = _watched(APPENDS[name], folder)
    new = after[len(before) :]
    for number, image in enumerate(_distinct(disk.images)):
        found = _found(image, folder / str(number))
        assert found[: len(before)] == before
        assert _is_subsequence(found[len(before) :], new)


@pytest.mark.parametrize("name", APPENDS)
def test_a_power_cut_after_an_append_keeps_its_rows(folder: Path, name: str) -> None:
    _, after, disk = _watched(APPENDS[name], folder)
    for number, image in enumerate(_distinct(disk.at_end())):
        assert _found(image, folder / str(number)) == after


def test_a_power_cut_behind_inserts_without_a_sync_keeps_every_earlier_row(folder: Path) -> None:
    """The mark may be there, and fit, while pages of what it names are NUL bytes."""
    before, after, disk = _watched(INSERTS_WITHOUT_SYNC, folder)
    n_kept = []
    for number, image in enumerate(_distinct(disk.at_end())):
        found = _found(image, folder / str(number))
        assert found[: len(before)] == before
        assert _is_subsequence(found[len(before) :], after[len(before) :])
        n_kept.append(len(found) - len(before))
    assert {0, len(after) - len(before)} < set(n_kept)


# Not as this engine writes it: the time has a fraction of zeros.
ODD_ROW = b"2025-01-01T00:00:00.000000,m,_tag_a,\0b\0,_field_n,7\r\n"


def _synced(db: TinyFlux, path: Path) -> None:
    path.write_bytes(path.read_bytes() + ODD_ROW)
    db.insert(point(2))
    cast("CSVStorage", db.storage).sync()
    db.insert(point(3))
    forget_the_boot(path)


def _not_synced(db: TinyFlux, path: Path) -> None:
    db.insert(point(2))
    cast("CSVStorage", db.storage).sync()
    path.write_bytes(path.read_bytes() + ODD_ROW)
    db.insert(point(3))
    forget_the_boot(path)


def _not_restarted(db: TinyFlux, path: Path) -> None:
    db.insert(point(2))
    cast("CSVStorage", db.storage).sync()
    path.write_bytes(path.read_bytes() + ODD_ROW)
    db.insert(point(3))


@pytest.mark.parametrize(
    ("leave", "is_kept"), [(_synced, True), (_not_restarted, True), (_not_synced, False)]
)
def test_only_what_was_not_synced_before_a_restart_is_doubted_for_its_nul_bytes(
    folder: Path, leave: Callable[[TinyFlux, Path], None], is_kept: bool
) -> None:
    path = folder / "data.csv"
    with TinyFlux(path, flush_on_insert=False) as db:
        db.insert(point(1))
        leave(db, path)
        # As a power cut leaves it: whatever the mark said, the end is another.
        with open(path, "ab") as file:
            file.write(b"\0" * 700)
        with TinyFlux(path) as after:
            after.insert(point(4))
            assert sorted(after.get_field_values("n")) == [1, 2, 3, 4, *([7] if is_kept else [])]
    torn = path.with_name("data.csv.torn")
    assert (torn.exists() and b"b" in torn.read_bytes()) == (not is_kept)


@pytest.mark.parametrize("name", CHANGES)
def test_a_power_cut_in_a_change_leaves_all_of_it_or_nothing(folder: Path, name: str) -> None:
    before, after, disk = _watched(CHANGES[name], folder)
    for number, image in enumerate(_distinct(disk.images)):
        assert _found(image, folder / str(number)) in (before, after)


@pytest.mark.parametrize("name", CHANGES)
def test_a_power_cut_after_a_change_leaves_all_of_it(folder: Path, name: str) -> None:
    _, after, disk = _watched(CHANGES[name], folder)
    for number, image in enumerate(_distinct(disk.at_end())):
        assert _found(image, folder / str(number)) == after


def _copied(name: str, old: bytes | None, folder: Path) -> tuple[Disk, bytes]:
    """A disk on which a copy was made, and what stands in it."""
    path = folder / "data.csv"
    COPIES[name].prepare(path)
    if old is not None:
        path.with_name("copy.csv").write_bytes(old)
    disk = Disk(folder)
    disk.watch(lambda: COPIES[name].run(path))
    return disk, path.with_name("copy.csv").read_bytes()


@pytest.mark.parametrize("old", [None, b"an older copy"], ids=["new", "replaced"])
@pytest.mark.parametrize("name", COPIES)
def test_a_power_cut_in_a_copy_leaves_the_old_one_or_all_of_the_new_one(
    folder: Path, name: str, old: bytes | None
) -> None:
    disk, new = _copied(name, old, folder)
    assert {image.get(Path("copy.csv")) for image in disk.images} == {old, new}


@pytest.mark.parametrize("old", [None, b"an older copy"], ids=["new", "replaced"])
@pytest.mark.parametrize("name", COPIES)
def test_a_power_cut_after_a_copy_leaves_all_of_it(
    folder: Path, name: str, old: bytes | None
) -> None:
    disk, new = _copied(name, old, folder)
    assert {image.get(Path("copy.csv")) for image in disk.at_end()} == {new}


def test_a_power_cut_in_a_repair_loses_neither_rows_nor_what_is_none(folder: Path) -> None:
    path = folder / "data.csv"
    REWRITES["repair"].prepare(path)
    before = path.read_bytes()
    disk = Disk(folder)
    disk.watch(lambda: REWRITES["repair"].run(path))
    after, aside = path.read_bytes(), path.with_name("data.csv.bad").read_bytes()
    assert len(after) + len(aside) == len(before)
    found = {
        (image[Path("data.csv")], image.get(Path("data.csv.bad"), b"") == aside)
        for image in disk.images
    }
    assert found == {(before, False), (before, True), (after, True)}
    assert {image[Path("data.csv")] for image in disk.at_end()} == {after}


@pytest.mark.parametrize("name", [name for name in APPENDS if "torn" in name])
def test_a_power_cut_while_a_torn_row_is_cut_off_keeps_it(folder: Path, name: str) -> None:
    path = folder / "data.csv"
    APPENDS[name].prepare(path)
    before = path.read_bytes().rstrip(b"\0")
    torn = before[before.index(b"2025-01-01T00:00:00,m,") :]
    disk = Disk(folder)
    disk.watch(lambda: APPENDS[name].run(path))
    assert torn in path.with_name("data.csv.torn").read_bytes()
    assert [
        image
        for image in disk.images
        if torn not in image[Path("data.csv")] and torn not in image.get(Path("data.csv.torn"), b"")
    ] == []
