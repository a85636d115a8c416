"""Availability topics: which device is gone, and that nothing of it is taken for a reading."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import load_config, parse_availability_topic
from daemon.errors import ConfigError
from daemon.mapping import subscriptions
from daemon.messages import Mapped, Outcome
from tests.daemon.mapping.mappers import HEAD, mapper, message


def said(folder: Path, availability: str, payload: str, topic: str = "z/x/lwt") -> Mapped:
    rule = f"{{topic: z/+device, measurement: m, availability: {availability}}}"
    return mapper(folder, f"sources: [{rule}]\n").map(message(payload, topic))


@pytest.mark.parametrize(
    ("options", "payload", "is_gone"),
    [
        pytest.param("", "offline", True, id="text"),
        pytest.param("", " Offline\n", True, id="case and blanks do not count"),
        pytest.param("", '{"state": "offline"}', True, id="zigbee2mqtt"),
        pytest.param("", '{"state":"online"}', False, id="zigbee2mqtt online"),
        pytest.param("online: Online, offline: Offline", "Online", False, id="tasmota"),
        pytest.param('online: "true", offline: "false"', "false", True, id="shelly"),
        pytest.param("online: true, offline: false", "false", True, id="a boolean for a word"),
        pytest.param("online: 1, offline: [0, 2]", "2", True, id="numbers"),
        pytest.param(
            "path: $.wifi.up, online: true, offline: false",
            '{"wifi":{"up":false}}',
            True,
            id="path",
        ),
        pytest.param(
            "value_template: '{{ value_json.s }}'", '{"s": "offline"}', True, id="template"
        ),
    ],
)
def test_words_say_whether_the_device_is_there(
    tmp_path: Path, options: str, payload: str, is_gone: bool
) -> None:
    mapped = said(tmp_path, f"{{topic: z/+device/lwt, {options}}}", payload)
    assert (mapped.outcome, mapped.kind, mapped.rule) == (
        Outcome.UNCHANGED,
        "availability",
        "sources[0]",
    )
    assert [(one.rule, dict(one.names)) for one in mapped.gone] == (
        [("sources[0]", {"device": "x"})] if is_gone else []
    )


@pytest.mark.parametrize(
    ("payload", "kind", "says"),
    [
        pytest.param("lost", "text", "'lost'; allowed: online, offline", id="another word"),
        pytest.param('{"status": "offline"}', "text", "found nothing", id="no state"),
        pytest.param("[1, 2]", "text", "allowed: online", id="a list"),
        pytest.param(
            "\udcff".encode("utf-8", "surrogatepass").decode("latin-1"), "text", "", id="nonsense"
        ),
        pytest.param("x" * 70_000, "too-large", "70000 bytes", id="too long"),
    ],
)
def test_anything_else_is_rejected_with_the_reason(
    tmp_path: Path, payload: str, kind: str, says: str
) -> None:
    mapped = said(tmp_path, "z/+device/lwt", payload)
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, kind)
    assert says in mapped.reason
    assert mapped.gone == ()


def test_an_empty_payload_deletes_a_retained_message(tmp_path: Path) -> None:
    assert said(tmp_path, "z/+device/lwt", "").outcome is Outcome.NO_VALUE


@pytest.mark.parametrize(
    ("pattern", "topic", "names"),
    [
        ("z/#device/availability", "z/kitchen/plug/availability", {"device": "kitchen/plug"}),
        ("z/#device/availability", "z/plug/availability", {"device": "plug"}),
        ("z/#device/availability", "z/availability", None),
        ("z/#device/availability", "z/plug/availability/x", None),
        ("z/#/up", "z/a/b/up", {}),
        ("+a/#b/+c/lwt", "1/2/3/4/lwt", {"a": "1", "b": "2/3", "c": "4"}),
        ("z/+d/lwt", "z/x/lwt", {"d": "x"}),
        ("z/+d/lwt", "z/x/y/lwt", None),
        ("z.z/lwt", "zxz/lwt", None),
    ],
)
def test_topics_have_names_anywhere(pattern: str, topic: str, names: dict[str, str] | None) -> None:
    assert parse_availability_topic(pattern).match(topic) == names


def test_a_device_with_slashes_in_its_name_is_no_reading_when_it_is_gone(tmp_path: Path) -> None:
    rules = mapper(
        tmp_path,
        "sources: [{topic: 'z/#device', measurement: m, availability: 'z/#device/availability'}]\n",
    )
    mapped = rules.map(message('{"state": "offline"}', "z/kitchen/plug/availability"))
    assert mapped.points == ()
    assert [dict(one.names) for one in mapped.gone] == [{"device": "kitchen/plug"}]
    reading = rules.map(message('{"t": 1}', "z/kitchen/plug"))
    assert [dict(one.names) for one in reading.origins if one] == [{"device": "kitchen/plug"}]


def test_another_rule_may_store_what_is_said(tmp_path: Path) -> None:
    rules = mapper(
        tmp_path,
        "sources:\n"
        "  - {topic: 'z/#device', measurement: m, availability: 'z/+device/lwt'}\n"
        "  - {topic: z/+device/lwt, measurement: up}\n",
    )
    mapped = rules.map(message("offline", "z/x/lwt"))
    assert mapped.outcome is Outcome.STORED
    assert [(point.measurement, point.fields) for point in mapped.points] == [("up", {"value": 0})]
    assert [one.rule for one in mapped.gone] == ["sources[0]"]


@pytest.mark.parametrize(
    ("payload", "outcome", "is_gone", "fields"),
    [
        pytest.param('{"t": 5, "ok": "online"}', Outcome.STORED, False, [{"t": 5.0}], id="counts"),
        pytest.param('{"t": 5, "ok": "offline"}', Outcome.UNCHANGED, True, [], id="does not count"),
        pytest.param('{"t": 5, "ok": "maybe"}', Outcome.STORED, False, [{"t": 5.0}], id="no word"),
        pytest.param('{"t": 5}', Outcome.STORED, False, [{"t": 5.0}], id="says nothing"),
        pytest.param('{"t": "x"}', Outcome.REJECTED, False, [], id="no reading either"),
    ],
)
def test_readings_may_say_themselves_whether_they_count(
    tmp_path: Path, payload: str, outcome: Outcome, is_gone: bool, fields: list[dict[str, float]]
) -> None:
    rule = (
        "{topic: z/+device, measurement: m, fields: {t: {}}, "
        "availability: {topic: z/+device, path: $.ok}}"
    )
    mapped = mapper(tmp_path, f"sources: [{rule}]\n").map(message(payload, "z/x"))
    assert (mapped.outcome, bool(mapped.gone)) == (outcome, is_gone)
    assert [point.fields for point in mapped.points] == fields


def test_several_topics_may_say_it(tmp_path: Path) -> None:
    availability = "[bridge/state, {topic: z/+device/lwt, offline: gone}]"
    bridge = said(tmp_path, availability, "offline", "bridge/state")
    assert [dict(one.names) for one in bridge.gone] == [{}]
    device = said(tmp_path, availability, "gone")
    assert [dict(one.names) for one in device.gone] == [{"device": "x"}]


def test_the_topics_are_subscribed_to(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(
        HEAD + "sources: [{topic: s/+d, measurement: m, retained: skip, "
        "availability: [s/+d/lwt, 'a/#d/up']}]\n",
        encoding="utf-8",
    )
    asked = {one.topic_filter for one in subscriptions(load_config(path), "home")}
    assert asked == {"s/+", "s/+/lwt", "a/#"}


@pytest.mark.parametrize(
    ("availability", "says"),
    [
        ("z/+divice/lwt", "did you mean +device?"),
        ("'z/#a/#b'", "# stands once"),
        ("'z/#device/+device'", "twice"),
        ("{topic: z/x, online: up, offline: UP}", "cannot mean both"),
        ("{topic: z/x, path: $.a, value_template: '{{ value }}'}", "exclude each other"),
        ("{topic: z/x, offline: []}", "an empty list"),
        ("z/a+b", "wildcard must be the whole level"),
        ("{topik: z/x}", "topic"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, availability: str, says: str) -> None:
    rule = f"{{topic: z/+device, measurement: m, availability: {availability}}}"
    with pytest.raises(ConfigError) as caught:
        mapper(tmp_path, f"sources: [{rule}]\n")
    assert says in str(caught.value)
