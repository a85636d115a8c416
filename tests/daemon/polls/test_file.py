"""File polls on real files, and on what is no file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from daemon.polls import SensorError
from tests.daemon.polls.opened import opened, polled

LONG_S = 30.0


def failure_of(folder: Path, options: str) -> SensorError:
    with pytest.raises(SensorError) as failure:
        opened(folder, f"file: {options}").read(LONG_S)
    return failure.value


def test_number_of_the_kernel_becomes_a_point(tmp_path: Path) -> None:
    (tmp_path / "temp").write_text("48312\n")
    mapped = polled(
        tmp_path, "file: {path: temp, measurement: board, fields: {c: {scale: 0.001, round: 1}}}"
    )
    [point] = mapped.points
    assert (point.measurement, point.fields) == ("board", {"c": 48.3})


def test_value_is_found_by_a_regular_expression(tmp_path: Path) -> None:
    mapped = polled(
        tmp_path, "file: {path: /proc/meminfo, parse: {regex: 'MemFree: +(?P<kb>[0-9]+) kB'}}"
    )
    assert mapped.points[0].fields["kb"] > 0  # type: ignore[operator]


def test_file_that_vanishes_and_comes_back_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "level"
    path.write_text("1")
    sensor = opened(tmp_path, "file: {path: level}")
    assert sensor.read(LONG_S) == "1"
    path.unlink()
    with pytest.raises(SensorError, match=r"there is no file .*level") as failure:
        sensor.read(LONG_S)
    assert failure.value.kind == "missing"
    path.write_text("2")
    assert sensor.read(LONG_S) == "2"


def test_changing_part_of_a_name_is_written_as_a_star(tmp_path: Path) -> None:
    (tmp_path / "hwmon3").mkdir()
    (tmp_path / "hwmon3" / "temp1_input").write_text("40000")
    sensor = opened(tmp_path, "file: {path: 'hwmon*/temp1_input'}")
    assert sensor.read(LONG_S) == "40000"
    (tmp_path / "hwmon3").rename(tmp_path / "hwmon5")
    assert sensor.read(LONG_S) == "40000"


def test_star_that_fits_two_files_or_none_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "a1").touch()
    (tmp_path / "a2").touch()
    assert "fits 2 files" in str(failure_of(tmp_path, "{path: 'a*'}"))
    assert "fits no file" in str(failure_of(tmp_path, "{path: 'b*'}"))


def test_folder_is_a_failure(tmp_path: Path) -> None:
    assert "is a folder" in str(failure_of(tmp_path, "{path: .}"))


def test_pipe_without_a_writer_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert opened(tmp_path, "file: {path: pipe}").read(LONG_S) == ""


def test_pipe_with_a_silent_writer_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "pipe", os.O_WRONLY)
    try:
        assert failure_of(tmp_path, "{path: pipe}").kind == "no-file"
    finally:
        os.close(writer)
        os.close(reader)


def test_file_that_never_ends_is_a_failure(tmp_path: Path) -> None:
    failure = failure_of(tmp_path, "{path: /dev/zero, max_size: 1MB}")
    assert failure.kind == "too-large"


def test_file_up_to_the_limit_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "long").write_bytes(b"7" * 64_000)
    assert opened(tmp_path, "file: {path: long}").read(LONG_S) == "7" * 64_000
    (tmp_path / "long").write_bytes(b"7" * 64_001)
    assert failure_of(tmp_path, "{path: long}").kind == "too-large"


def test_bytes_that_are_no_text_are_a_failure(tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"ab\xff")
    failure = failure_of(tmp_path, "{path: bytes}")
    assert failure.kind == "encoding"
    assert "byte 2" in str(failure)


def test_file_that_nobody_writes_any_more_is_stale(tmp_path: Path) -> None:
    path = tmp_path / "level"
    path.write_text("1")
    sensor = opened(tmp_path, "file: {path: level, max_age: 1h}")
    assert sensor.read(LONG_S) == "1"
    os.utime(path, (0, path.stat().st_mtime - 4000))
    with pytest.raises(SensorError, match="max_age is 3600 s") as failure:
        sensor.read(LONG_S)
    assert failure.value.kind == "stale"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_file_that_may_not_be_read_is_a_failure(tmp_path: Path) -> None:
    (tmp_path / "secret").touch(mode=0)
    assert failure_of(tmp_path, "{path: secret}").kind == "permission"


def test_readings_leave_no_descriptor_behind(tmp_path: Path) -> None:
    (tmp_path / "level").write_text("1")
    sensor = opened(tmp_path, "file: {path: level}")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        sensor.read(LONG_S)
    assert len(os.listdir("/proc/self/fd")) == before
