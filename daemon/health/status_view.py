"""What a status says to a person: what is wrong, and the numbers behind it. Pure.

Takes the status as JSON has it, so that a file of another version is shown as far as it goes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from daemon.health.table import age_text

_LOW_BYTES = 100_000_000
_RECENT_LINES = 5
_RECENT_TEXT = 300
_TOPIC_LINES = 30
_COLUMNS = (
    "topic or poll",
    "received",
    "stored",
    "unchanged",
    "rejected",
    "other",
    "points",
    "QoS 0",
)

Status = Mapping[str, Any]


def problems(status: Status) -> list[str]:
    """What a person should look at now, most urgent first; empty when all is well.

    A collector that does not run has none: what it said last is past.
    """
    if not status.get("running"):
        return []
    return [
        *_writer_problems(_part(status, "writer")),
        *_disk_problems(_part(status, "disk")),
        *_clock_problems(_part(status, "clock")),
        *_broker_problems(_part(status, "brokers")),
    ]


def notes(status: Status) -> list[str]:
    """What is no fault of now, and still worth knowing."""
    ledger = _part(status, "ledger")
    outcomes = _part(ledger, "outcomes")
    found = []
    rejects = _part(status, "rejects")
    if waiting := rejects.get("lines", outcomes.get("rejected", 0)):
        found.append(
            f"{waiting} messages that did not fit their rule, or not wholly, are kept in "
            f"{rejects.get('path', 'the reject file')}: look why, change the rules, and "
            "`tinyflux-collector replay` tries them again"
        )
    if dropped := outcomes.get("dropped", 0):
        found.append(
            f"{dropped} items that nobody sends again were dropped because too many waited; most: "
            f"{_most(_part(ledger, 'dropped'))}"
        )
    if unmatched := _part(ledger, "unmatched"):
        found.append(
            f"{sum(unmatched.values())} messages of {len(unmatched)} topics have no rule; most: "
            f"{_most(unmatched)}"
        )
    if recovered := _part(ledger, "total").get("recovered"):
        found.append(
            f"{recovered} points were on disk when a run was killed and not in its ledger: they "
            "are counted as recovered"
        )
    if forgotten := _part(status, "retained").get("forgotten"):
        found.append(
            f"{forgotten} times a topic's last payload was forgotten, because there are more than "
            f"{_part(status, 'retained').get('topics')} topics: retained values of some are stored "
            "again at each start; `retained: skip` for sources with many topics prevents that"
        )
    if spooled := _part(status, "writer").get("spooled"):
        found.append(f"{spooled} items wait on disk for a clock that can be believed")
    if gathered := _part(status, "writer").get("gathered"):
        found.append(
            f"{gathered} messages wait on disk for others of their series (throttle, merge_within)"
        )
    for name, runs in _part(status, "jobs").items():
        bad = {word: runs[word] for word in ("failed", "timed_out") if runs.get(word)}
        if bad:
            counted = " and ".join(f"{n} {word.replace('_', ' ')}" for word, n in bad.items())
            found.append(f"runs of {name}: {runs.get('done', 0)} done, {counted}; see the log")
    return found


def status_lines(status: Status) -> list[str]:
    """The whole status for a terminal."""
    lines = [*_head(status), *_broker_lines(status)]
    ledger = _part(status, "ledger")
    lines += ["", *_topic_lines(_part(ledger, "topics"))]
    if unmatched := _part(ledger, "unmatched"):
        lines += ["", "topics without a rule:"]
        lines += [f"  {count:>9}  {name}" for name, count in _sorted(unmatched)[:_TOPIC_LINES]]
    for heading, found in (("to do:", problems(status)), ("notes:", notes(status))):
        if found:
            lines += ["", heading, *(f"  - {text}" for text in found)]
    lines += _recent_lines(status.get("recent"))
    return [_printable(line) for line in lines]


def _recent_lines(recent: object) -> list[str]:
    """The last warnings and errors that were logged, by whichever run."""
    if not isinstance(recent, list) or not recent:
        return []
    shown = [
        f"  {entry.get('time', '')} {entry.get('level', '')} {entry.get('part', '')}: "
        f"{str(entry['text']).splitlines()[0][:_RECENT_TEXT] if entry['text'] else ''}"
        for entry in recent[-_RECENT_LINES:]
    ]
    return ["", "last warnings and errors in the log:", *shown]


def size_text(size_bytes: float) -> str:
    """A size in at most seven characters, as `12 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 999.5:
            return f"{size_bytes:.0f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def _counted(ledger: Status) -> str:
    """How many items there were, and what became of them: the sums are the same."""
    outcomes = _part(ledger, "outcomes")
    counted = ", ".join(f"{number} {name}" for name, number in outcomes.items() if number)
    came = str(ledger.get("received", 0))
    if ledger.get("resumed"):
        came += f", and {ledger['resumed']} resumed that waited when it started"
    return f"{came}: {counted or 'nothing yet'}"


def _head(status: Status) -> list[str]:
    writer, disk = _part(status, "writer"), _part(status, "disk")
    is_running = status.get("running", False)
    state = f"running for {age_text(status.get('uptime_s', 0))}" if is_running else "not running"
    said = f"said {age_text(status['age_s'])} ago" if "age_s" in status else ""
    lines = [
        f"collector {status.get('name', '?')}: {state}" + (f" ({said})" if said else ""),
        f"data       {status.get('data', '?')}, {size_text(disk.get('data_bytes', 0))}"
        + (f"; {size_text(disk['free_bytes'])} free" if "free_bytes" in disk else ""),
        f"received   {_counted(_part(status, 'ledger'))}",
    ]
    if writer:
        lag = f", the oldest for {writer.get('lag_s', 0):.1f} s" if writer.get("waiting") else ""
        lines.append(f"waiting    {writer.get('waiting', 0)} for the disk{lag}")
    if (clock := _part(status, "clock")).get("believed") is False:
        done = "are stored with the time that it shows" if clock.get("given_up") else "wait for it"
        lines.append(f"clock      not synchronised: points {done}")
    if "since" in (total := _part(_part(status, "ledger"), "total")):
        replayed = f", {total['replayed']} more by replays" if total.get("replayed") else ""
        lines.append(
            f"in all     {total.get('received', 0)} received, {total.get('points', 0)} points"
            f"{replayed} since {total['since']}; ended without a stop "
            f"{total.get('crashes', 0)} times"
        )
    return lines


def _broker_lines(status: Status) -> Iterator[str]:
    is_running = status.get("running", False)
    for name, broker in _part(status, "brokers").items():
        since_s = broker.get("for_s", 0)
        state = "connected" if broker.get("connected") else "NOT CONNECTED"
        yield (
            f"broker     {name}: "
            + (f"{state} for {age_text(since_s)}, " if is_running else "")
            + f"{broker.get('url', '?')}, MQTT {broker.get('protocol', '?')}, "
            f"client id {broker.get('client_id', '?')}"
        )


def _topic_lines(topics: Mapping[str, Mapping[str, int]]) -> list[str]:
    if not topics:
        return ["no message or poll result yet"]
    rows = sorted(
        (_row(name, tally) for name, tally in topics.items()), key=lambda row: (-row[1], row[0])
    )
    shown = rows[:_TOPIC_LINES]
    width = min(60, max(len(_COLUMNS[0]), *(len(row[0]) for row in shown)))
    lines = ["  ".join([_COLUMNS[0].ljust(width), *(name.rjust(9) for name in _COLUMNS[1:])])]
    lines += [
        "  ".join([row[0][:width].ljust(width), *(f"{n:>9}" for n in row[1:])]) for row in shown
    ]
    if len(rows) > len(shown):
        lines.append(f"and {len(rows) - len(shown)} more; --json has all of them")
    return lines


def _row(name: str, tally: Mapping[str, int]) -> tuple[str, int, int, int, int, int, int, int]:
    counted = {key: n for key, n in tally.items() if key not in ("points", "qos0", "qos1")}
    received = sum(counted.values())
    stored, unchanged, rejected = (
        counted.get(key, 0) for key in ("stored", "unchanged", "rejected")
    )
    other = received - stored - unchanged - rejected
    points, unprotected = tally.get("points", 0), tally.get("qos0", 0)
    return name, received, stored, unchanged, rejected, other, points, unprotected


def _writer_problems(writer: Status) -> Iterator[str]:
    if writer.get("alive") is False:
        yield "the writer has ended: restart the collector, and report this with its log"
    if writer.get("refused"):
        yield (
            f"the disk refuses what is to be written: {writer.get('waiting', 0)} items wait, and "
            "nothing is acknowledged; the log says why"
        )


def _disk_problems(disk: Status) -> Iterator[str]:
    free = disk.get("free_bytes")
    if isinstance(free, int) and free < _LOW_BYTES:
        yield f"only {size_text(free)} are free on the data's file system: make room"


def _clock_problems(clock: Status) -> Iterator[str]:
    if clock.get("given_up"):
        yield (
            "nobody has set the clock within collector.clock.wait_for_sync: points are stored with "
            "the time that it shows, and the tag time_quality=unsynced; check the network and the "
            "time service (timedatectl)"
        )


def _broker_problems(brokers: Status) -> Iterator[str]:
    for name, broker in brokers.items():
        if not broker.get("connected"):
            trouble = broker.get("trouble") or f"broker {name}: not connected yet"
            yield f"{trouble} ({broker.get('failures', 0)} failed tries)"
        for topic_filter in broker.get("refused", ()):
            yield (
                f"broker {name} does not let us subscribe to {topic_filter!r}: give the user "
                "the right to read there, or take the topic out of the configuration"
            )


def _part(status: Status, name: str) -> Status:
    found = status.get(name)
    return found if isinstance(found, Mapping) else {}


def _sorted(counts: Mapping[str, int]) -> Sequence[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _most(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count})" for name, count in _sorted(counts)[:3])


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in line)
