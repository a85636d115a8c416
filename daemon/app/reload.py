"""What a changed configuration asks of a running collector: what it can take up, and what not."""

from __future__ import annotations

from dataclasses import dataclass

from daemon.config import Config, KeyPath, differences

# What is decided once, when the parts are made: files, identities at the broker, bounds.
_COLLECTOR_AT_START = (
    ("name",),
    ("clock", "wait_for_sync"),
    ("clock", "max_waiting"),
    ("clock", "max_waiting_size"),
)
_BROKER_AT_START = ("url", "listen", "protocol", "client_id", "inflight", "reconnect")
_BROKER_RULES = ("presets", "discovery")


@dataclass(frozen=True, slots=True)
class Changes:
    """The keys that differ, in the order of the configuration."""

    keys: tuple[KeyPath, ...]

    @property
    def at_start(self) -> tuple[KeyPath, ...]:
        """Those that only a restart takes up."""
        return tuple(key for key in self.keys if _is_at_start(key))

    def reconnects(self, broker: str) -> bool:
        """Whether a broker must be connected to anew."""
        return any(
            key[:2] == ("brokers", broker) and key[2] not in _BROKER_RULES for key in self.keys
        )

    def touches(self, *sections: str) -> bool:
        """Whether one of these sections differs."""
        return any(key[0] in sections for key in self.keys)


def changes(before: Config, after: Config) -> Changes:
    """What differs between the configuration that runs and another one of the same file."""
    return Changes(tuple(differences(before, after)))


def _is_at_start(key: KeyPath) -> bool:
    section, rest = key[0], key[1:]
    if section in ("storage", "http"):
        return True
    if section == "collector":
        return rest in _COLLECTOR_AT_START
    # A broker that comes or goes as a whole has no third part.
    return section == "brokers" and (len(rest) == 1 or rest[1] in _BROKER_AT_START)


@dataclass(frozen=True, slots=True)
class Reload:
    """What came of one reload."""

    number: int
    """From 1, in this run."""
    at_us: int
    is_applied: bool
    """False: the configuration of before is in force, whole."""
    lines: tuple[str, ...]
    """What a person is told."""

    def as_json(self) -> dict[str, object]:
        """For the status."""
        return {
            "number": self.number,
            "at_us": self.at_us,
            "applied": self.is_applied,
            "lines": list(self.lines),
        }
