"""A broker that does not deliver is named once, with what to do, and tried again."""

from __future__ import annotations

import contextlib
import itertools
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.errors import SourceError
from daemon.sources import LinkSettings, StatusMessage
from daemon.sources.faults import (
    Address,
    FaultLog,
    RefusedError,
    explain_connect,
    explain_hang_up,
    explain_no_broker,
    explain_no_websocket,
)
from daemon.writer import Inbox
from tests.daemon.clocks import SetClock
from tests.daemon.sources.conftest import Sources, payloads, settings_for, take_messages
from tests.daemon.waiting import wait_until
from tests.support.access import access_lines
from tests.support.mosquitto import Mosquitto, StartMosquitto
from tests.support.ports import free_port

HOME = Address("home", "127.0.0.1", 1884, "mqtts")
Logged = Callable[[int], list[str]]


class Impostor:
    """Listens, counts its visitors, answers each with the same bytes."""

    def __init__(self, answer: bytes, *, hangs_up: bool) -> None:
        self.visits = 0
        self._answer = answer
        self._hangs_up = hangs_up
        self._server = socket.create_server(("127.0.0.1", 0))
        self._visitors: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    @property
    def port(self) -> int:
        port: int = self._server.getsockname()[1]
        return port

    def close(self) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self._server.accept()
                self.visits += 1
                self._visitors.append(visitor)
                visitor.recv(1000)
                visitor.sendall(self._answer)
                if self._hangs_up:
                    visitor.close()


@pytest.fixture
def impostor() -> Iterator[Callable[[bytes, bool], Impostor]]:
    started: list[Impostor] = []

    def start(answer: bytes, hangs_up: bool) -> Impostor:
        started.append(Impostor(answer, hangs_up=hangs_up))
        return started[-1]

    yield start
    for one in started:
        one.close()


def _settings(port: int, host: str = "127.0.0.1", *, is_version_5: bool = False) -> LinkSettings:
    return LinkSettings(Address("home", host, port), "collector", is_version_5=is_version_5)


HTTP = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\n\r\n<html>" + b"x" * 500
TLS_ALERT = b"\x15\x03\x01\x00\x02\x02\x46"


@pytest.mark.parametrize(
    ("answer", "hangs_up", "found"),
    [
        pytest.param(b"", True, "ended the connection without an answer", id="hangs up"),
        pytest.param(b"", False, "no answer to MQTT's CONNECT within", id="silent"),
        pytest.param(b"SSH-2.0-OpenSSH_9.2\r\n", False, "no answer to MQTT's CONNECT", id="ssh"),
        pytest.param(HTTP, False, "its answer to MQTT's CONNECT is something else", id="http"),
        pytest.param(TLS_ALERT, True, "", id="tls"),
        pytest.param(b"\x90\x02\x00", False, "", id="half a packet"),
        pytest.param(b"\x30\x02\x00\x05abc\x00" * 20, False, "", id="lengths that lie"),
        pytest.param(b"\x20\x00", False, "", id="connack without a body"),
    ],
)
def test_what_is_no_broker_is_said_once_and_tried_again(
    sources: Sources,
    logged: Logged,
    impostor: Callable[[bytes, bool], Impostor],
    answer: bytes,
    hangs_up: bool,
    found: str,
) -> None:
    stranger = impostor(answer, hangs_up)
    source = sources.start(_settings(stranger.port), Inbox())
    wait_until(lambda: stranger.visits >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert "is no MQTT broker" in line
    assert found in line
    assert "check brokers.home.url" in line
    assert not source.is_connected


def test_a_silent_listener_is_not_said_to_have_hung_up_where_we_leave(
    sources: Sources, logged: Logged, impostor: Callable[[bytes, bool], Impostor]
) -> None:
    silent = impostor(b"", False)
    settings = replace(_settings(silent.port), keepalive_s=1)
    sources.start(settings, Inbox(), connack_timeout_s=3.0)
    wait_until(lambda: bool(logged(logging.ERROR)), "the error")
    [line] = logged(logging.WARNING)
    assert "gave no answer to MQTT's CONNECT within 3 s" in line


def test_a_stranger_is_said_once_in_whatever_way_it_answers(logged: Logged) -> None:
    faults = FaultLog(HOME, SetClock())
    faults.failed(explain_no_broker(HOME, "its answer is something else"))
    faults.failed(explain_hang_up(HOME))
    faults.failed(explain_no_broker(HOME, "its first bytes are not MQTT's"))
    [line] = logged(logging.WARNING)
    assert "its answer is something else" in line
    assert "its first bytes" in faults.trouble


def test_each_connection_that_is_said_to_come_was_said_to_be_lost(logged: Logged) -> None:
    clock = SetClock()
    faults = FaultLog(HOME, clock)
    for lasts_s in (15, 15, 100, 15, 100):
        faults.connected("MQTT 5")
        clock.pass_time(lasts_s)
        faults.failed(SourceError("the connection was lost"))
        faults.failed(SourceError("nobody listens there"))
    kinds = ["connected (" in line for line in logged(logging.INFO) if "listens" not in line]
    assert len(kinds) >= 8
    assert not any(one and other for one, other in itertools.pairwise(kinds))


def test_a_host_without_an_address_is_said_once(sources: Sources, logged: Logged) -> None:
    source = sources.start(_settings(1883, "no-such-host.invalid"), Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert "no address is known for the host 'no-such-host.invalid'" in line
    assert "check brokers.home.url" in line


def test_a_port_nobody_listens_on_is_said_once(sources: Sources, logged: Logged) -> None:
    source = sources.start(_settings(free_port()), Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert "nobody listens there (connection refused)" in line


@pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1", "5"])
def test_a_wrong_password_is_said_once_and_without_it(
    mosquitto: Mosquitto, sources: Sources, logged: Logged, is_version_5: bool
) -> None:
    settings = settings_for(mosquitto, password="not-this-one", is_version_5=is_version_5)
    source = sources.start(settings, Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert "check brokers.home.username and brokers.home.password" in line
    assert "not-this-one" not in line + repr(settings)


def test_a_broker_of_the_old_version_is_told_from_a_stranger(
    sources: Sources, logged: Logged, impostor: Callable[[bytes, bool], Impostor]
) -> None:
    # MQTT 5's CONNACK with reason 0x84, which a 3.1.1 broker that knows of MQTT 5 sends.
    old = impostor(b"\x20\x03\x00\x84\x00", True)
    sources.start(_settings(old.port, is_version_5=True), Inbox())
    wait_until(lambda: old.visits >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert 'set brokers.home.protocol: "3.1.1"' in line


def test_the_end_of_a_fault_is_said(mosquitto: Mosquitto, sources: Sources, logged: Logged) -> None:
    mosquitto.stop()
    source = sources.start(settings_for(mosquitto), Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    mosquitto.start()
    wait_until(lambda: source.is_connected, "the connection")
    fault, end = logged(logging.INFO)
    assert "nobody listens there" in fault
    assert "failed tries" in end


@pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1, 0x80", "5, 0x87"])
def test_a_denied_subscription_is_said_and_the_others_work(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    logged: Logged,
    tmp_path: Path,
    is_version_5: bool,
) -> None:
    broker = start_mosquitto(users={}, lines=access_lines(tmp_path, "a/#"))
    inbox = Inbox()
    settings = settings_for(broker, is_version_5=is_version_5)
    source = sources.connect(settings, inbox, [("secret/#", 1), ("a/#", 1)])
    broker.publish("a/b", "open")
    assert payloads(take_messages(inbox, 1)) == ["open"]
    [line] = logged(logging.WARNING)
    assert "does not let us subscribe to 'secret/#'" in line
    state = source.state()
    assert (state.is_connected, state.is_well, state.refused) == (True, False, ("secret/#",))


def test_two_clients_with_one_id_are_recognised(
    mosquitto: Mosquitto, sources: Sources, logged: Logged
) -> None:
    sources.connect(settings_for(mosquitto, is_version_5=True), Inbox())
    sources.connect(settings_for(mosquitto, is_version_5=True), Inbox())
    wait_until(
        lambda: any("client id 'collector'" in line for line in logged(logging.ERROR)), "the error"
    )


@pytest.mark.parametrize(
    ("error", "level"),
    [(SourceError("it ended"), logging.WARNING), (RefusedError("it refused"), logging.ERROR)],
)
def test_short_connections_are_no_reason_to_speak_of_another_client(
    logged: Logged, error: SourceError, level: int
) -> None:
    clock = SetClock()
    faults = FaultLog(Address("home", "127.0.0.1", 1884), clock)
    for _ in range(4):
        faults.connected("MQTT 5")
        clock.pass_time(4)
        faults.failed(error)
    lines = logged(level)
    assert "each connection ends within seconds" in lines[-1]
    assert "client id" not in "".join(lines)


@pytest.mark.parametrize("option", ["max_qos 0", "retain_available false"])
@pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1", "5"])
def test_a_broker_that_does_not_take_our_last_will_is_said(
    start_mosquitto: StartMosquitto,
    sources: Sources,
    logged: Logged,
    is_version_5: bool,
    option: str,
) -> None:
    """On MQTT 3.1.1 it hangs up without a word."""
    broker = start_mosquitto(lines=[option])
    settings = settings_for(broker, is_version_5=is_version_5)
    source = sources.start(replace(settings, will=StatusMessage("s", "offline")), Inbox())
    wait_until(lambda: source.tries >= 3, "three tries")
    [line] = logged(logging.WARNING)
    assert "brokers.home.announce" in line or "brokers.home.will" in line
    sources.connect(settings, Inbox())


def _failed_after_it_worked(error: SourceError, *, away_s: float) -> FaultLog:
    clock = SetClock()
    faults = FaultLog(Address("home", "127.0.0.1", 1884), clock)
    faults.connected("MQTT 5")
    clock.pass_time(100)
    faults.failed(SourceError("the connection was lost"))
    clock.pass_time(away_s)
    faults.failed(error)
    return faults


STRANGERS = pytest.mark.parametrize(
    "error",
    [
        pytest.param(explain_no_broker(HOME, "it hung up"), id="no broker"),
        pytest.param(explain_no_websocket(HOME, "/mqtt"), id="a proxy without its broker"),
        pytest.param(explain_connect(HOME, ssl.SSLEOFError()), id="tls ends"),
        pytest.param(explain_connect(HOME, ConnectionResetError(104, "reset")), id="tls reset"),
        pytest.param(explain_connect(HOME, socket.gaierror(-3, "temporary")), id="no name service"),
    ],
)


@STRANGERS
def test_a_broker_that_has_worked_is_given_time_to_start(
    logged: Logged, error: SourceError
) -> None:
    faults = _failed_after_it_worked(error, away_s=5)
    assert logged(logging.ERROR) == []
    assert "check brokers.home.url" not in faults.trouble
    assert "away" in faults.trouble


@STRANGERS
def test_what_stays_a_stranger_is_one(logged: Logged, error: SourceError) -> None:
    faults = _failed_after_it_worked(error, away_s=100)
    assert logged(logging.ERROR) != []
    assert faults.trouble == str(error)


def test_what_fails_before_a_connection_is_no_short_connection(logged: Logged) -> None:
    clock = SetClock()
    faults = FaultLog(HOME, clock)
    for _ in range(4):
        faults.connected("MQTT 5")
        clock.pass_time(4)
        faults.failed(SourceError("the connection was lost"))
        faults.failed(SourceError("nobody listens there"))
    assert [line for line in logged(logging.WARNING) if "nobody listens" in line] == [
        "nobody listens there. It is tried again until it works"
    ]
