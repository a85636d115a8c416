"""What a configuration says when little is said, and what is worked out from it."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from daemon.config import (
    BrokerConfig,
    data_folder,
    load_config,
    local_zone,
)
from daemon.polls.command import CommandOptions
from daemon.polls.system import SystemOptions
from tests.daemon.config.configs import load, write

SOURCE = "brokers: {home: {url: mqtt://x}}\nsources:\n  - topic: a/+room\n    measurement: m\n"


def test_sections_may_be_empty(tmp_path: Path) -> None:
    config = load(tmp_path, "collector:\nbrokers:\nsources:\npolls:\nstorage:\nretention:\n")
    assert (config.sources, config.polls, config.brokers) == ((), (), {})


def test_values_meant_as_text_keep_their_writing(tmp_path: Path) -> None:
    config = load(
        tmp_path, "collector: {tags: {flat: 012, version: 1.10, rented: true, on: off}}\n"
    )
    assert config.collector.tags == {
        "flat": "012", "version": "1.10", "rented": "true", "on": "off",
    }  # fmt: skip


def test_enum_words_may_look_like_numbers_and_booleans(tmp_path: Path) -> None:
    config = load(tmp_path, SOURCE + "    fields: {s: {enum: {on: 1, off: 0, true: 2, 01: 3}}}\n")
    fields = config.sources[0].fields
    assert fields is not None
    assert fields["s"].enum == {"on": 1.0, "off": 0.0, "true": 2.0, "01": 3.0}


def test_field_may_be_a_path_alone_or_nothing(tmp_path: Path) -> None:
    config = load(tmp_path, SOURCE + "    fields:\n      a: $.x.y\n      b:\n")
    fields = config.sources[0].fields
    assert fields is not None
    assert (fields["a"].path, fields["b"].path) == ("$.x.y", None)


def test_poll_is_called_by_its_kind_and_measures_by_its_name(tmp_path: Path) -> None:
    config = load(tmp_path, "polls:\n  - system:\n  - command: {name: rain, run: [rain]}\n")
    assert [(poll.name, poll.kind, poll.measurement) for poll in config.polls] == [
        ("system", "system", "system"),
        ("rain", "command", "rain"),
    ]


def test_poll_kinds_have_their_own_options(tmp_path: Path) -> None:
    text = "polls:\n  - system: {collect: [cpu]}\n  - command: {run: [a, b], parse: json}\n"
    first, second = load(tmp_path, text).polls
    assert isinstance(first, SystemOptions)
    assert first.collect == ("cpu",)
    assert isinstance(second, CommandOptions)
    assert (second.run, second.parse.kind) == (("a", "b"), "json")


@pytest.mark.parametrize(
    ("options", "interval_s"),
    [
        pytest.param("{}", 60.0, id="default"),
        pytest.param("{every: 5m}", 300.0, id="every"),
        pytest.param("{cron: '0 * * * *'}", None, id="cron"),
    ],
)
def test_poll_has_an_interval_or_a_cron(
    tmp_path: Path, options: str, interval_s: float | None
) -> None:
    assert load(tmp_path, f"polls: [{{system: {options}}}]\n").polls[0].interval_s == interval_s


@pytest.mark.parametrize(
    ("url", "scheme", "address"),
    [
        pytest.param("mqtt://mqtt.lan", "mqtt", ("mqtt.lan", 1883), id="default-port"),
        pytest.param("mqtts://mqtt.lan", "mqtts", ("mqtt.lan", 8883), id="default-tls-port"),
        pytest.param("mqtt://10.0.0.1:1884", "mqtt", ("10.0.0.1", 1884), id="port"),
        pytest.param("mqtt://[::1]:1884", "mqtt", ("::1", 1884), id="ipv6"),
        pytest.param("embedded", "embedded", ("127.0.0.1", 0), id="embedded"),
    ],
)
def test_url_is_taken_apart(url: str, scheme: str, address: tuple[str, int]) -> None:
    broker = BrokerConfig.model_validate({"url": url})
    assert (broker.scheme, broker.address) == (scheme, address)


def test_embedded_broker_listens_where_it_is_told() -> None:
    broker = BrokerConfig.model_validate({"url": "embedded", "listen": "0.0.0.0:1883"})
    assert broker.address == ("0.0.0.0", 1883)


@pytest.mark.parametrize(
    ("options", "window"),
    [
        pytest.param({}, 20, id="3.1.1-as-mosquitto-has-it"),
        pytest.param({"protocol": "5"}, 200, id="5-asks-for-more"),
        pytest.param({"inflight": 7}, 7, id="as-told"),
    ],
)
def test_inflight_window(options: dict[str, object], window: int) -> None:
    assert BrokerConfig.model_validate({"url": "mqtt://x", **options}).inflight_window == window


def test_client_id_is_the_same_each_time_and_another_for_another_file(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    text = "collector: {name: my cabin}\nbrokers: {a: {url: mqtt://x}, b: {url: mqtt://x}}\n"
    first, second = load(tmp_path, text), load(tmp_path, text)
    other = load(tmp_path / "other", text)
    assert first.client_id("a") == second.client_id("a")
    ids = {first.client_id("a"), first.client_id("b"), other.client_id("a")}
    assert len(ids) == 3
    assert all(name.startswith("tinyflux-my-cabin-") for name in ids)


def test_configured_client_id_is_taken(tmp_path: Path) -> None:
    config = load(tmp_path, "brokers: {a: {url: mqtt://x, client_id: me}}\n")
    assert config.client_id("a") == "me"


def test_data_starts_at_the_folder_of_the_file(tmp_path: Path) -> None:
    config = load(tmp_path, "storage: {path: data/x.csv, rejects: {path: bad.jsonl}}\n")
    assert config.storage.path == tmp_path / "data/x.csv"
    assert config.storage.rejects_path == tmp_path / "data/bad.jsonl"


def test_data_has_a_default_place(tmp_path: Path) -> None:
    assert load(tmp_path, "storage: {}\n").storage.path == tmp_path / "data.csv"
    assert load(tmp_path, "collector: {}\n").storage.path == tmp_path / "data.csv"


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        pytest.param("/home/pi/config.yaml", "/home/pi", id="beside-the-configuration"),
        pytest.param(
            "/etc/tinyflux-collector/config.yaml", "/var/lib/tinyflux-collector", id="etc"
        ),
        pytest.param("/etcetera/config.yaml", "/etcetera", id="only-looks-like-etc"),
    ],
)
def test_data_of_a_system_configuration_is_elsewhere(path: str, folder: str) -> None:
    assert data_folder(Path(path)) == Path(folder)


def test_home_folder_is_understood(tmp_path: Path) -> None:
    assert load(tmp_path, "storage: {path: ~/x.csv}\n").storage.path == Path.home() / "x.csv"


def test_relative_configuration_path_is_made_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "collector: {}\n")
    monkeypatch.chdir(tmp_path)
    config = load_config(Path("config.yaml"))
    assert config.origin == tmp_path / "config.yaml"
    assert config.storage.path == tmp_path / "data.csv"


@pytest.mark.parametrize(
    ("variable", "zone"),
    [
        pytest.param("Europe/Oslo", ZoneInfo("Europe/Oslo"), id="named"),
        pytest.param(":Asia/Tokyo", ZoneInfo("Asia/Tokyo"), id="with-colon"),
    ],
)
def test_local_zone_follows_the_environment(
    monkeypatch: pytest.MonkeyPatch, variable: str, zone: ZoneInfo
) -> None:
    monkeypatch.setenv("TZ", variable)
    assert local_zone() == zone


def test_configured_zone_is_used(tmp_path: Path) -> None:
    config = load(tmp_path, "collector: {timezone: UTC}\n")
    assert config.collector.zone.utcoffset(None) == UTC.utcoffset(None)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(SOURCE + "    qos: 2\n", "sources[0].qos: 2 is taken as 1", id="qos-2"),
        pytest.param(
            SOURCE + "  - {topic: a/b, measurement: m}\n",
            "sources[1] (a/b) never gets a message: sources[0] (a/+room) takes all",
            id="unreached-rule",
        ),
        pytest.param("storage: {}\n", "nothing is collected", id="nothing-to-do"),
        pytest.param(
            "brokers: {a: {url: mqtt://x}}\npolls: [{system: {}}]\n",
            "brokers.a is not connected to",
            id="idle-broker",
        ),
    ],
)
def test_what_may_not_be_meant_is_accepted_with_a_notice(
    tmp_path: Path, text: str, words: str
) -> None:
    [notice] = load(tmp_path, text).notices
    assert words in notice


@pytest.mark.parametrize(
    "rules",
    [
        pytest.param("    also: true\n  - {topic: a/b, measurement: m}\n", id="also"),
        pytest.param("  - {topic: a/b/c, measurement: m}\n", id="other-topics"),
    ],
)
def test_rule_that_is_reached_gives_no_notice(tmp_path: Path, rules: str) -> None:
    assert load(tmp_path, SOURCE + rules).notices == ()


def test_rule_without_a_broker_belongs_to_the_only_one(tmp_path: Path) -> None:
    config = load(tmp_path, SOURCE)
    assert config.broker_of(config.sources[0]) == "home"
