"""What a configuration may not say: each slip is refused with line, key, what was found and what
is allowed."""

# ruff: noqa: E501 - a table reads best with one slip a line

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.daemon.config.configs import only_problem, problems

BROKER = "brokers: {home: {url: mqtt://mqtt.lan}}\n"
SOURCE = BROKER + "sources:\n  - topic: a/+room/+device\n    measurement: m\n"


def row(name: str, text: str, line: int, key: str, found: str, allowed: str) -> object:
    return pytest.param(text, line, key, found, allowed, id=name)


@pytest.mark.parametrize(
    ("text", "line", "key_path", "found", "allowed"),
    [
        row("typo-in-section", "loging: {}\n", 1, "loging", "unknown key 'loging'", "mean `logging`"),
        row("unknown-key", "storage:\n  sink: x\n", 2, "storage.sink", "'sink'", "allowed here: comm"),
        row("top-level-list", "- a\n", 1, "(top level)", "a list", "a mapping"),
        row("top-level-text", "hello\n", 1, "(top level)", "'hello'", "a mapping"),
        row("section-is-text", "storage: x\n", 1, "storage", "'x'", "a mapping"),
        row("list-is-mapping", BROKER + "sources: {topic: a}\n", 2, "sources", "a mapping", "a list"),
        row("word-for-boolean", "storage: {compact_keys: on}\n", 1, "storage.compact_keys", "'on'",
            "only true and false are booleans"),
        row("number-for-text", "collector: {name: 7}\n", 1, "collector.name", "number 7", "in quotes"),
        row("text-for-number", "storage: {commit: {points: '5'}}\n", 1, "storage.commit.points",
            "'5'", "a whole number, without quotes"),
        row("fraction-for-whole", "storage: {commit: {points: 1.5}}\n", 1, "storage.commit.points",
            "number 1.5", "a whole number"),
        row("nan", SOURCE + "    fields: {t: {scale: .nan}}\n", 5, "sources[0].fields.t.scale",
            "number", "a finite number"),
        row("bare-duration", "storage: {commit: {interval: 5}}\n", 1, "storage.commit.interval",
            "number 5", "needs a unit, such as 5s"),
        row("duration-too-short", "polls: [{system: {every: 1ms}}]\n", 1, "polls[0].system.every",
            "'1ms'", "at least 0.1s"),
        row("bare-size", "storage: {rejects: {max_size: 10}}\n", 1, "storage.rejects.max_size",
            "number 10", "such as 10MB"),
        row("size-too-small", "storage: {rejects: {max_size: 1B}}\n", 1, "storage.rejects.max_size",
            "'1B'", "at least 10000B"),
        row("data-file-no-csv", "storage: {path: data.db}\n", 1, "storage.path", "'data.db'", ".csv"),
        row("time-zone", "collector: {timezone: Europe/Olso}\n", 1, "collector.timezone",
            "'Europe/Olso'", "Europe/Oslo or UTC"),
        row("level", "logging: {level: warn}\n", 1, "logging.level", "'warn'", "mean `warning`"),
        row("log-part", "logging: {levels: {mqqt: info}}\n", 1, "logging.levels.mqqt", "", "mean `mqtt`"),
        row("null-topic", BROKER + "sources:\n  - topic: #x\n    measurement: m\n", 3,
            "sources[0].topic", "nothing", "# begins a comment.*in quotes"),
        row("flow-mapping", BROKER + "sources:\n  - topic: a\n    measurement: {room}\n", 4,
            "sources[0].measurement", "a mapping", 'write "{room}"'),
        row("topic-missing", BROKER + "sources:\n  - measurement: m\n", 3, "sources[0].topic",
            "nothing", "`topic` is required"),
        row("hash-not-last", BROKER + "sources:\n  - {topic: a/#/b, measurement: m}\n", 3,
            "sources[0].topic", "'a/#/b'", "must be the last level"),
        row("plus-inside-level", BROKER + "sources:\n  - {topic: a/b+, measurement: m}\n", 3,
            "sources[0].topic", "'a/b\\+'", "must be the whole level"),
        row("braces-in-topic", BROKER + "sources:\n  - {topic: 'a/{room}', measurement: m}\n", 3,
            "sources[0].topic", "", "written \\+name"),
        row("wildcard-twice", BROKER + "sources:\n  - {topic: +a/+a, measurement: m}\n", 3,
            "sources[0].topic", "", "stands twice"),
        row("shared-subscription", BROKER + "sources:\n  - {topic: $share/g/a, measurement: m}\n", 3,
            "sources[0].topic", "", "shared subscriptions"),
        row("template-name", SOURCE + "    tags: {x: '{rom}'}\n", 5, "sources[0].tags.x", "{rom}",
            "mean {room}"),
        row("template-brace", SOURCE + "    tags: {x: 'a{b'}\n", 5, "sources[0].tags.x", "", "alone"),
        row("template-in-a-value", SOURCE + "    fields: {t: {value: '{{ value }}'}}\n", 5,
            "sources[0].fields.t.value", "", "`value_template` of a field"),
        row("template-that-loops", SOURCE + "    tags: {x: '{% for x in value %}{% endfor %}'}\n", 5,
            "sources[0].tags.x", "", "may not have for"),
        row("template-that-calls", SOURCE + "    fields: {t: {value_template: '{{ states(1) }}'}}\n", 5,
            "sources[0].fields.t.value_template", "", "may not call 'states'"),
        row("path-without-dollar", SOURCE + "    fields: {t: a.b}\n", 5, "sources[0].fields.t.path",
            "'a.b'", "mean `\\$.a.b`"),
        row("path-half", SOURCE + "    fields: {t: '$.a['}\n", 5, "sources[0].fields.t.path", "",
            "makes no sense from '\\['"),
        row("path-wildcard", SOURCE + "    fields: {t: '$.a[*'}\n", 5, "sources[0].fields.t.path",
            "", "makes no sense.*RFC 9535"),
        row("path-filter", SOURCE + "    each: '$.a[?(@.x ='\n", 5, "sources[0].each", "",
            "makes no sense"),
        row("key-without-each", SOURCE + "    tags: {x: '{key}'}\n", 5, "sources[0].tags.x",
            "{key} without `each`", "`each` says"),
        row("field-name", SOURCE + "    fields: {'{rom}': {}}\n", 5, "sources[0].fields.{rom}",
            "{rom}", "mean {room}"),
        row("value-name", SOURCE + "    fields: {t: {value: '{rom}'}}\n", 5,
            "sources[0].fields.t.value", "{rom}", "mean {room}"),
        row("value-is-path", SOURCE + "    fields: {t: {value: $.t}}\n", 5,
            "sources[0].fields.t.value", "", "write it as `path: \\$.t`"),
        row("value-and-path", SOURCE + "    fields: {t: {value: 1, path: $.t}}\n", 5,
            "sources[0].fields.t", "", "exclude each other"),
        row("expression-of-python", SOURCE + "    fields: {t: {expression: 'open(1)'}}\n", 5,
            "sources[0].fields.t.expression", "", "no function is called 'open'"),
        row("expression-of-no-field", SOURCE + "    fields: {t: {expression: powr + 1}, power: {}}\n",
            5, "sources[0].fields", "", "needs 'powr'.*mean `power`"),
        row("expressions-in-a-circle", SOURCE + "    fields: {a: {expression: b}, b: {expression: a}}\n",
            5, "sources[0].fields", "", "'a', 'b' need each other"),
        row("expression-beside-path", SOURCE + "    fields: {t: {expression: '1', path: $.t}}\n", 5,
            "sources[0].fields.t", "", "does not use `value`"),
        row("counter-of-words", SOURCE + "    fields: {t: {kind: counter, type: bool}}\n", 5,
            "sources[0].fields.t", "", "a counter is a number"),
        row("rest-without-fields", SOURCE + "    rest: store\n", 5, "sources[0].rest", "",
            "stores every number already"),
        row("bytes-alone", SOURCE + "    payload: bytes\n", 5, "sources[0].payload", "'bytes'",
            "say how the bytes are laid out"),
        row("bytes-without-order", SOURCE + "    payload: {bytes: {format: hh, names: [a, b]}}\n", 5,
            "sources[0].payload.bytes", "", "begins with the byte order"),
        row("bytes-names", SOURCE + "    payload: {bytes: {format: '<hh', names: [a]}}\n", 5,
            "sources[0].payload.bytes", "", "has 2 values, `names` has 1"),
        row("bytes-huge", SOURCE + "    payload: {bytes: {format: '<99999999x', names: [a]}}\n", 5,
            "sources[0].payload.bytes", "", "allowed are 1 to 65536"),
        row("csv-delimiter", SOURCE + "    payload: {csv: {delimiter: '--'}}\n", 5,
            "sources[0].payload.csv.delimiter", "'--'", "one character"),
        row("csv-comma-twice", SOURCE + "    payload: {csv: {decimal_comma: true}}\n", 5,
            "sources[0].payload.csv", "", "another `delimiter`"),
        row("payload-option", SOURCE + "    payload: {csv: {colums: [a]}}\n", 5,
            "sources[0].payload.csv.colums", "'colums'", "mean `columns`"),
        row("payload-two-kinds", SOURCE + "    payload: {csv: {}, key_value: {}}\n", 5,
            "sources[0].payload", "", "one kind"),
        row("unknown-unit", SOURCE + "    fields: {t: {unit: celsus, store_as: °F}}\n", 5,
            "sources[0].fields.t.unit", "'celsus'", "mean celsius"),
        row("unit-of-two-cases", SOURCE + "    fields: {t: {unit: mw, store_as: W}}\n", 5,
            "sources[0].fields.t.unit", "'mw'", "MW or mW"),
        row("units-of-two-kinds", SOURCE + "    fields: {t: {unit: °C, store_as: hPa}}\n", 5,
            "sources[0].fields.t", "", "measures temperature, hPa measures pressure"),
        row("unit-alone", SOURCE + "    fields: {t: {unit: °C}}\n", 5, "sources[0].fields.t", "",
            "belong together"),
        row("min-above-max", SOURCE + "    fields: {t: {min: 2, max: 1}}\n", 5,
            "sources[0].fields.t", "", "`min` is at most `max`"),
        row("clamp-without-limits", SOURCE + "    fields: {t: {on_range: clamp}}\n", 5,
            "sources[0].fields.t", "", "needs `min` or `max`"),
        row("numbered-texts-scaled", SOURCE + "    fields: {t: {type: enum, scale: 2}}\n", 5,
            "sources[0].fields.t", "", "have no scale"),
        row("enum-words-twice", SOURCE + "    fields: {t: {enum: {on: 1, ON: 0}}}\n", 5,
            "sources[0].fields.t.enum", "", "the same"),
        row("default-and-optional", SOURCE + "    fields: {t: {default: 0, optional: true}}\n", 5,
            "sources[0].fields.t", "", "exclude each other"),
        row("no-fields", SOURCE + "    fields: {}\n", 5, "sources[0].fields", "an empty mapping",
            "at least 1"),
        row("exclude-beside-fields", SOURCE + "    fields: {t: {}}\n    exclude: [a]\n", 6,
            "sources[0].exclude", "", "remove one"),
        row("path-into-scalar", SOURCE + "    payload: scalar\n    fields: {t: $.t}\n", 6,
            "sources[0].fields.t", "a path beside", "use `payload: json`"),
        row("path-into-printed-number", "polls: [{command: {run: [a], parse: scalar, fields: {t: $.t}}}]\n",
            1, "polls[0].command.fields.t", "a path beside", "use `parse: json`"),
        row("payload-kind", SOURCE + "    payload: xml\n", 5, "sources[0].payload", "'xml'",
            "allowed: auto, scalar, json"),
        row("time-format", SOURCE + "    time: {path: $.t, format: iso8601}\n", 5,
            "sources[0].time.format", "'iso8601'", "mean `iso`"),
        row("time-pattern", SOURCE + "    time: {path: $.t, format: '%Q'}\n", 5,
            "sources[0].time.format", "'%Q'", "cannot be used"),
        row("qos", SOURCE + "    qos: 3\n", 5, "sources[0].qos", "number 3", "allowed: 0, 1, 2"),
        row("unknown-broker", SOURCE + "    broker: hom\n", 5, "sources[0].broker", "'hom'",
            "mean `home`"),
        row("which-broker", "brokers: {a: {url: embedded}, b: {url: embedded}}\nsources:\n"
            "  - {topic: a, measurement: m}\n", 3, "sources[0].broker", "no broker",
            "brokers: a, b"),
        row("no-broker-at-all", "sources:\n  - {topic: a, measurement: m}\n", 2,
            "sources[0].broker", "no broker", "none is configured"),
        row("url", "brokers: {a: {url: 'http://x'}}\n", 1, "brokers.a.url", "'http://x'",
            "mqtt://host:port"),
        row("url-port", "brokers: {a: {url: 'mqtt://x:70000'}}\n", 1, "brokers.a.url", "", "mqtt://"),
        row("protocol", "brokers: {a: {url: embedded, protocol: '4'}}\n", 1, "brokers.a.protocol",
            "'4'", "allowed: 3.1.1, 5"),
        row("embedded-speaks-3", "brokers: {a: {url: embedded, protocol: 5}}\n", 1, "brokers.a", "",
            'protocol: "3.1.1"'),
        row("session-needs-5", "brokers: {a: {url: mqtt://x, session_expiry: 1d}}\n", 1,
            "brokers.a", "", 'needs `protocol: "5"`'),
        row("tls-without-mqtts", "brokers: {a: {url: mqtt://x, tls: {}}}\n", 1, "brokers.a", "",
            "mqtts://"),
        row("cert-without-key", "brokers: {a: {url: mqtts://x, tls: {cert: a.pem}}}\n", 1,
            "brokers.a.tls", "", "`cert` and `key`"),
        row("password-alone", "brokers: {a: {url: mqtt://x, password: x}}\n", 1, "brokers.a", "",
            "needs a `username`"),
        row("listen-elsewhere", "brokers: {a: {url: mqtt://x, listen: '0.0.0.0:1883'}}\n", 1,
            "brokers.a", "", "needs `url: embedded`"),
        row("listen-form", "brokers: {a: {url: embedded, listen: 1883}}\n", 1, "brokers.a.listen",
            "number 1883", "text"),
        row("will-topic", "brokers: {a: {url: mqtt://x, will: {topic: a/+, payload: x}}}\n", 1,
            "brokers.a.will.topic", "", "neither \\+ nor #"),
        row("reconnect-order", "brokers: {a: {url: mqtt://x, reconnect: {min: 1m, max: 1s}}}\n", 1,
            "brokers.a.reconnect", "", "`min` is at most `max`"),
        row("poll-kind", "polls: [{systm: {}}]\n", 1, "polls[0]", "'systm'",
            "did you mean `system`. allowed: bme280, "),
        row("poll-is-text", "polls: [system]\n", 1, "polls[0]", "'system'", "one kind with its opt"),
        row("poll-of-two-kinds", "polls: [{system: {}, command: {}}]\n", 1, "polls[0]", "",
            "one kind"),
        row("poll-twice", "polls: [{system: {}}, {system: {}}]\n", 1, "polls[1].system.name",
            "a second poll called 'system'", "a `name` of its own"),
        row("poll-every-and-cron", "polls: [{system: {every: 1m, cron: '* * * * *'}}]\n", 1,
            "polls[0].system", "", "exclude each other"),
        row("poll-collect", "polls: [{system: {collect: [cpus]}}]\n", 1,
            "polls[0].system.collect[0]", "'cpus'", "mean `cpu`"),
        row("command-as-text", "polls: [{command: {run: 'a b'}}]\n", 1, "polls[0].command.run",
            "'a b'", "a list"),
        row("cron-of-four", "polls: [{command: {run: [a], cron: '* * * *'}}]\n", 1,
            "polls[0].command.cron", "", "here are 4"),
        row("template-in-poll", "polls: [{system: {tags: {x: '{room}'}}}]\n", 1,
            "polls[0].system.tags.x", "{room}", "no names are known"),
        row("rule-without-action", "retention: {rules: [{name: a, match: {measurement: m}}]}\n", 1,
            "retention.rules[0]", "", "or else `update`"),
        row("rule-for-nothing", "retention: {rules: [{name: a, match: {}, max_age: 1d}]}\n", 1,
            "retention.rules[0].match", "", '`measurement: "\\*"`'),
        row("rule-twice", "retention: {rules: [{name: a, match: {measurement: m}, max_age: 1d}, "
            "{name: a, match: {measurement: n}, max_age: 1d}]}\n", 1, "retention.rules[1].name",
            "second rule called 'a'", "a `name`"),
        row("once-without-update", "retention: {rules: [{name: a, match: {measurement: m}, "
            "max_age: 1d, once: true}]}\n", 1, "retention.rules[0]", "", "`once` needs `update`"),
        row("update-of-nothing", "retention: {rules: [{name: a, match: {measurement: m}, "
            "update: {}}]}\n", 1, "retention.rules[0].update", "", "at least one of"),
        row("set-and-unset", "retention: {rules: [{name: a, match: {measurement: m}, "
            "update: {tags: {x: y}, unset_tags: [x]}}]}\n", 1, "retention.rules[0].update", "",
            "both name x"),
        row("tag-name", "collector: {tags: {'': x}}\n", 1, "collector.tags.", "", "1 to 256"),
        row("duplicate-key", "storage:\n  path: a.csv\n  path: b.csv\n", 3, "storage.path",
            "a second time, first in line 2", "a key stands once"),
        row("null-key", "storage: {~: 1}\n", 1, "storage", "nothing as a key", "a key is text"),
        row("mapping-as-key", "storage: {{{a}}: 1}\n", 1, "storage", "", "quotes"),
        row("unknown-tag", "storage: !include_dir x\n", 1, "storage", "!include_dir", "!secret name"),
        row("python-tag", "storage: !!python/object:os.system x\n", 1, "storage", "!!python", "!secr"),
    ],
)  # fmt: skip
def test_slip_is_refused(
    tmp_path: Path, text: str, line: int, key_path: str, found: str, allowed: str
) -> None:
    problem = only_problem(tmp_path, text)
    assert problem.file == str(tmp_path / "config.yaml")
    assert (problem.line, problem.key_path) == (line, key_path)
    assert re.search(found, problem.found), problem
    assert re.search(allowed, problem.allowed), problem


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("brokers: {a: {url: embedded, servers: x}}", "url", id="telegraf-servers"),
        pytest.param("brokers: {a: {url: embedded, host: x}}", "url", id="host"),
        pytest.param("brokers: {a: {url: embedded, user: x}}", "username", id="user"),
        pytest.param("brokers: {a: {url: embedded, keep_alive: x}}", "keepalive", id="keep_alive"),
        pytest.param(SOURCE + "    topics: x", "topic", id="telegraf-topics"),
        pytest.param(SOURCE + "    state_topic: x", "topic", id="home-assistant-state_topic"),
        pytest.param(SOURCE + "    data_format: x", "payload", id="telegraf-data_format"),
        pytest.param(SOURCE + "    name: x", "measurement", id="home-assistant-name"),
        pytest.param(SOURCE + "    name_override: x", "measurement", id="telegraf-name_override"),
        pytest.param(
            SOURCE + "    fields: {t: {unit_of_measurement: x}}", "unit", id="unit_of_measurement"
        ),
        pytest.param(SOURCE + "    fields: {t: {template: x}}", "value_template", id="template"),
        pytest.param(SOURCE + "    fields: {t: {precision: x}}", "round", id="precision"),
        pytest.param(SOURCE + "    fields: {t: {Scale: 1}}", "scale", id="upper-case"),
        pytest.param("polls: [{system: {scan_interval: 5}}]", "every", id="scan_interval"),
        pytest.param("polls: [{system: {interval: 5}}]", "every", id="telegraf-interval"),
        pytest.param("polls: [{command: {run: [a], command: a}}]", "run", id="command"),
        pytest.param("recorder: {}", "storage", id="home-assistant-recorder"),
        pytest.param("inputs: {}", "sources", id="telegraf-inputs"),
        pytest.param("mqtt: {}", "brokers", id="home-assistant-mqtt"),
        pytest.param("logger: {}", "logging", id="home-assistant-logger"),
        pytest.param("collector: {global_tags: {}}", "tags", id="telegraf-global_tags"),
    ],
)
def test_name_typed_by_habit_is_answered_with_ours(tmp_path: Path, text: str, meant: str) -> None:
    problem = only_problem(tmp_path, text)
    assert problem.allowed.startswith(f"did you mean `{meant}`? allowed here: ")


def test_every_problem_is_told_at_once(tmp_path: Path) -> None:
    text = (
        "collector: {timezone: Mars}\n"
        "brokers:\n  home: {url: nowhere, keepalive: 5}\n"
        "sources:\n  - {topic: a/#/b, measurement: m, broker: attic}\n"
        "  - {topic: +a, measurement: '{b}', colour: red}\n"
        "polls: [{system: {every: 5}}]\n"
        "storage: {path: x.db}\n"
        "storage: {path: y.db}\n"
    )
    found = [(problem.line, problem.key_path) for problem in problems(tmp_path, text)]
    assert found == [
        (1, "collector.timezone"),
        (3, "brokers.home.keepalive"),
        (3, "brokers.home.url"),
        (5, "sources[0].broker"),
        (5, "sources[0].topic"),
        (6, "sources[1].colour"),
        (6, "sources[1].measurement"),
        (7, "polls[0].system.every"),
        (8, "storage.path"),
        (9, "storage"),
    ]


def test_problem_of_syntax_and_problem_of_an_option_come_together(tmp_path: Path) -> None:
    text = "collector: {timezone: Mars}\nsources: !include sources.yaml\n"
    found = problems(tmp_path, text, {"sources.yaml": "- topic: {a\n"})
    assert [Path(problem.file).name for problem in found] == ["config.yaml", "sources.yaml"]


def test_message_has_file_line_key_found_and_allowed(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, "storage: {sync: maybe}\n")
    assert str(problem) == (
        f"{tmp_path}/config.yaml:1: storage.sync: found 'maybe'; allowed: commit, always, never"
    )
