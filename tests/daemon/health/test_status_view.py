"""What a status says to a person."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.health import notes, problems, status_lines

WELL: dict[str, Any] = {
    "version": 1,
    "running": True,
    "name": "cabin",
    "data": "/data/points.csv",
    "written_us": 1_000_000_000,
    "uptime_s": 7200,
    "brokers": {
        "home": {
            "url": "mqtt://mqtt.lan:1883",
            "protocol": "3.1.1",
            "client_id": "tinyflux-cabin",
            "connected": True,
            # By a clock that was set since.
            "since_us": 4_000,
            "for_s": 600,
            "failures": 0,
            "trouble": "",
            "refused": [],
        }
    },
    "writer": {"alive": True, "refused": False, "waiting": 3, "lag_s": 1.25},
    "disk": {"data_bytes": 12_345_678, "free_bytes": 3_400_000_000},
    "rejects": {"path": "/data/rejects.jsonl", "bytes": 900},
    "ledger": {
        "received": 10,
        "outcomes": {"stored": 7, "rejected": 0, "waiting": 3, "dropped": 0},
        "topics": {"a/b": {"stored": 7, "points": 7, "qos0": 2, "qos1": 5}},
        "unmatched": {},
        "dropped": {},
    },
    "jobs": {"system": {"done": 4, "failed": 0}},
}
HOME = WELL["brokers"]["home"]


def test_when_all_is_well_there_is_nothing_to_do() -> None:
    assert (problems(WELL), notes(WELL)) == ([], [])


def test_the_numbers_are_shown() -> None:
    text = "\n".join(status_lines(WELL))
    for part in (
        "collector cabin: running for 2h",
        "/data/points.csv, 12 MB; 3 GB free",
        "received   10: 7 stored, 3 waiting",
        "waiting    3 for the disk, the oldest for 1.2 s",
        "broker     home: connected for 10m, mqtt://mqtt.lan:1883, MQTT 3.1.1",
    ):
        assert part in text
    row = next(line for line in status_lines(WELL) if line.startswith("a/b"))
    assert row.split() == ["a/b", "7", "7", "0", "0", "0", "7", "2"]


def test_what_waited_when_it_started_is_counted_beside_what_it_received() -> None:
    outcomes = {"stored": 6, "throttled": 2, "merged": 2, "waiting": 0}
    ledger = WELL["ledger"] | {"received": 6, "resumed": 4, "outcomes": outcomes}
    line = next(line for line in status_lines(WELL | {"ledger": ledger}) if "merged" in line)
    assert line == (
        "received   6, and 4 resumed that waited when it started: 6 stored, 2 throttled, 2 merged"
    )


@pytest.mark.parametrize(
    ("part", "found"),
    [
        ({"writer": {"alive": False}}, "the writer has ended"),
        ({"writer": {"refused": True, "waiting": 9}}, "the disk refuses .* 9 items wait"),
        ({"disk": {"free_bytes": 5_000_000}}, "only 5 MB are free"),
        ({"clock": {"believed": False, "given_up": True}}, r"set the clock .* \(timedatectl\)"),
        ({"brokers": {"home": HOME | {"connected": False, "trouble": "broken", "failures": 7}}},
         r"broken \(7 failed tries\)"),
        ({"brokers": {"home": HOME | {"refused": ["a/#"]}}}, "not let us subscribe to 'a/#'"),
    ],
    ids=["writer", "disk", "room", "clock", "broker", "subscription"],
)  # fmt: skip
def test_what_is_wrong_is_said(part: dict[str, Any], found: str) -> None:
    [said] = problems(WELL | part)
    assert pytest.importorskip("re").search(found, said)
    assert any(said in line for line in status_lines(WELL | part))


def test_what_is_worth_knowing_is_noted() -> None:
    ledger = WELL["ledger"] | {
        "outcomes": {"rejected": 2, "dropped": 3},
        "unmatched": {"x/y": 4, "x/z": 1},
        "dropped": {"flood": 3},
    }
    jobs = {"rain": {"done": 1, "failed": 2, "timed_out": 1}}
    retained = {"topics": 20_000, "forgotten": 7}
    said = notes(WELL | {"ledger": ledger, "jobs": jobs, "retained": retained})
    assert [text.partition(":")[0] for text in said] == [
        "2 messages that did not fit their rule, or not wholly, are kept in /data/rejects.jsonl",
        "3 items that nobody sends again were dropped because too many waited; most",
        "5 messages of 2 topics have no rule; most",
        "7 times a topic's last payload was forgotten, because there are more than 20000 topics",
        "runs of rain",
    ]
    assert "x/y (4), x/z (1)" in said[2]
    assert "2 failed and 1 timed out" in said[4]


def test_what_a_collector_said_last_that_does_not_run_is_no_fault_of_now() -> None:
    ended = WELL | {"running": False, "writer": {"alive": False}, "clock": {"believed": False}}
    ended["brokers"] = {"home": HOME | {"connected": False}}
    assert problems(ended) == []
    text = "\n".join(status_lines(ended))
    assert "not running" in text
    assert "CONNECTED" not in text


def test_earlier_runs_and_the_clock_are_shown() -> None:
    total = {"since": "2026-03-01", "received": 99, "points": 90, "recovered": 3, "crashes": 2}
    status = WELL | {
        "ledger": WELL["ledger"] | {"total": total},
        "clock": {"believed": False},
        "writer": WELL["writer"] | {"spooled": 4},
    }
    text = "\n".join(status_lines(status))
    assert "99 received, 90 points since 2026-03-01; ended without a stop 2 times" in text
    assert "clock      not synchronised" in text
    assert "4 items wait on disk for a clock" in text
    assert "3 points were on disk when a run was killed" in text


def test_a_status_of_which_nothing_is_known_is_shown() -> None:
    assert status_lines({})[0] == "collector ?: not running"


def test_topics_that_would_move_the_cursor_are_made_harmless() -> None:
    topics = {"\x1b[2J\n": {"stored": 1}}
    assert all(line.isprintable() for line in status_lines({"ledger": {"topics": topics}}))
