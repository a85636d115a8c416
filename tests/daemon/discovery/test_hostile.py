"""Announcements that nobody should have sent: each has a reason, and none costs the others."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.config import DiscoveryConfig
from daemon.discovery import Registry
from daemon.messages import Outcome
from tests.daemon.discovery.registries import discovering, points_of, send

GOOD: dict[str, Any] = {"state_topic": "a/b", "unit_of_measurement": "W", "unique_id": "u"}
TOPIC = "homeassistant/sensor/n/o/config"
DEVICE = "homeassistant/device/d/config"


def sensor(**change: Any) -> bytes:
    return json.dumps({**GOOD, **change}).encode()


def device(components: Any) -> bytes:
    return json.dumps({"dev": {"ids": "d"}, "o": {"name": "x"}, "cmps": components}).encode()


REFUSED = {
    "no-json": (TOPIC, b"<xml/>", "no JSON"),
    "truncated": (TOPIC, b'{"state_topic": "a/b"', "no JSON"),
    "list": (TOPIC, b"[1, 2]", "it is a list, an object is needed"),
    "text": (TOPIC, b'"x"', "it is text, an object is needed"),
    "null": (TOPIC, b"null", "it is missing, an object is needed"),
    "no-utf-8": (TOPIC, b'{"name": "\xff"}', "no UTF-8"),
    "deep": (TOPIC, b'{"a": ' * 40_000, "nested too deep"),
    "deep-list": (TOPIC, b'{"device": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", "too deep"),
    "megabyte": (TOPIC, b'{"state_topic": "' + b"x" * 1_000_000 + b'"}', "1000019 bytes"),
    "huge-number": (TOPIC, b'{"expire_after": ' + b"9" * 5_000 + b"}", "thousands of digits"),
    "no-topic": (TOPIC, b"{}", "no topic with a state"),
    "no-state-topic": (TOPIC, b'{"unit_of_measurement": "W"}', "no topic with a state"),
    "topic-is-object": (TOPIC, sensor(state_topic={"a": 1}), "`state_topic` is an object"),
    "topic-is-list": (TOPIC, sensor(state_topic=["a"]), "`state_topic` is a list"),
    "topic-is-empty": (TOPIC, sensor(state_topic=""), "is no device's"),
    "topic-is-long": (TOPIC, sensor(state_topic="x" * 2_000), "too long"),
    "topic-is-very-long": (TOPIC, sensor(state_topic="x" * 20_000), "20000 characters"),
    "topic-is-everything": (TOPIC, sensor(state_topic="#"), "the wildcard #"),
    "topic-is-all-below": (TOPIC, sensor(state_topic="zigbee2mqtt/#"), "the wildcard #"),
    "topic-of-any-device": (TOPIC, sensor(state_topic="zigbee2mqtt/+"), "where no wildcard may"),
    "topic-of-anything": (TOPIC, sensor(state_topic="+/+/+"), "is no device's"),
    "topic-of-the-broker": (TOPIC, sensor(state_topic="$SYS/broker/uptime"), "is no device's"),
    "topic-shared": (TOPIC, sensor(state_topic="$share/g/a/b"), "is no device's"),
    "topic-with-a-name": (TOPIC, sensor(state_topic="a/+room/b"), "where no wildcard may stand"),
    "topic-with-braces": (TOPIC, sensor(state_topic="a/{room}"), "has braces"),
    "topic-of-two-lines": (TOPIC, sensor(state_topic="a/b\nc"), "no single line"),
    "topic-with-nul": (TOPIC, sensor(state_topic="a/\u0000"), "no single line"),
    "topic-with-a-half": (TOPIC, b'{"state_topic": "a/\\ud800"}', "no single line"),
    "base-is-object": (TOPIC, sensor(**{"~": {}, "state_topic": "~/x"}), "`~` is an object"),
    "base-is-everything": (TOPIC, sensor(**{"~": "#", "state_topic": "~"}), "the wildcard #"),
    "template-is-list": (TOPIC, sensor(value_template=["{{ value }}"]), "is a list"),
    "template-is-broken": (TOPIC, sensor(value_template="{{ value"), "more than the simple"),
    "template-is-long": (TOPIC, sensor(value_template="{{ value }}" * 1000), "11000 characters"),
    "template-deep": (TOPIC, sensor(value_template="{{ " + "(" * 900 + "1 }}"), "deeper nesting"),
    "template-calls": (TOPIC, sensor(value_template="{{ states('x') }}"), "more than the simple"),
    "template-escapes": (
        TOPIC,
        sensor(value_template="{{ ''.__class__.__mro__[1].__subclasses__() }}"),
        "more than the simple",
    ),
    "template-loops": (
        TOPIC,
        sensor(value_template="{% for i in range(10**9) %}x{% endfor %}"),
        "{% for %}",
    ),
    "both-states-the-same": (
        "homeassistant/binary_sensor/o/config",
        sensor(payload_on="x", payload_off="X"),
        "both of its states",
    ),
    "availability-is-text": (TOPIC, sensor(availability="a/b"), "`availability` has text in it"),
    "availability-without-topic": (TOPIC, sensor(availability=[{}]), "without `topic`"),
    "availability-of-many": (TOPIC, sensor(availability=[{"topic": "a"}] * 99), "99 topics"),
    "unknown-component": ("homeassistant/toaster/o/config", sensor(), "'toaster' is not known"),
    "device-without-components": (DEVICE, b'{"dev": {"ids": "d"}}', "`components` is missing"),
    "components-are-a-list": (DEVICE, device([1]), "`components` is a list"),
    "component-is-text": (DEVICE, device({"a": "sensor"}), "the component 'a' is text"),
    "component-without-platform": (DEVICE, device({"a": {"state_topic": "a"}}), "`platform`"),
    "too-many-components": (
        DEVICE,
        device({str(number): {"p": "sensor"} for number in range(600)}),
        "600 components, allowed are 500",
    ),
}


@pytest.mark.parametrize(("topic", "payload", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_hostile_announcement_is_rejected_with_its_reason(
    tmp_path: Path, topic: str, payload: bytes, reason: str
) -> None:
    mapper = discovering(tmp_path)
    mapped = send(mapper, topic, payload)
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "announcement")
    assert reason in mapped.reason
    assert len(mapped.reason) < 1000
    assert send(mapper, "a/b", "1").outcome is Outcome.NO_RULE
    # Another device is as welcome as before.
    assert send(mapper, "homeassistant/sensor/other/config", sensor()).outcome is Outcome.NO_VALUE
    assert len(send(mapper, "a/b", "1").points) == 1


TAKEN = {
    "wrong-types-beside": sensor(icon=[1], device=[1], qos={}, json_attributes_template=None),
    "device-of-wrong-types": sensor(device={"identifiers": {"a": 1}, "name": ["x"]}),
    "duplicate-keys": b'{"state_topic": "x/y", "state_topic": "a/b"}',
    "nan": b'{"state_topic": "a/b", "suggested_display_precision": NaN}',
    "bad-expiry": sensor(expire_after="soon"),
    "endless-expiry": sensor(expire_after=1e300),
    "no-device-class": sensor(device_class="../../etc/passwd"),
}


@pytest.mark.parametrize("payload", TAKEN.values(), ids=TAKEN.keys())
def test_what_is_wrong_beside_a_reading_does_not_cost_it(tmp_path: Path, payload: bytes) -> None:
    mapper = discovering(tmp_path)
    assert send(mapper, TOPIC, payload).outcome is Outcome.NO_VALUE
    assert len(send(mapper, "a/b", "1").points) == 1


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        pytest.param("{$.password}", "($.password)", id="path-in-braces"),
        pytest.param("{topic}", "(topic)", id="name-in-braces"),
        pytest.param("$.password", ".password", id="path"),
        pytest.param("@.x", ".x", id="relative-path"),
        pytest.param("{{ 7 * 7 }}", "(( 7 * 7 ))", id="template"),
        pytest.param("{% for x in y %}", "(% for x in y %)", id="block"),
        pytest.param("two\nlines\x00", "two lines", id="control-characters"),
        pytest.param("_none", "none", id="word-for-none"),
        pytest.param("=1+1", "=1+1", id="formula"),
        pytest.param("x" * 5_00, "x" * 128, id="long"),
        pytest.param("  ", "n", id="blank"),
    ],
)
def test_name_of_a_device_is_only_text(tmp_path: Path, name: str, tag: str) -> None:
    mapper = discovering(tmp_path)
    send(mapper, TOPIC, sensor(device={"name": name}, value_template="{{ value_json.v }}"))
    [point] = points_of(send(mapper, "a/b", '{"v": 1, "password": "secret"}'))
    assert point["tags"]["device"] == tag


@pytest.mark.parametrize("object_id", ["{x}", "$.v", "{{ value }}", "a b", "ä", "_none"])
def test_object_id_is_only_text(tmp_path: Path, object_id: str) -> None:
    mapper = discovering(tmp_path)
    send(mapper, f"homeassistant/sensor/{object_id}/config", sensor())
    [point] = points_of(send(mapper, "a/b", "1"))
    assert set(point["tags"]["entity"]).isdisjoint("{}$")


def test_entities_have_a_bound_of_number(tmp_path: Path) -> None:
    mapper = discovering(tmp_path, "{max_entities: 3}")
    outcomes = [
        send(mapper, f"homeassistant/sensor/o{number}/config", sensor(unique_id=str(number)))
        for number in range(5)
    ]
    assert [mapped.outcome for mapped in outcomes] == ["no-value"] * 3 + ["rejected"] * 2
    assert "3 entities are announced already, discovery.max_entities is 3" in outcomes[-1].reason
    # One that is there may still change, and one that goes makes room.
    assert send(mapper, "homeassistant/sensor/o0/config", sensor(unique_id="0", name="x"))
    send(mapper, "homeassistant/sensor/o0/config", b"")
    again = send(mapper, "homeassistant/sensor/o4/config", sensor(unique_id="4"))
    assert again.outcome is Outcome.NO_VALUE


def test_announcements_have_a_bound_of_size() -> None:
    registry = Registry(DiscoveryConfig(max_entities=20_000))
    reasons = [
        registry.take(f"homeassistant/sensor/{number}/config", sensor(icon="x" * 250_000)).reason
        for number in range(70)
    ]
    assert "all announcements together" in reasons[-1]
    assert sum("announced" in reason for reason in reasons) > 50


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["state_topic", "stat_t", "value_template", "val_tpl", "device", "dev", "availability", "avty",
     "~", "cmps", "components", "p", "platform", "unit_of_meas", "dev_cla", "exp_aft", "pl_on",
     "name", "uniq_id", "en", "ent_cat", "json_attr_t", "schema", "stat_cla", "options"]
)  # fmt: skip
COMPONENTS = st.sampled_from(
    ["sensor", "binary_sensor", "light", "climate", "cover", "device_tracker", "device", "event",
     "valve", "vacuum", "select", "no such"]
)  # fmt: skip


@given(st.lists(st.tuples(COMPONENTS, st.dictionaries(KEYS, VALUES)), max_size=4))
@settings(max_examples=200, deadline=None)
def test_any_object_is_taken_or_refused_with_a_reason(
    announced: list[tuple[str, dict[str, Any]]],
) -> None:
    registry = Registry(DiscoveryConfig())
    for number, (component, tree) in enumerate(announced):
        topic = f"homeassistant/{component}/o{number}/config"
        taken = registry.take(topic, json.dumps(tree).encode())
        assert taken.reason
        assert registry.take(topic, json.dumps(tree).encode()).changes == ()
    other = Registry(DiscoveryConfig())
    other.recall(json.loads(json.dumps(registry.remembered())))
    assert {rule.rule.topic for rule in other.rules()} == {
        rule.rule.topic for rule in registry.rules()
    }


@pytest.mark.parametrize(
    "tree",
    [
        None,
        [],
        {"announcements": [1]},
        {"devices": {"a": {}}},
        {"announcements": {"x": 1, TOPIC: {"a": [[]]}, "": None}},
    ],
)
def test_remembered_things_of_another_shape_are_passed_over(tree: Any) -> None:
    registry = Registry(DiscoveryConfig())
    registry.recall(tree)
    assert registry.rules() == ()
