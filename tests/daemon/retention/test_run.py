"""Runs of the retention rules on a real data file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.config import Config, load_config
from daemon.retention import RetentionError, preview, run
from tests.daemon.clocks import SetClock
from tinyflux import MeasurementQuery, Point, TagQuery, TinyFlux

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)

RULES = """
retention:
  rules:
    - {name: climate, match: {measurement: climate}, max_age: 7d}
    - {name: fix, match: {tags: {room: livng}}, update: {tags: {room: living}}, once: true}
"""


def configured(folder: Path, rules: str = RULES) -> Config:
    path = folder / "config.yaml"
    path.write_text(f"storage: {{path: data.csv}}\n{rules}")
    return load_config(path)


def clock() -> SetClock:
    return SetClock(NOW)


def store(config: Config, *rows: tuple[str, float, str]) -> None:
    with TinyFlux(str(config.storage.path)) as db:
        db.insert_multiple(
            Point(
                time=NOW - timedelta(days=days_old),
                measurement=measurement,
                tags={"room": room},
                fields={"t": 20.5},
            )
            for measurement, days_old, room in rows
        )


ROWS = (
    ("climate", 8, "kitchen"),
    ("climate", 9, "livng"),
    ("climate", 1, "livng"),
    ("power", 100, "kitchen"),
)


def test_run_changes_the_file_and_reports_it(tmp_path: Path) -> None:
    config = configured(tmp_path)
    store(config, *ROWS)
    report = run(config, clock())
    assert [(rule.rule, rule.points) for rule in report.rules] == [("climate", 2), ("fix", 1)]
    assert report.size_after_bytes == config.storage.path.stat().st_size < report.size_before_bytes
    with TinyFlux(str(config.storage.path)) as db:
        assert len(db) == 2
        assert db.count(TagQuery().room == "living") == 1
        assert db.count(MeasurementQuery() == "power") == 1
    assert report.lines() == [
        "climate: remove what is older than 2026-02-22 12:00 UTC: 2 points, 0.0 MB, "
        "2026-02-20T12:00:00Z to 2026-02-21T12:00:00Z",
        "fix: set tag room to living: 1 point, 2026-02-28T12:00:00Z to 2026-02-28T12:00:00Z",
        f"3 points removed, changed or added in {report.took_s:.1f} s; {config.storage.path} had "
        "0.0 MB and has 0.0 MB",
    ]
    assert json.loads(json.dumps(report.as_json()))["points"] == 3


def test_second_run_finds_nothing_to_do_and_leaves_the_file_alone(tmp_path: Path) -> None:
    config = configured(tmp_path)
    store(config, *ROWS)
    run(config, clock())
    before = config.storage.path.stat()
    report = run(config, clock())
    assert report.points == 0
    assert report.skipped == ("fix",)
    assert report.lines() == [f"no rule had anything to do in {config.storage.path}"]
    assert config.storage.path.stat() == before


def test_rule_that_is_done_once_leaves_later_points_alone(tmp_path: Path) -> None:
    config = configured(tmp_path)
    store(config, *ROWS)
    run(config, clock())
    store(config, ("climate", 0, "livng"))
    run(config, clock())
    with TinyFlux(str(config.storage.path)) as db:
        assert db.count(TagQuery().room == "livng") == 1


def test_rule_without_once_mends_later_points_too(tmp_path: Path) -> None:
    config = configured(tmp_path, RULES.replace(", once: true", ""))
    store(config, *ROWS)
    run(config, clock())
    store(config, ("climate", 0, "livng"))
    run(config, clock())
    with TinyFlux(str(config.storage.path)) as db:
        assert db.count(TagQuery().room == "livng") == 0
    assert list(tmp_path.glob("data.retention.json")) == []


def test_once_rule_that_left_the_configuration_is_forgotten(tmp_path: Path) -> None:
    store(configured(tmp_path), *ROWS)
    run(configured(tmp_path), clock())
    run(configured(tmp_path, ""), clock())
    assert run(configured(tmp_path), clock()).skipped == ()


def test_preview_tells_and_changes_nothing(tmp_path: Path) -> None:
    config = configured(tmp_path)
    store(config, *ROWS)
    before = config.storage.path.read_bytes()
    report = preview(config, clock())
    assert report.lines() == [
        "climate: remove what is older than 2026-02-22 12:00 UTC: 2 points, 0.0 MB, "
        "2026-02-20T12:00:00Z to 2026-02-21T12:00:00Z",
        "fix: set tag room to living: 2 points, 2026-02-20T12:00:00Z to 2026-02-28T12:00:00Z",
        "a run would take about 1 s",
    ]
    assert config.storage.path.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if "retention" in path.name) == []


def test_file_that_is_not_there_yet_is_no_trouble_and_is_not_made(tmp_path: Path) -> None:
    config = configured(tmp_path)
    assert run(config, clock()).points == 0
    assert preview(config, clock()).lines() == []
    assert not config.storage.path.exists()


def test_damaged_data_file_fails_the_run_and_stays_as_it_is(tmp_path: Path) -> None:
    config = configured(tmp_path)
    store(config, *ROWS)
    damaged = b"this is no row\r\n" + config.storage.path.read_bytes()
    config.storage.path.write_bytes(damaged)
    with pytest.raises(RetentionError, match=r"data\.csv failed; nothing was changed"):
        run(config, clock())
    assert config.storage.path.read_bytes() == damaged


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\0" * 40, id="nul"),
        pytest.param(b"[]", id="no-object"),
        pytest.param(b'{"version": 2, "done": {}}', id="newer-version"),
        pytest.param(b'{"version": 1, "done": {"a": 1}}', id="wrong-type"),
        pytest.param(b'{"version": 1}', id="cut"),
    ],
)
def test_unreadable_memory_stops_the_run_before_it_repeats_anything(
    tmp_path: Path, content: bytes
) -> None:
    config = configured(tmp_path)
    store(config, *ROWS)
    run(config, clock())
    before = config.storage.path.read_bytes()
    (tmp_path / "data.retention.json").write_bytes(content)
    with pytest.raises(RetentionError, match=r"data\.retention\.json.*delete it"):
        run(config, clock())
    assert config.storage.path.read_bytes() == before


def test_rows_that_another_process_appends_during_runs_are_all_kept(tmp_path: Path) -> None:
    config = configured(tmp_path)
    store(config, *[("climate", 8 + number / 1000, "kitchen") for number in range(2000)])
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\n"
            "from datetime import datetime, timezone\n"
            "from tinyflux import Point, TinyFlux\n"
            "db = TinyFlux(sys.argv[1], auto_index=False, flush_on_insert=False)\n"
            "time = datetime(2026, 3, 1, tzinfo=timezone.utc)\n"
            "print('ready', flush=True)\n"
            "for number in range(2000):\n"
            "    db.insert(Point(time=time, measurement='climate', fields={'n': number}))\n",
            str(config.storage.path),
        ],
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    moving = clock()
    while writer.poll() is None:
        # Each run finds one more old point to remove, so each one rewrites.
        store(config, ("climate", 8, "kitchen"))
        run(config, moving)
    writer.stdout.close()
    assert writer.returncode == 0
    run(config, moving)
    with TinyFlux(str(config.storage.path)) as db:
        assert sorted(db.get_field_values("n")) == list(range(2000))  # type: ignore[type-var]
        assert len(db) == 2000


def test_low_priority_is_for_the_whole_process() -> None:
    code = (
        "import os, psutil\n"
        "from daemon.retention import lower_priority\n"
        "lower_priority()\n"
        "print(os.getpriority(os.PRIO_PROCESS, 0), int(psutil.Process().ionice().ioclass))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "19 3\n"
    assert os.getpriority(os.PRIO_PROCESS, 0) < 19
