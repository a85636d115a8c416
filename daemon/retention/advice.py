"""What `check` says of the retention rules that are accepted but may not be what was meant."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from daemon.config import Config
from daemon.files import replace_file
from daemon.retention.habits import habits_of
from daemon.retention.queries import is_plain, moment
from daemon.retention.room import room_notice

_DAY_US = 86_400_000_000
_SILENT_US = 7 * _DAY_US
_WAITING = ""
"""Where it is noted since when roll-ups wait to be mended: no rule has this name."""


def seen_path(data: Path) -> Path:
    """Where it is noted when each rule matched a point last; it may be deleted."""
    return data.with_suffix(".retention.seen.json")


def note_seen(data: Path, matched: Mapping[str, bool], now_us: int) -> None:
    """Note which rules match a point; once a day at most for what is known. Raises OSError."""
    known = _read(seen_path(data))
    seen = {
        name: now_us
        if name not in known or (does and now_us - known[name] >= _DAY_US)
        else known[name]
        for name, does in matched.items()
    }
    if _WAITING in known:
        seen[_WAITING] = known[_WAITING]
    if seen != known:
        replace_file(seen_path(data), json.dumps(seen, indent=1, sort_keys=True).encode() + b"\n")


def mending_since_us(data: Path, now_us: int, *, is_waiting: bool) -> int:
    """Since when roll-ups wait to be mended; noted when the first does, and when none does any
    more. Raises OSError."""
    known = _read(seen_path(data))
    since_us = known.get(_WAITING, now_us)
    changed = {name: at for name, at in known.items() if name != _WAITING}
    if is_waiting:
        changed[_WAITING] = since_us
    if changed != known:
        content = json.dumps(changed, indent=1, sort_keys=True).encode() + b"\n"
        replace_file(seen_path(data), content)
    return since_us


def advice(config: Config, now_us: int) -> list[str]:
    """A sentence for each thing, with its place in the file."""
    told = [*_silent(config, now_us), *_means_of_changes(config)]
    room = room_notice(config)
    return told if room is None else [*told, room]


def _silent(config: Config, now_us: int) -> Iterator[str]:
    seen = _read(seen_path(config.storage.path))
    for number, rule in enumerate(config.retention.rules):
        last_us = seen.get(rule.name, now_us)
        if now_us - last_us > _SILENT_US and not rule.once:
            yield (
                f"{_place(config, number)} ({rule.name}) has matched no point since "
                f"{moment(last_us):%Y-%m-%d}: is `match` as it was meant?"
            )


def _means_of_changes(config: Config) -> Iterator[str]:
    for number, rule in enumerate(config.retention.rules):
        name = rule.match.measurement
        if name is None or not is_plain(name) or not habits_of(config, [name])[name].is_thinned:
            continue
        for place, tier in enumerate(rule.downsample):
            if "mean" in _named(tier.how):
                yield (
                    f"{_place(config, number)}.downsample[{place}].how: `mean` of {name}, whose "
                    "points are thinned (deadband, throttle, max_silence), is a mean of changes, "
                    "not of time; `time_weighted_mean` is what is there between them too"
                )


def _named(how: object) -> Collection[str]:
    if isinstance(how, dict):
        return {name for part in how.values() for name in part or ()}
    return how if isinstance(how, tuple) else ()


def _place(config: Config, number: int) -> str:
    place = config.place("retention", "rules", number)
    return f"{place.file}:{place.line}: retention.rules[{number}]"


def _read(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {str(name): at for name, at in content.items() if isinstance(at, int)}
