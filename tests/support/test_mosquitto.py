"""The broker that other tests lean on does what they assume of it."""

from __future__ import annotations

import subprocess

import pytest

from tests.support.mosquitto import Mosquitto, StartMosquitto


def _receive(broker: Mosquitto, *options: str) -> list[str]:
    """What a client with a persistent session gets within two seconds, as lines."""
    client = subprocess.run(
        [
            *("mosquitto_sub", "-h", "127.0.0.1", "-p", str(broker.port)),
            *("-u", broker.username, "-P", broker.password),
            *("-i", "reader", "-c", "-q", "1", "-t", "a/#", "-W", "2", *options),
        ],
        capture_output=True,
        text=True,
        timeout=30,
    )
    return client.stdout.splitlines()


def test_queued_messages_survive_a_kill_on_the_same_port(mosquitto: Mosquitto) -> None:
    _receive(mosquitto, "-E")
    mosquitto.publish_lines("a/b", ["one", "two"])
    mosquitto.kill()
    mosquitto.start()
    assert _receive(mosquitto, "-C", "2") == ["one", "two"]


def test_a_retained_message_survives_a_restart(mosquitto: Mosquitto) -> None:
    mosquitto.publish("a/retained", b"21.5", retain=True)
    mosquitto.restart()
    assert _receive(mosquitto, "-C", "1", "-F", "%r %p") == ["1 21.5"]


def test_an_empty_payload_can_be_published(mosquitto: Mosquitto) -> None:
    _receive(mosquitto, "-E")
    mosquitto.publish("a/b", "")
    assert _receive(mosquitto, "-C", "1", "-F", "[%p]") == ["[]"]


def test_a_client_without_the_password_is_refused(mosquitto: Mosquitto) -> None:
    refused = subprocess.run(
        ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(mosquitto.port), "-t", "a", "-m", "x"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert refused.returncode != 0
    assert "not authorised" in refused.stderr


def test_a_given_line_replaces_the_default_of_its_name(start_mosquitto: StartMosquitto) -> None:
    broker = start_mosquitto(users={}, lines=["max_queued_messages 1", "allow_anonymous true"])
    written = (broker.directory / "mosquitto.conf").read_text(encoding="utf-8").splitlines()
    chosen = [line for line in written if line.startswith(("max_queued", "allow_anonymous"))]
    assert chosen == ["max_queued_messages 1", "allow_anonymous true"]


def test_a_broken_configuration_is_reported_with_the_brokers_log(
    start_mosquitto: StartMosquitto,
) -> None:
    with pytest.raises(RuntimeError, match="no_such_option"):
        start_mosquitto(lines=["no_such_option 1"])


def test_a_stopped_broker_can_be_stopped_again(mosquitto: Mosquitto) -> None:
    mosquitto.stop()
    mosquitto.stop()
    with pytest.raises(RuntimeError, match="not running"):
        _ = mosquitto.pid
