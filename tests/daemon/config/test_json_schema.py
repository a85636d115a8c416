"""The JSON Schema accepts what `check` accepts, and shows an editor what is wrong."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from daemon.config import find_kind, load_config
from daemon.config.json_schema import json_schema
from daemon.config.option_table import option_table
from daemon.config.polls import PollOptions
from daemon.config.sensor_kinds import kind_names
from daemon.documents import read_document
from daemon.errors import ConfigError
from tests.daemon.config.test_example import SECRETS, TITLES, switched_on

ROOT = Path(__file__).parents[3]
SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
PAGES = sorted([*ROOT.glob("docs/**/*.md"), ROOT / "README.md"])
BLOCKS = [
    (page.name, text)
    for page in PAGES
    for text in re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S)
]


def faults(folder: Path, text: str) -> list[str]:
    """What an editor would mark in a configuration."""
    path = folder / "config.yaml"
    path.write_text(text, encoding="utf-8")
    for name, content in SECRETS.items():
        (folder / name).write_text(content, encoding="utf-8")
    tree: Any = read_document(path).tree
    return [
        f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in VALIDATOR.iter_errors(tree)
    ]


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("title", TITLES)
def test_each_block_of_the_example_is_accepted(tmp_path: Path, title: str) -> None:
    assert faults(tmp_path, switched_on(lambda other: other == title)) == []


def test_configurations_of_the_docs_are_accepted(tmp_path: Path) -> None:
    n_whole = 0
    for name, text in BLOCKS:
        try:
            (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
            load_config(tmp_path / "config.yaml")
        except ConfigError:
            continue  # a part of one, or a bad example
        n_whole += 1
        assert faults(tmp_path, text) == [], name
    assert n_whole > 10


SHORT = """\
brokers: {home: {url: mqtt://h, protocol: 5, presets: [shelly, {esphome: {prefixes: [a]}}, dsmr: ]}}
sources:
  - {topic: a, ignore: true}
  - {topic: b, payload: line_protocol, time: $.t}
  - topic: c
    measurement: m
    tags: {floor: 1, ok: true, gone: null}
    when: {$.a: [1, x, null], $.b: true}
    fields: {t: $.t, u: , v: {value: 3, enum: {1: 1, on: 1}, deadband: 1%}}
    max_payload: 1MB
    throttle: 1h30m
polls: [{system: }, {command: {run: [a], every: 5s}}]
storage:
retention: {rules: [{name: a, match: {measurement: m}, max_age: 30d}]}
"""


def test_short_forms_are_accepted(tmp_path: Path) -> None:
    assert faults(tmp_path, SHORT) == []
    load_config(tmp_path / "config.yaml")


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ("colector: {name: a}", ""),
        ("collector: {nam: a}", "collector"),
        ("brokers: {h: {url: mqtt://h, keepalive: 60}}", "brokers.h.keepalive"),
        ("brokers: {h: {url: mqtt://h, presets: [zigbee]}}", "brokers.h.presets.0"),
        ("storage: {sync: sometimes}", "storage"),
        ("sources: [{topic: a, measurement: m, fields: {t: {tpye: int}}}]", "sources"),
        ("sources: [{measurement: m}]", "sources"),
        ("polls: [{sistem: {every: 1m}}]", "polls"),
        ("polls: [{system: {every: 5}}]", "polls"),
    ],
)
def test_editor_marks_what_is_wrong(tmp_path: Path, part: str, place: str) -> None:
    found = faults(tmp_path, part)
    assert found
    assert all(fault.startswith(place) for fault in found)


def test_every_kind_of_poll_is_there() -> None:
    text = json.dumps(SCHEMA["properties"]["polls"])
    for name in kind_names():
        assert find_kind(name, PollOptions)
        assert f'"{name}"' in text


def test_defaults_are_written_as_one_writes_them() -> None:
    assert SCHEMA["$defs"]["BrokerConfig"]["properties"]["keepalive"]["default"] == "1m"
    assert SCHEMA["$defs"]["SourceRule"]["properties"]["max_payload"]["default"] == "256kB"


@pytest.mark.parametrize(
    ("name", "made", "command"),
    [
        ("options.md", option_table() + "\n", "schema --table > docs/options.md"),
        (
            "config.schema.json",
            json.dumps(SCHEMA, ensure_ascii=False, indent=1) + "\n",
            "schema > docs/config.schema.json",
        ),
    ],
)
def test_files_in_docs_are_what_the_models_say(name: str, made: str, command: str) -> None:
    text = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert text == made, f"make it anew: .venv/bin/tinyflux-collector {command}"
