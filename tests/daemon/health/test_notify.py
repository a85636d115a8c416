"""What systemd would receive, on a real datagram socket."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.health import Notifier


class Manager:
    """systemd's side of the socket."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._socket.settimeout(20)

    def received(self) -> str:
        return self._socket.recv(4096).decode()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(str(tmp_path / "notify"))
    yield made
    made.close()


def test_each_message_is_one_datagram_as_systemd_reads_it(manager: Manager, tmp_path: Path) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    notifier.ready("collecting")
    notifier.status("12 messages/s,\nlag 0.2 s")
    notifier.feed_watchdog()
    notifier.stopping("writing what waits")
    notifier.stopping()
    assert [manager.received() for _ in range(5)] == [
        "READY=1\nSTATUS=collecting",
        "STATUS=12 messages/s, lag 0.2 s",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=writing what waits",
        "STOPPING=1",
    ]


def test_abstract_socket_is_reached() -> None:
    name = f"tinyflux-test-{os.getpid()}"
    manager = Manager(f"\0{name}")
    Notifier({"NOTIFY_SOCKET": f"@{name}"}).ready("up")
    assert manager.received() == "READY=1\nSTATUS=up"
    manager.close()


def test_without_a_manager_nothing_happens(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({})
    notifier.ready("up")
    notifier.stopping()
    assert not notifier.is_connected
    assert caplog.records == []


def test_manager_that_went_away_is_said_once_until_it_is_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "notify"
    notifier = Notifier({"NOTIFY_SOCKET": str(path)})
    with caplog.at_level(logging.WARNING):
        notifier.ready("up")
        notifier.feed_watchdog()
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        f"cannot notify systemd on NOTIFY_SOCKET={path}"
    ]
    manager = Manager(str(path))
    notifier.feed_watchdog()
    assert manager.received() == "WATCHDOG=1"
    manager.close()


def test_manager_that_reads_nothing_holds_nobody_up(
    manager: Manager, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    while not caplog.records:
        notifier.status("x" * 1000)
    assert "cannot notify systemd" in caplog.text


def test_other_kind_of_socket_is_refused_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": "vsock:2:1234"})
    notifier.ready("up")
    assert not notifier.is_connected
    assert "vsock:2:1234 is no unix socket" in caplog.text


@pytest.mark.parametrize(
    ("environment", "watchdog_s"),
    [
        pytest.param({"WATCHDOG_USEC": "120000000"}, 120.0, id="set"),
        pytest.param({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5, id="ours"),
        pytest.param({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None, id="not-for-us"),
        pytest.param({"WATCHDOG_USEC": "0"}, None, id="zero"),
        pytest.param({"WATCHDOG_USEC": "soon"}, None, id="nonsense"),
        pytest.param({}, None, id="none"),
    ],
)
def test_watchdog_is_on_when_systemd_says_so(
    environment: dict[str, str], watchdog_s: float | None
) -> None:
    assert Notifier(environment).watchdog_s == watchdog_s
