"""A power cut at any step: what was acknowledged is there, a change is whole or not made.

The images of the disk are worked out (`power.py`); each is opened, written to and checked.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.tinyflux.durability.operations import APPENDS, REWRITES, Operation, point, state
from tests.tinyflux.durability.power import Content, Disk, materialized
from tests.tinyflux.exact import contents
from tinyflux import TinyFlux
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
