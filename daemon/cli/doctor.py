"""`doctor`: what could go wrong with an installation, and what to do about it."""

from __future__ import annotations

import json
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from daemon.app import ledger_path
from daemon.app.diagnosis import of_broker, of_configuration, saved_traffic, seen_traffic
from daemon.app.disk_diagnosis import of_room
from daemon.cli.status import look
from daemon.clock import SystemClock
from daemon.config import BrokerConfig, Config, is_loopback, load_config
from daemon.discovery import discovered
from daemon.errors import StartError
from daemon.health import Finding, Level, by_urgency, finding_lines, notes, problems
from daemon.mapping import subscriptions
from daemon.sources import link_settings, mosquitto
from daemon.sources.probe import look_at

NOT_WELL = 1


def doctor(path: Path, *, listen_s: float, broker_conf: Path | None, as_json: bool) -> int:
    """Print what was found; 0 if there is nothing to do, else 1.

    Raises ConfigError, and StartError for certificate and password files.
    """
    config = load_config(path)
    of_brokers = list(_of_brokers(config, listen_s, broker_conf))
    told = {finding.place for finding in of_brokers if finding.level is Level.ERROR}
    findings = by_urgency(
        [
            *_of_collector(config, told),
            *of_configuration(config),
            *of_room(config, SystemClock().now_us()),
            *of_brokers,
        ]
    )
    bad = [finding for finding in findings if finding.level in (Level.ERROR, Level.WARNING)]
    if as_json:
        print(json.dumps([finding.as_json() for finding in findings], indent=1, ensure_ascii=False))
    else:
        for line in finding_lines(findings):
            print("".join(letter if letter.isprintable() else "?" for letter in line))
        print(f"{len(bad)} of {len(findings)} findings need you" if bad else "nothing to do")
    return NOT_WELL if bad else 0


def _of_collector(config: Config, told: Container[str]) -> Iterator[Finding]:
    """What a collector that runs now says of itself, but for the places that are told of."""
    try:
        found = look(config.storage.path)
    except StartError:
        return
    brokers = found.get("brokers") or {}
    untold = {name: one for name, one in brokers.items() if _place(name) not in told}
    for text in problems({**found, "brokers": untold}):
        yield Finding(Level.ERROR, "the running collector", text)
    for text in notes(found):
        yield Finding(Level.NOTE, "the collector", text)


def _of_brokers(config: Config, listen_s: float, broker_conf: Path | None) -> Iterator[Finding]:
    ledger = _ledger(ledger_path(config.storage.path))
    wanted = {
        name: subscriptions(config, name, discovered(config, name, None)) for name in config.brokers
    }
    used = [name for name in config.brokers if wanted[name]]
    for name in used:
        broker = config.brokers[name]
        if broker.is_embedded:
            yield Finding(
                Level.WARNING,
                _place(name),
                "the embedded broker keeps nothing on disk and ends with the collector",
                f"what must not be lost needs a broker of its own: brokers.{name}.url",
            )
            continue
        sight = look_at(link_settings(config, name), wanted[name], SystemClock(), listen_s)
        # The ledger counts by topic, not by broker.
        saved = saved_traffic(ledger) if len(used) == 1 else seen_traffic(sight)
        yield from of_broker(
            name,
            broker,
            sight,
            saved if saved.topics else seen_traffic(sight),
            [
                (placed.name, placed.rule.topic, placed.rule.qos)
                for placed in config.message_rules(name)
                if not placed.rule.ignore
            ],
            _options(broker, broker_conf),
        )


def _place(name: str) -> str:
    """As `of_broker` calls it."""
    return f"broker {name}"


def _options(broker: BrokerConfig, given: Path | None) -> dict[str, list[str]] | None:
    """The broker's own configuration: the one given, or this machine's if the broker is here."""
    host, port = broker.address
    if given is None and not is_loopback(host):
        return None
    options = mosquitto.read_configuration(given or mosquitto.DEFAULT_CONFIGURATION)
    if options is None or (given is None and not mosquitto.listens_on(options, port)):
        return None
    return options


def _ledger(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
