"""`import-telegraf`: what people really wrote for Telegraf becomes a configuration that is right.

The samples are from public repositories, shortened: the plugin's own README (influxdata/telegraf,
plugins/inputs/mqtt_consumer), and inputs for Tasmota, ESPHome and Zigbee2MQTT as found in use.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.cli import main
from daemon.config import Config, load_config
from daemon.errors import EX_CANTCREAT, EX_DATAERR, EX_NOINPUT
from daemon.mapping import compile_mapper

README = """
[[inputs.mqtt_consumer]]
  servers = ["tcp://127.0.0.1:1883"]
  topics = ["telegraf/host01/cpu", "telegraf/+/mem", "sensors/#"]
  qos = 2
  client_id = "telegraf"
  data_format = "influx"
"""
TOPIC_PARSING = """
[[inputs.mqtt_consumer]]
  servers  = ["ssl://mqtt.lan:8883"]
  topics   = ["can485/sensor/+/state"]
  username = "telegraf"
  password = "${MQTT_PASS}"
  tls_ca = "/etc/telegraf/ca.pem"
  data_format = "value"
  data_type   = "float"
  name_override = "heating"
  [[inputs.mqtt_consumer.topic_parsing]]
    topic = "can485/sensor/+/state"
    tags  = "device/_/reading/_"
"""
TASMOTA = """
[global_tags]
  site = "cabin"
[[outputs.influxdb]]
  urls = ["http://influxdb:8086"]
[[inputs.mqtt_consumer]]
  servers = ["tcp://mosquitto:1883"]
  topics = [ "tele/#" ]
  persistent_session = false
  connection_timeout = "30s"
  data_format = "json"
  json_time_key = "Time"
  json_time_format = "2006-01-02T15:04:05"
  json_timezone = "Europe/Berlin"
  tag_keys = ["SensorId"]
[[inputs.mqtt_consumer]]
  servers = ["tcp://mosquitto:1883"]
  topics = [ "stat/#" ]
  data_format = "value"
  data_type = "string"
"""
ZIGBEE = """
[[inputs.mqtt_consumer]]
  servers = [ "tcp://mosquitto:1883" ]
  topics = [ "zigbee2mqtt/+" ]
  qos = 1
  data_format = "json"
  fieldpass = ["battery", "temperature"]
[[inputs.mqtt_consumer]]
  servers = ["tcp://other:1883"]
  topics = ["meters/+/status"]
  data_format = "json_v2"
  [[inputs.mqtt_consumer.json_v2]]
    timestamp_path = "ts"
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "aenergy.total"
      rename = "total"
      type = "float"
    [[inputs.mqtt_consumer.json_v2.tag]]
      path = "source"
    [[inputs.mqtt_consumer.json_v2.object]]
      path = "values"
"""


def _converted(
    folder: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> tuple[Config, list[str]]:
    source, target = folder / "telegraf.conf", folder / "config.yaml"
    source.write_text(text, encoding="utf-8")
    assert main(["import-telegraf", str(source), "--to", str(target)]) == 0
    notes = capsys.readouterr().err.splitlines()
    config = load_config(target)
    compile_mapper(config)
    return config, notes


def test_the_readme_of_the_plugin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, notes = _converted(tmp_path, README, capsys)
    assert [str(rule.topic) for rule in config.sources] == [
        "telegraf/host01/cpu",
        "telegraf/+level2/mem",
        "sensors/#rest",
    ]
    assert {rule.qos for rule in config.sources} == {1}
    assert [note for note in notes if "client_id is left" in note]


def test_topic_parsing_gives_tags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MQTT_PASS", "s3cret")
    config, notes = _converted(tmp_path, TOPIC_PARSING, capsys)
    [rule] = config.sources
    assert str(rule.topic) == "can485/sensor/+reading/state"
    assert rule.measurement == "heating"
    assert dict(rule.tags) == {"device": "can485"}
    password = config.brokers["home"].password
    assert password is not None
    assert password.get_secret_value() == "s3cret"
    assert notes == []
    assert "s3cret" not in (tmp_path / "config.yaml").read_text()


def test_what_cannot_be_carried_over_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config, notes = _converted(tmp_path, TASMOTA, capsys)
    assert list(config.brokers) == ["home"]
    assert config.collector.tags == {"site": "cabin"}
    json_rule, text_rule = config.sources
    assert json_rule.time is not None
    assert json_rule.time.timezone == "Europe/Berlin"
    assert text_rule.fields is not None
    assert text_rule.fields["value"].type == "enum"
    assert notes == [
        "note: inputs.mqtt_consumer number 2: texts are no fields here; they are numbered as they "
        "are first seen",
        "note: outputs.influxdb is not carried over",
    ]


def test_every_topic_of_an_input_has_its_tags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TASMOTA.replace('[ "tele/#" ]', '["tele/#", "more/#"]')
    config, _ = _converted(tmp_path, text, capsys)
    assert [dict(rule.tags) for rule in config.sources] == [
        {"SensorId": "$.SensorId"},
        {"SensorId": "$.SensorId"},
        {},
    ]


def test_fields_by_name_and_by_path(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, notes = _converted(tmp_path, ZIGBEE, capsys)
    first, second = config.sources
    assert first.fields is not None
    assert list(first.fields) == ["battery", "temperature"]
    assert second.fields is not None
    assert str(second.fields["total"].path) == "$.aenergy.total"
    assert (first.broker, second.broker) == ("home", "home2")
    assert [note for note in notes if "`object` of json_v2" in note]


def test_a_configuration_is_never_written_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "telegraf.conf").write_text(README)
    target = tmp_path / "config.yaml"
    target.write_text("mine")
    arguments = [str(tmp_path / "telegraf.conf"), "--to", str(target)]
    assert main(["import-telegraf", *arguments]) == EX_CANTCREAT
    assert "cannot write" in capsys.readouterr().err
    assert target.read_text() == "mine"


@pytest.mark.parametrize(
    ("text", "says"),
    [("a = [", "is no TOML"), ("[agent]\n", "has no [[inputs.mqtt_consumer]]")],
)
def test_what_is_no_configuration_of_telegraf(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, says: str
) -> None:
    path = tmp_path / "telegraf.conf"
    path.write_text(text)
    assert main(["import-telegraf", str(path)]) == EX_DATAERR
    assert says in capsys.readouterr().err
    assert main(["import-telegraf", str(tmp_path / "none")]) == EX_NOINPUT
