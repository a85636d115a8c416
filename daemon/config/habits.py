"""Names typed by habit, from Telegraf, Home Assistant or elsewhere, and ours for them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_HABITS: dict[str, tuple[str, ...]] = {
    "acks": ("qos",),
    "birth_message": ("birth",),
    "broker": ("brokers",),
    "ca_file": ("ca",),
    "cafile": ("ca",),
    "cert_file": ("cert",),
    "certfile": ("cert",),
    "certificate": ("ca",),
    "client": ("client_id",),
    "clientid": ("client_id",),
    "command": ("run",),
    "converter": ("enum",),
    "data_format": ("payload", "parse"),
    "data_type": ("type",),
    "database": ("storage",),
    "db": ("storage",),
    "decimals": ("round",),
    "discover": ("discovery",),
    "discovery_prefix": ("prefix", "discovery"),
    "exec": ("run",),
    "expire": ("max_age",),
    "factor": ("scale",),
    "fieldpass": ("fields",),
    "fields_exclude": ("exclude",),
    "file": ("path",),
    "filename": ("path",),
    "filter": ("topic", "match"),
    "global_tags": ("tags",),
    "host": ("url", "name"),
    "hostname": ("name", "url"),
    "inputs": ("sources", "polls"),
    "insecure": ("verify",),
    "insecure_skip_verify": ("verify",),
    "interval": ("every",),
    "json_path": ("path",),
    "json_time_format": ("format",),
    "json_time_key": ("time",),
    "json_timezone": ("timezone",),
    "jsonpath": ("path",),
    "keep": ("max_age",),
    "keep_alive": ("keepalive",),
    "key_file": ("key",),
    "keyfile": ("key",),
    "keyfile_password": ("key_password",),
    "log": ("logging",),
    "log_level": ("level",),
    "logfile": ("logging",),
    "logger": ("logging",),
    "mapping": ("fields", "enum"),
    "max_packet_size": ("max_payload",),
    "max_undelivered_messages": ("inflight",),
    "maximum": ("max",),
    "metric": ("measurement",),
    "metric_buffer_limit": ("points",),
    "minimum": ("min",),
    "mqtt": ("brokers",),
    "mqtt_consumer": ("sources", "brokers"),
    "multiplier": ("scale",),
    "multiply": ("scale",),
    "name": ("measurement",),
    "name_override": ("measurement",),
    "payload_not_available": ("false_words",),
    "payload_off": ("false_words",),
    "payload_on": ("true_words",),
    "period": ("every",),
    "port": ("url", "listen"),
    "precision": ("round",),
    "program": ("run",),
    "purge": ("retention",),
    "purge_interval": ("every",),
    "purge_keep_days": ("max_age",),
    "recorder": ("storage", "retention"),
    "rename": ("update",),
    "retain": ("retained",),
    "retention_policies": ("retention",),
    "scan_interval": ("every",),
    "schedule": ("cron", "every"),
    "sensor": ("sources", "polls"),
    "sensors": ("sources", "polls"),
    "server": ("url",),
    "servers": ("url",),
    "state_topic": ("topic",),
    "subscribe": ("topic", "sources"),
    "subscription": ("topic",),
    "subscriptions": ("sources",),
    "tag_keys": ("tags",),
    "target_unit": ("store_as",),
    "time_zone": ("timezone",),
    "timestamp": ("time",),
    "tls_ca": ("tls", "ca"),
    "tls_cert": ("tls", "cert"),
    "tls_insecure": ("tls", "verify"),
    "tls_key": ("tls", "key"),
    "tls_key_pwd": ("key_password",),
    "tls_min_version": ("min_version",),
    "tls_version": ("min_version",),
    "topics": ("topic",),
    "ttl": ("max_age",),
    "tz": ("timezone",),
    "unit_of_measurement": ("unit",),
    "uri": ("url",),
    "user": ("username",),
    "value_json": ("path",),
    "template": ("value_template",),
    "values": ("fields", "enum"),
    "will_message": ("will",),
}


def suggest(found: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, None where nothing comes near."""
    names = sorted(known)
    word = found.strip().lower().replace("-", "_").replace(" ", "_")
    for name in names:
        if name.lower() == word:
            return name
    for name in _HABITS.get(word, ()):
        if name in names:
            return name
    lower = {name.lower(): name for name in names}
    starts = [name for key, name in lower.items() if len(key) > 2 and word.startswith(key)]
    if len(starts) == 1 and len(word) > 2:
        return starts[0]
    near = difflib.get_close_matches(word, lower, n=1, cutoff=0.7)
    return lower[near[0]] if near else None
