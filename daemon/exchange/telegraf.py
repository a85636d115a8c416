"""A Telegraf configuration's `mqtt_consumer` inputs as a configuration of ours. Pure.

Reads TOML by the options of plugins/inputs/mqtt_consumer/README.md and of the parsers value, json,
json_v2 and influx of influxdata/telegraf. What cannot be carried over is named, never left out in
silence.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

_SCHEMES = {"tcp": "mqtt", "mqtt": "mqtt", "ssl": "mqtts", "tls": "mqtts", "mqtts": "mqtts"}
_TYPES = {
    **dict.fromkeys(("float", "auto_float"), "float"),
    **dict.fromkeys(("int", "integer", "long", "uint"), "int"),
    **dict.fromkeys(("bool", "boolean"), "bool"),
}
_NEEDLESS = {
    "connection_timeout", "keepalive", "ping_timeout", "persistent_session", "qos", "topics",
    "servers", "max_undelivered_messages", "data_format", "name_override", "username", "password",
    "topic_parsing", "topic_tag", "tags", "tls_ca", "tls_cert", "tls_key", "protocol", "alias",
    "insecure_skip_verify", "data_type", "json_time_key", "json_time_format", "json_timezone",
    "tag_keys", "json_v2", "fieldpass", "fieldinclude", "fielddrop", "fieldexclude",
    "name_prefix", "name_suffix",
}  # fmt: skip
"""Options that are carried over, or of which nothing is left to say."""
_VARIABLE = re.compile(r"'?\$\{?(\w+)(?::-([^}]*))?\}?'?")
_PLAIN_PATH = re.compile(r"[A-Za-z_][\w]*(\.[\w]+)*")


@dataclass(slots=True)
class Converted:
    """A configuration as text, and what it lacks of the one that was read."""

    text: str = ""
    n_rules: int = 0
    notes: list[str] = field(default_factory=list)


def convert(text: str) -> Converted:
    """The configuration that collects the same; ValueError for what is no TOML."""
    tree = tomllib.loads(text)
    found = Converted()
    inputs = tree.get("inputs", {})
    brokers: dict[str, dict[str, Any]] = {}
    rules: list[dict[str, Any]] = []
    for number, said in enumerate(inputs.get("mqtt_consumer", []), 1):
        place = f"inputs.mqtt_consumer number {number}"
        name = _broker(said, brokers, place, found.notes)
        rules += _rules(said, name, place, found.notes)
    for section in ("inputs", "outputs", "processors", "aggregators", "secretstores"):
        for name in tree.get(section, {}):
            if (section, name) != ("inputs", "mqtt_consumer"):
                found.notes.append(f"{section}.{name} is not carried over")
    found.n_rules = len(rules)
    found.text = "\n".join(_lines(tree.get("global_tags", {}), brokers, rules)) + "\n"
    return found


def _broker(
    said: dict[str, Any], brokers: dict[str, dict[str, Any]], place: str, notes: list[str]
) -> str:
    servers = said.get("servers") or ["tcp://127.0.0.1:1883"]
    if len(servers) > 1:
        notes.append(f"{place}: of {len(servers)} servers only {servers[0]} is taken")
    url = urlsplit(servers[0] if "://" in servers[0] else f"tcp://{servers[0]}")
    scheme = _SCHEMES.get(url.scheme, url.scheme)
    broker: dict[str, Any] = {"url": f"{scheme}://{url.netloc}{url.path}"}
    if said.get("protocol") in ("5", 5):
        broker["protocol"] = "5"
    for key in ("username", "password"):
        if said.get(key):
            broker[key] = said[key]
            if "@{" in said[key]:
                notes.append(f"{place}: {key} is in a secret store; write it to secrets.yaml")
    tls = {
        ours: said[theirs]
        for ours, theirs in (("ca", "tls_ca"), ("cert", "tls_cert"), ("key", "tls_key"))
        if said.get(theirs)
    }
    if said.get("insecure_skip_verify"):
        tls["verify"] = False
    if tls and scheme in ("mqtts", "wss"):
        broker["tls"] = tls
    if said.get("client_id"):
        notes.append(
            f"{place}: client_id is left to its default, because two clients with one id throw "
            "each other out while Telegraf still runs"
        )
    for name, known in brokers.items():
        if known == broker:
            return name
    name = "home" if not brokers else f"home{len(brokers) + 1}"
    brokers[name] = broker
    return name


def _rules(
    said: dict[str, Any], broker: str, place: str, notes: list[str]
) -> Iterator[dict[str, Any]]:
    shape = _shape(said, place, notes)
    for key in sorted(set(said) - _NEEDLESS - {"client_id"}):
        notes.append(f"{place}: {key} is not carried over")
    parsings = {one.get("topic"): one for one in said.get("topic_parsing", [])}
    for topic in said.get("topics", []):
        rule: dict[str, Any] = {"broker": broker}
        name = said.get("name_override") or (
            f"{said.get('name_prefix', '')}mqtt_consumer{said.get('name_suffix', '')}"
        )
        tags = {key: str(value) for key, value in said.get("tags", {}).items()}
        parsing = parsings.get(topic, {})
        if parsing.get("fields"):
            notes.append(f"{place}: fields of the topic {topic} are not carried over")
        names = str(parsing.get("tags", "")).split("/")
        levels = topic.split("/")
        where = str(parsing.get("measurement", "")).split("/")
        for at, level in enumerate(levels):
            tag = names[at] if at < len(names) and names[at] not in ("_", "") else None
            is_measurement = at < len(where) and where[at] not in ("_", "")
            if level == "+" and (tag or is_measurement or said.get("topic_tag", "topic")):
                levels[at] = f"+{tag or f'level{at + 1}'}"
                tag, level = None, f"{{{levels[at][1:]}}}"
            elif level == "#" and said.get("topic_tag", "topic"):
                levels[at] = "#rest"
            if tag:
                tags[tag] = level
            if is_measurement:
                name = level
        rule["topic"] = "/".join(levels)
        rule["qos"] = min(1, int(said.get("qos", 0)))
        rule["measurement"] = name
        tags |= shape.get("tags", {})
        yield rule | shape | ({"tags": tags} if tags else {})


def _shape(said: dict[str, Any], place: str, notes: list[str]) -> dict[str, Any]:
    """How the payload is read."""
    form = said.get("data_format", "influx")
    if form == "value":
        kind = said.get("data_type", "float")
        if kind in _TYPES:
            return {"payload": "scalar", "fields": {"value": {"type": _TYPES[kind]}}}
        notes.append(f"{place}: texts are no fields here; they are numbered as they are first seen")
        return {"payload": "scalar", "fields": {"value": {"type": "enum"}}}
    if form == "json":
        return {"payload": "json"} | _json_time(said) | _json_keys(said)
    if form == "json_v2":
        return {"payload": "json"} | _json_v2(said.get("json_v2", []), place, notes)
    if form == "influx":
        return {"payload": "line_protocol"}
    notes.append(f"{place}: data_format {form!r} is not carried over; see `payload` in mapping.md")
    return {}


def _json_time(said: dict[str, Any]) -> dict[str, Any]:
    if not said.get("json_time_key"):
        return {}
    time = {"path": f"$.{said['json_time_key']}"}
    if said.get("json_timezone") not in (None, "", "Local"):
        time["timezone"] = said["json_timezone"]
    return {"time": time}


def _json_keys(said: dict[str, Any]) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    if said.get("tag_keys"):
        rule["tags"] = {key: f"$.{key}" for key in said["tag_keys"] if _PLAIN_PATH.fullmatch(key)}
    if wanted := said.get("fieldpass") or said.get("fieldinclude"):
        rule["fields"] = {key: {"optional": True} for key in wanted}
    if unwanted := said.get("fielddrop") or said.get("fieldexclude"):
        rule["exclude"] = unwanted
    return rule


def _json_v2(parsers: list[dict[str, Any]], place: str, notes: list[str]) -> dict[str, Any]:
    rule: dict[str, Any] = {}
    for parser in parsers:
        for kind in ("field", "tag"):
            for one in parser.get(kind, []):
                path = str(one.get("path", ""))
                name = one.get("rename") or path.rpartition(".")[2]
                if not _PLAIN_PATH.fullmatch(path):
                    notes.append(f"{place}: the path {path!r} of json_v2 is not carried over")
                elif kind == "tag":
                    rule.setdefault("tags", {})[name] = f"$.{path}"
                elif one.get("type") == "string":
                    notes.append(f"{place}: the text {path!r} is no field here")
                else:
                    wanted: dict[str, Any] = {"path": f"$.{path}"}
                    if one.get("type") in _TYPES:
                        wanted["type"] = _TYPES[one["type"]]
                    if one.get("optional"):
                        wanted["optional"] = True
                    rule.setdefault("fields", {})[name] = wanted
        if parser.get("timestamp_path"):
            rule["time"] = {"path": f"$.{parser['timestamp_path']}"}
        if parser.get("object"):
            notes.append(f"{place}: `object` of json_v2 is not carried over; see `each`")
    return rule


def _lines(
    tags: dict[str, Any], brokers: dict[str, dict[str, Any]], rules: list[dict[str, Any]]
) -> Iterator[str]:
    yield "# Made of a Telegraf configuration by `tinyflux-collector import-telegraf`."
    if tags:
        named = {key: str(value) for key, value in tags.items()}
        yield f"collector:\n  tags: {json.dumps(named, ensure_ascii=False)}\n"
    yield "brokers:"
    for name, broker in brokers.items():
        yield f"  {name}:"
        yield from (f"    {key}: {_value(value)}" for key, value in broker.items())
    yield "\nsources:"
    for rule in rules:
        mark = "- "
        for key, value in rule.items():
            yield f"  {mark}{key}: {_value(value)}"
            mark = "  "
    yield "\nstorage:\n  path: data.csv"


def _value(value: Any) -> str:
    """As JSON, which is YAML; a variable of the environment as `!env_var`."""
    if isinstance(value, str) and (variable := _VARIABLE.fullmatch(value)):
        default = f" {variable[2]}" if variable[2] else ""
        return f"!env_var {variable[1]}{default}"
    return json.dumps(value, ensure_ascii=False)
