"""The last warnings and errors outlive the journal, in a file that stays small."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from daemon.health import ProblemLog, problems_path, read_problems

_LOG = logging.getLogger("daemon.sources.mqtt")


def test_warnings_and_errors_are_kept_with_time_level_and_part(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    with ProblemLog(data):
        _LOG.info("connected")
        _LOG.warning("lost %s", "home")
        _LOG.error("gone")
    found = read_problems(data)
    assert [(one["level"], one["part"], one["text"]) for one in found] == [
        ("warning", "sources.mqtt", "lost home"),
        ("error", "sources.mqtt", "gone"),
    ]
    assert all(one["time"].endswith("+00:00") for one in found)


def test_a_later_run_goes_on_in_the_same_file(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    for text in ("first", "second"):
        with ProblemLog(data):
            _LOG.warning(text)
    assert [one["text"] for one in read_problems(data)] == ["first", "second"]


def test_the_file_stays_small_and_keeps_the_last(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    line = json.dumps({"text": "x" * 1000})
    problems_path(data).write_text(f"{line}\n" * 200, encoding="ascii")
    with ProblemLog(data):
        _LOG.warning("last")
    assert problems_path(data).stat().st_size < 130_000
    assert read_problems(data)[-1]["text"] == "last"


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    problems_path(data).write_bytes(b'{"text": "whole"}\n\0\0\0{"tex')
    assert [one["text"] for one in read_problems(data)] == ["whole"]


def test_passwords_of_urls_are_not_kept(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    with ProblemLog(data):
        _LOG.warning("cannot reach mqtt://me:s3cret@host")
    assert b"s3cret" not in problems_path(data).read_bytes()


def test_a_folder_that_is_not_there_stops_nothing(tmp_path: Path) -> None:
    data = tmp_path / "nowhere" / "data.csv"
    with ProblemLog(data):
        _LOG.warning("lost")
    assert read_problems(data) == []


def test_after_the_end_nothing_is_kept(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = tmp_path / "data.csv"
    with ProblemLog(data):
        pass
    _LOG.warning("later")
    assert read_problems(data) == []
