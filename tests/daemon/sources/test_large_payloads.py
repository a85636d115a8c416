"""Large payloads leave the memory bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.config import Config
from daemon.sources import link_settings
from daemon.sources.settings import HEAD_BYTES
from daemon.writer import Inbox
from tests.daemon.sources.conftest import Sources, acknowledge_all, payloads, settings_for
from tests.daemon.waiting import wait_until
from tests.support.mosquitto import Mosquitto

SIZE_BYTES = 20_000


@pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1", "5"])
def test_reading_stops_with_the_message_that_fills_the_inbox(
    mosquitto: Mosquitto, sources: Sources, is_version_5: bool
) -> None:
    settings = settings_for(mosquitto, is_version_5=is_version_5)
    sources.connect(settings, Inbox()).close()
    for _ in range(19):
        mosquitto.publish("a/b", "x" * SIZE_BYTES)
    inbox = Inbox(max_bytes=2 * SIZE_BYTES)
    source = sources.start(settings, inbox)
    wait_until(lambda: not inbox.has_room(), "a full inbox")
    wait_until(lambda: mosquitto.log_text().count("Sending PUBLISH") >= 19, "all to be sent")
    assert inbox.counts().waiting_bytes < 4 * SIZE_BYTES
    assert len(acknowledge_all(source, inbox, 19)) == 19


def test_on_mqtt_5_the_broker_discards_what_is_too_large(
    mosquitto: Mosquitto, sources: Sources
) -> None:
    settings = replace(settings_for(mosquitto, is_version_5=True), max_packet_bytes=SIZE_BYTES)
    inbox = Inbox()
    source = sources.connect(settings, inbox)
    mosquitto.publish("a/b", "x" * SIZE_BYTES)
    mosquitto.publish("a/b", "small")
    assert payloads(acknowledge_all(source, inbox, 1)) == ["small"]


@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("is_version_5", [False, True], ids=["3.1.1", "5"])
def test_of_a_payload_that_no_rule_takes_only_the_head_is_kept(
    mosquitto: Mosquitto, sources: Sources, is_version_5: bool, qos: int
) -> None:
    settings = replace(
        settings_for(mosquitto, is_version_5=is_version_5), whole_packet_bytes=HEAD_BYTES
    )
    inbox = Inbox()
    source = sources.connect(settings, inbox)
    mosquitto.publish("a/b", "x" * 3 * HEAD_BYTES, qos=qos)
    mosquitto.publish("a/b", "small", qos=qos)
    large, small = acknowledge_all(source, inbox, 2)
    assert HEAD_BYTES - 20 < len(large.payload) < HEAD_BYTES
    assert len(large.payload) + large.cut_bytes == 3 * HEAD_BYTES
    assert (small.payload, small.cut_bytes) == (b"small", 0)


@pytest.mark.parametrize(
    ("max_payload", "least", "most"), [("1kB", 2**20, 16 * 2**20), ("30MB", 30_000_000, 40_000_000)]
)
def test_the_limit_leaves_room_for_what_a_rule_takes(
    max_payload: str, least: int, most: int
) -> None:
    rule = {"topic": "a/#", "measurement": "m", "max_payload": max_payload}
    config = {"brokers": {"home": {"url": "ws://h"}}, "sources": [rule]}
    settings = link_settings(Config.model_validate(config), "home")
    assert least <= settings.max_packet_bytes <= most
    assert settings.whole_packet_bytes <= settings.max_packet_bytes


@pytest.mark.parametrize("url", ["mqtt://h", "mqtts://h"])
def test_broker_discards_nothing_where_we_can_count_it(url: str) -> None:
    settings = link_settings(Config.model_validate({"brokers": {"home": {"url": url}}}), "home")
    assert settings.max_packet_bytes == 0
