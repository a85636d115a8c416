"""What the broker's session still has of an earlier configuration is ended."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from daemon.sources import SessionMemory
from daemon.writer import Inbox
from tests.daemon.sources.conftest import (
    Sources,
    acknowledge_all,
    payloads,
    settings_for,
)
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto
from tinyflux.files import intercepted


@pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1", "5"])
def test_a_topic_that_left_the_configuration_is_unsubscribed(
    mosquitto: Mosquitto, sources: Sources, tmp_path: Path, is_version_5: bool
) -> None:
    path = tmp_path / "sessions.json"
    settings = settings_for(mosquitto, is_version_5=is_version_5)
    first = sources.connect(settings, Inbox(), [("a/#", 1), ("b/#", 1)], SessionMemory(path))
    first.close()
    inbox = Inbox()
    second = sources.start(settings, inbox, [("a/#", 1)], SessionMemory(path))
    wait_until(lambda: '"b/#"' not in path.read_text(encoding="ascii"), "the end of b/#")
    wait_until(lambda: second.is_connected, "the connection")
    mosquitto.publish("b/x", "gone")
    mosquitto.publish("a/x", "kept")
    assert payloads(acknowledge_all(second, inbox, 1)) == ["kept"]


def test_without_its_memory_a_session_would_go_on_delivering(
    mosquitto: Mosquitto, sources: Sources
) -> None:
    """What the memory is for: the broker keeps subscriptions with the session."""
    settings = settings_for(mosquitto)
    sources.connect(settings, Inbox(), [("a/#", 1), ("b/#", 1)]).close()
    inbox = Inbox()
    second = sources.connect(settings, inbox, [("a/#", 1)])
    mosquitto.publish("b/x", "still")
    assert payloads(acknowledge_all(second, inbox, 1)) == ["still"]


def test_what_was_asked_for_is_known_after_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    SessionMemory(path).begin("me", ["a", "b"], is_kept=False)
    assert SessionMemory(path).begin("me", ["b", "c"], is_kept=True) == {"a"}
    # The broker has not confirmed the end of it: it is asked for once more.
    again = SessionMemory(path)
    assert again.begin("me", ["b", "c"], is_kept=True) == {"a"}
    again.ended("me", ["a"])
    assert SessionMemory(path).begin("me", ["b", "c"], is_kept=True) == set()


def test_a_new_session_has_nothing_to_end(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    SessionMemory(path).begin("me", ["a"], is_kept=False)
    assert SessionMemory(path).begin("me", ["b"], is_kept=False) == set()
    assert SessionMemory(path).begin("me", ["b"], is_kept=True) == set()


def test_sessions_do_not_mix(tmp_path: Path) -> None:
    memory = SessionMemory(tmp_path / "sessions.json")
    memory.begin("one", ["a"], is_kept=True)
    assert memory.begin("other", ["b"], is_kept=True) == set()


@pytest.mark.parametrize("content", ["", "{", '{"version": 2}', '{"version": 1, "sessions": []}'])
def test_a_file_that_cannot_be_used_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    path = tmp_path / "sessions.json"
    path.write_text(content, encoding="ascii")
    assert SessionMemory(path).begin("me", ["a"], is_kept=True) == set()
    assert str(path) in caplog.text


def test_a_full_disk_stops_no_connection(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(step: str, path: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    memory = SessionMemory(tmp_path / "sessions.json")
    with intercepted(refuse):
        memory.begin("me", ["a"], is_kept=False)
    assert "cannot remember the subscriptions" in caplog.text
    assert memory.begin("me", ["b"], is_kept=True) == {"a"}
