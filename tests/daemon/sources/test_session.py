"""What the broker's session still has of an earlier configuration is ended."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.messages import Subscription
from daemon.sources import SessionMemory
from daemon.sources.faults import FaultLog
from daemon.sources.link import Link
from daemon.sources.subscriber import Subscriber
from daemon.writer import Inbox
from tests.daemon.clocks import SetClock
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


def test_another_spelling_of_the_url_forgets_nothing(
    mosquitto: Mosquitto, sources: Sources, tmp_path: Path
) -> None:
    path = tmp_path / "sessions.json"
    settings = settings_for(mosquitto)
    by_name = replace(settings, address=replace(settings.address, host="localhost"))
    sources.connect(settings, Inbox(), [("a/#", 1), ("b/#", 1)], SessionMemory(path)).close()
    inbox = Inbox()
    second = sources.start(by_name, inbox, [("a/#", 1)], SessionMemory(path))
    wait_until(lambda: "Received UNSUBSCRIBE" in mosquitto.log_text(), "the end of b/#")
    wait_until(lambda: second.is_connected, "the connection")
    mosquitto.publish("b/x", "gone")
    mosquitto.publish("a/x", "kept")
    assert payloads(acknowledge_all(second, inbox, 1)) == ["kept"]


def test_what_was_asked_for_under_another_url_since_is_ended_once(tmp_path: Path) -> None:
    path = tmp_path / "sessions.json"
    SessionMemory(path).begin("me at mqtt://a", ["a"], is_kept=True)
    SessionMemory(path).begin("me at mqtt://b", ["a", "b"], is_kept=True)
    memory = SessionMemory(path)
    assert memory.begin("me at mqtt://a", ["a"], is_kept=True) == {"b"}
    memory.ended("me at mqtt://a", ["b"])
    assert SessionMemory(path).begin("me at mqtt://a", ["a"], is_kept=True) == set()


def test_two_brokers_with_one_client_id_do_not_mix(tmp_path: Path) -> None:
    for _ in range(2):
        memory = SessionMemory(tmp_path / "sessions.json")
        memory.expect(["me at mqtt://a", "me at mqtt://b"])
        assert memory.begin("me at mqtt://a", ["a"], is_kept=True) == set()
        assert memory.begin("me at mqtt://b", ["b"], is_kept=True) == set()


def test_another_client_is_no_older_name(tmp_path: Path) -> None:
    memory = SessionMemory(tmp_path / "sessions.json")
    memory.begin("you at mqtt://a", ["a"], is_kept=True)
    assert memory.begin("me at mqtt://a", ["b"], is_kept=True) == set()


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


def test_what_a_full_disk_refused_is_written_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(step: str, path: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)

    path = tmp_path / "sessions.json"
    memory = SessionMemory(path)
    with intercepted(refuse):
        memory.begin("me", ["a"], is_kept=False)
        memory.save()
    assert not memory.is_saved
    assert caplog.text.count("cannot remember the subscriptions") == 1
    memory.save()
    assert memory.is_saved
    assert SessionMemory(path).begin("me", ["b"], is_kept=True) == {"a"}


def test_a_connection_tries_again_to_remember_its_subscriptions(
    mosquitto: Mosquitto, tmp_path: Path
) -> None:
    clock = SetClock()
    path = tmp_path / "missing" / "sessions.json"
    settings = settings_for(mosquitto)
    link = Link(settings, lambda arrival: None)
    link.open()
    subscriber = Subscriber(
        link,
        [Subscription("a/#", 1)],
        FaultLog(settings.address, clock),
        clock,
        SessionMemory(path),
        settings.session,
    )
    path.parent.mkdir()
    subscriber.tick()
    assert not path.exists()
    clock.pass_time(15)
    subscriber.tick()
    link.close()
    assert '"a/#"' in path.read_text(encoding="ascii")
