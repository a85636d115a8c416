"""What Mosquitto's configuration means for a client that is away, and the lines it should have.

Reads mosquitto.conf(5) as far as that goes; connects to nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_CONFIGURATION = Path("/etc/mosquitto/mosquitto.conf")
DEFAULT_QUEUE = 1000
"""max_queued_messages of Mosquitto 2."""

_MAX_FILES = 100


@dataclass(frozen=True, slots=True)
class Wish:
    """One option and what it is good for."""

    option: str
    value: str
    reason: str

    @property
    def line(self) -> str:
        """As it stands in mosquitto.conf."""
        return f"{self.option} {self.value}"


WISHES = (
    Wish("persistence", "true", "sessions and waiting messages survive a restart of the broker"),
    Wish("autosave_on_changes", "true", "and a power cut: they are saved when they change,"),
    Wish("autosave_interval", "1", "after each change (on a card rather 100: fewer writes)"),
    Wish("max_queued_messages", "0", "no limit for what waits while the collector is off"),
    Wish("max_inflight_messages", "200", "more than 20 messages for each acknowledgement"),
    Wish("set_tcp_nodelay", "true", "acknowledgements are not held back"),
)


def read_configuration(path: Path) -> dict[str, list[str]] | None:
    """The options of a configuration and all it includes, each with its values in order.

    None where it cannot be read.
    """
    options: dict[str, list[str]] = {}
    try:
        for option, value in _options(path, depth=0):
            options.setdefault(option, []).append(value)
    except (OSError, UnicodeDecodeError):
        return None
    return options


def listens_on(options: Mapping[str, list[str]], port: int) -> bool:
    """Whether a broker with these options has a listener on a port."""
    listeners = [value.split()[0] for value in options.get("listener", []) if value]
    ports = [*listeners, *options.get("port", [])] or ["1883"]
    return str(port) in ports


def missing(options: Mapping[str, list[str]]) -> list[Wish]:
    """The wishes that these options do not fulfil."""
    return [wish for wish in WISHES if not _is_fulfilled(wish, options)]


def queue_limit(options: Mapping[str, list[str]]) -> int:
    """How many messages it keeps for a client that is away; 0 for no limit."""
    values = options.get("max_queued_messages")
    return int(values[-1]) if values and values[-1].isdecimal() else DEFAULT_QUEUE


def queues_qos_0(options: Mapping[str, list[str]]) -> bool:
    """Whether it keeps QoS 0 messages as well for a client that is away."""
    return options.get("queue_qos0_messages", [""])[-1] == "true"


def _is_fulfilled(wish: Wish, options: Mapping[str, list[str]]) -> bool:
    value = options.get(wish.option, [""])[-1]
    if wish.option == "autosave_interval":
        is_counting = options.get("autosave_on_changes", [""])[-1] == "true"
        return value.isdecimal() and 0 < int(value) <= (1000 if is_counting else 60)
    if wish.option == "autosave_on_changes":
        # Saving each minute is as good.
        interval = options.get("autosave_interval", [""])[-1]
        return value == "true" or (interval.isdecimal() and 0 < int(interval) <= 60)
    if wish.option == "max_inflight_messages":
        return value.isdecimal() and (value == "0" or int(value) >= 100)
    return value == wish.value


def _options(path: Path, depth: int) -> Iterator[tuple[str, str]]:
    for line in path.read_text(encoding="utf-8").splitlines():
        option, _, value = line.strip().partition(" ")
        if not option or option.startswith("#"):
            continue
        if option == "include_dir" and depth < 5:
            included = sorted(Path(value.strip()).glob("*.conf"))[:_MAX_FILES]
            for file in included:
                yield from _options(file, depth + 1)
        else:
            yield option, value.strip()
