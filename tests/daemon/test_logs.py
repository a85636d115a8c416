"""Log lines in their looks, levels of single parts, and repeats that are summed."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from daemon.logs import Repeats, set_up
from tests.daemon.clocks import SetClock

SPEAK = """
import logging, sys
from daemon.logs import set_up
set_up("info", "auto")
log = logging.getLogger("daemon.writer.thread")
log.error("first\\nsecond")
log.warning("careful")
log.info("going on")
log.debug("detail")
logging.getLogger("apscheduler.scheduler").info("Scheduler started")
"""


@pytest.fixture(autouse=True)
def _levels_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    set_up("warning", "plain")
    root.handlers[:] = handlers
    root.setLevel(level)


def speak(*, is_journal: bool) -> list[str]:
    """The lines of a process whose stderr is, or only claims to be, the journal's stream."""
    read, write = os.pipe()
    status = os.fstat(write)
    stream = f"{status.st_dev}:{status.st_ino if is_journal else status.st_ino + 1}"
    environment = {**os.environ, "JOURNAL_STREAM": stream}
    subprocess.run([sys.executable, "-c", SPEAK], stderr=write, env=environment, check=True)
    os.close(write)
    with os.fdopen(read) as pipe:
        return pipe.read().splitlines()


def test_journal_gets_a_priority_in_front_of_each_line() -> None:
    assert speak(is_journal=True) == [
        "<3>writer.thread: first",
        "<3>second",
        "<4>writer.thread: careful",
        "<6>writer.thread: going on",
    ]


def test_stream_that_is_not_the_journal_gets_dates_although_a_parent_had_the_journal() -> None:
    lines = speak(is_journal=False)
    assert [line.partition(" ")[2] for line in lines[2:]] == [
        "WARNING writer.thread: careful",
        "INFO    writer.thread: going on",
    ]
    assert lines[0][:2] == "20"


def test_part_has_its_own_level(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("warning", "plain", {"mqtt": "debug", "writer": "error"})
    logging.getLogger("daemon.sources.mqtt").debug("packet")
    logging.getLogger("daemon.writer.thread").warning("late")
    logging.getLogger("daemon.polls.command").info("ran")
    assert capsys.readouterr().err.split(" ", 1)[1] == "DEBUG   sources.mqtt: packet\n"


def test_second_set_up_replaces_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info", "plain", {"mqtt": "debug"})
    set_up("info", "journald")
    logging.getLogger("daemon.sources.mqtt").info("connected")
    logging.getLogger("daemon.sources.mqtt").debug("packet")
    assert capsys.readouterr().err == "<6>sources.mqtt: connected\n"


def test_password_in_a_url_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info", "journald")
    try:
        raise OSError("cannot connect to mqtt://collector:hunter2@mqtt.lan:1883")
    except OSError:
        logging.getLogger("daemon.sources.mqtt").exception("broker home")
    shown = capsys.readouterr().err
    assert "mqtt://collector:***@mqtt.lan:1883" in shown
    assert "hunter2" not in shown


def test_terminal_colours_trouble_unless_told_not_to(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    set_up("info", "terminal")
    logging.getLogger("daemon.app").warning("careful")
    logging.getLogger("daemon.app").info("going on")
    monkeypatch.setenv("NO_COLOR", "1")
    set_up("info", "terminal")
    logging.getLogger("daemon.app").warning("plain")
    coloured, calm, plain = capsys.readouterr().err.splitlines()
    assert coloured.endswith("app: careful\x1b[0m")
    assert "\x1b" not in calm + plain


@pytest.mark.parametrize(
    ("level", "levels", "reason"),
    [
        pytest.param("loud", {}, r"'loud'; allowed: debug, info, warning, error", id="level"),
        pytest.param("info", {"mqtt": "loud"}, r"'loud'; allowed: debug", id="level-of-part"),
        pytest.param("info", {"mqqt": "info"}, r"'mqqt'; allowed: .*mqtt", id="part"),
    ],
)
def test_unknown_word_is_refused(level: str, levels: dict[str, str], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        set_up(level, "plain", levels)


def test_repeats_are_said_once_and_then_summed(caplog: pytest.LogCaptureFixture) -> None:
    clock = SetClock()
    repeats = Repeats(logging.getLogger("daemon.test"), clock, every_s=60)
    said = []
    for _ in range(5):
        said.append(repeats.log(logging.WARNING, "a/b", "a/b is no JSON"))
        clock.pass_time(20)
    assert said == [True, False, False, True, False]
    assert [record.getMessage() for record in caplog.records] == [
        "a/b is no JSON",
        "a/b is no JSON (2 more like it since it was last logged)",
    ]


def test_flush_says_what_was_only_counted(caplog: pytest.LogCaptureFixture) -> None:
    repeats = Repeats(logging.getLogger("daemon.test"), SetClock())
    for key in ("x", "y", "x", "x"):
        repeats.log(logging.WARNING, key, f"{key} is full")
    caplog.clear()
    repeats.flush()
    repeats.flush()
    assert [record.getMessage() for record in caplog.records] == [
        "x: 2 more since it was last logged"
    ]


def test_repeats_remember_a_bounded_number_of_keys(caplog: pytest.LogCaptureFixture) -> None:
    repeats = Repeats(logging.getLogger("daemon.test"), SetClock(), limit=10)
    for number in range(1000):
        repeats.log(logging.WARNING, f"topic {number}", f"topic {number} fits no rule")
    assert len(caplog.records) == 11


def test_json_is_a_line_for_each_record(capsys: pytest.CaptureFixture[str]) -> None:
    set_up("info", "json")
    logging.getLogger("daemon.writer").warning("two\nlines of %s", "mqtt://u:pw@h")
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["level"], found["part"]) == ("warning", "writer")
    assert found["text"] == "two\nlines of mqtt://u:***@h"
