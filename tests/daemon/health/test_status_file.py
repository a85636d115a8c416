"""Where the status is: in memory where there is a folder for it, beside the data elsewhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from daemon.health import StatusFile, StatusPublisher, read_status, status_path
from tests.daemon.waiting import wait_until


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "points.csv"


def test_with_a_runtime_directory_only_a_link_is_beside_the_data(
    tmp_path: Path, data: Path
) -> None:
    memory = tmp_path / "run"
    memory.mkdir()
    file = StatusFile(data, {"RUNTIME_DIRECTORY": f"{memory}:{tmp_path}/other"})
    file.write({"number": 1})
    file.write({"number": 2})
    assert read_status(data) == {"number": 2}
    assert [path.name for path in data.parent.iterdir()] == ["points.status.json"]
    assert status_path(data).readlink().parent == memory


def test_two_collectors_of_one_user_do_not_share_a_file(tmp_path: Path) -> None:
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    paths = [tmp_path / name / "data.csv" for name in ("one", "two")]
    for number, path in enumerate(paths):
        path.parent.mkdir()
        StatusFile(path, environment).write({"number": number})
    assert [read_status(path) for path in paths] == [{"number": 0}, {"number": 1}]


@pytest.mark.parametrize(
    "environment",
    [{}, {"XDG_RUNTIME_DIR": "/no/such"}, {"RUNTIME_DIRECTORY": "/proc/no"}],
    ids=["none", "missing", "refused"],
)
def test_without_a_folder_in_memory_it_is_beside_the_data_and_seldom_written(
    data: Path, environment: dict[str, str]
) -> None:
    file = StatusFile(data, environment)
    file.write({"number": 1})
    assert read_status(data) == {"number": 1}
    assert not status_path(data).is_symlink()
    assert file.every_s == 60.0


def test_a_link_that_leads_nowhere_after_a_restart_is_no_status(tmp_path: Path, data: Path) -> None:
    file = StatusFile(data, {"XDG_RUNTIME_DIR": str(tmp_path)})
    file.write({"number": 1})
    status_path(data).readlink().unlink()
    assert read_status(data) is None
    StatusFile(data, {"XDG_RUNTIME_DIR": str(tmp_path)}).write({"number": 2})
    assert read_status(data) == {"number": 2}
    StatusFile(data, {}).write({"number": 3})
    assert read_status(data) == {"number": 3}


def test_when_the_folder_in_memory_goes_it_is_written_beside_the_data(
    tmp_path: Path, data: Path
) -> None:
    session = tmp_path / "session"
    session.mkdir()
    file = StatusFile(data, {"XDG_RUNTIME_DIR": str(session)})
    file.write({"number": 1})
    shutil.rmtree(session)
    file.write({"number": 2})
    assert read_status(data) == {"number": 2}
    assert not file.is_in_memory


@pytest.mark.parametrize("content", [b"", b"[1]", b"{half", b"\xff"])
def test_a_file_that_is_no_status_is_none(data: Path, content: bytes) -> None:
    status_path(data).write_bytes(content)
    assert read_status(data) is None


def test_the_publisher_writes_at_once_and_at_its_end(tmp_path: Path, data: Path) -> None:
    numbers = iter(range(100))
    file = StatusFile(data, {"XDG_RUNTIME_DIR": str(tmp_path)})
    publisher = StatusPublisher(file, lambda: {"number": next(numbers)})
    publisher.start()
    wait_until(lambda: read_status(data) == {"number": 0}, "the first status")
    publisher.stop()
    publisher.stop()
    assert read_status(data) == {"number": 1}


def test_what_has_changed_is_published_soon(tmp_path: Path, data: Path) -> None:
    state = {"connected": False}
    file = StatusFile(data, {"XDG_RUNTIME_DIR": str(tmp_path)})
    publisher = StatusPublisher(file, lambda: dict(state), lambda: state["connected"])
    publisher.start()
    wait_until(lambda: read_status(data) == {"connected": False}, "the first status")
    state["connected"] = True
    wait_until(lambda: read_status(data) == {"connected": True}, "the change")
    publisher.stop()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_is_said_once(
    data: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data.parent.chmod(0o555)
    publisher = StatusPublisher(StatusFile(data, {}), dict)
    publisher.start()
    publisher.stop()
    assert [record.getMessage()[:30] for record in caplog.records] == [
        "cannot write the status file: "
    ]
