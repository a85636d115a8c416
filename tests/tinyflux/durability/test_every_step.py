"""Each durable step of each operation goes wrong once: the state before is found, or the one after.

Fails, kills the process, or takes a part of a write and then fails or kills.
"""

from __future__ import annotations

import errno
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.tinyflux.durability.faults import Fault, Kind, in_child, numbers, steps_of
from tests.tinyflux.durability.operations import OPERATIONS, Operation, fill, point, state
from tests.tinyflux.exact import contents
from tinyflux import TinyFlux
from tinyflux.cli import main
from tinyflux.files import intercepted

# Seven bytes are a part of a row, three hundred are some rows of a batch and a part of one.
KILLS: list[tuple[Kind, int]] = [("kill", 0), ("short and kill", 7), ("short and kill", 300)]
FAILURES: list[tuple[Kind, int]] = [("fail", 0), ("short and fail", 7), ("short and fail", 300)]


@pytest.fixture(params=OPERATIONS)
def operation(request: pytest.FixtureRequest) -> Operation:
    """Each operation."""
    return OPERATIONS[request.param]


def _new_folder(folder: Path, name: object) -> Path:
    new = folder / str(name)
    new.mkdir()
    return new


def _require_usable(path: Path, found: Any) -> None:
    """The next writer goes on with what was found, and nothing is wrong then."""
    with TinyFlux(path) as db:
        db.insert(point(99))
    if isinstance(found, list):
        assert state(path) == [*found, *contents([point(99)])]
        assert main(["check", str(path)]) == 0


@pytest.mark.parametrize(("kind", "taken_bytes"), KILLS)
def test_a_kill_at_any_step_leaves_the_state_before_or_after(
    folder: Path, operation: Operation, kind: Kind, taken_bytes: int
) -> None:
    before, after = operation.states(_new_folder(folder, "well"))
    for number in numbers():
        path = _new_folder(folder, number) / "data.csv"
        operation.prepare(path)
        with intercepted(Fault(number, kind, taken_bytes=taken_bytes)):
            ended, is_done = in_child(lambda path=path: operation.run(path))
        found = state(path)
        assert found == after if is_done else found in (before, after), f"killed at {number}"
        _require_usable(path, found)
        if ended == 0:
            return


MADE = ("the change is made, but the disk did not confirm it", "they are in the file, but")
"""What an error says where the state is the one after it all the same."""


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC], ids=["EIO", "ENOSPC"])
@pytest.mark.parametrize(("kind", "taken_bytes"), FAILURES)
def test_a_call_that_fails_at_any_step_leaves_every_byte_as_it_was(
    folder: Path, operation: Operation, kind: Kind, taken_bytes: int, code: int
) -> None:
    _, after = operation.states(_new_folder(folder, "well"))
    for number in numbers():
        path = _new_folder(folder, number) / "data.csv"
        operation.prepare(path)
        before = _bytes(path)
        fault = Fault(number, kind, code, taken_bytes)
        said = ""
        with intercepted(fault):
            try:
                operation.run(path)
            except OSError as error:
                said = f"{error} "
        if said and not any(text in said for text in MADE):
            # What is no row may have been set aside by the time it failed.
            assert _bytes(path) in (before, before.removesuffix(operation.torn)), fault.steps
        else:
            assert state(path) == after, fault.steps
        _require_usable(path, state(path))
        if not fault.has_happened:
            return


CHANGES = {
    name: operation.change for name, operation in OPERATIONS.items() if operation.change is not None
}


@pytest.mark.parametrize(("kind", "taken_bytes"), FAILURES)
@pytest.mark.parametrize("change", CHANGES)
def test_the_handle_whose_call_failed_goes_on_with_what_is_stored(
    folder: Path, change: str, kind: Kind, taken_bytes: int
) -> None:
    for number in numbers():
        path = _new_folder(folder, number) / "data.csv"
        fill(path)
        fault = Fault(number, kind, errno.EIO, taken_bytes)
        with TinyFlux(path) as db:
            assert len(db) == 6
            with intercepted(fault), suppress(OSError):
                CHANGES[change](db)
            assert contents(db.all(sorted=False)) == state(path), fault.steps
            CHANGES[change](db)
            db.insert(point(99))
            assert contents(db.all(sorted=False)) == state(path), fault.steps
        if not fault.has_happened:
            return


def test_the_door_sees_every_step_of_a_rewrite(tmp_path: Path) -> None:
    operation = OPERATIONS["apply"]
    path = tmp_path / "data.csv"
    operation.prepare(path)
    steps = steps_of(lambda: operation.run(path))
    order = [step for step in steps if step in ("create", "rights", "rename")]
    assert order[:3] == ["create", "rights", "rename"]
    assert steps[steps.index("rename") - 1] == "fsync"
    assert "fsync directory" in steps[steps.index("rename") :]
