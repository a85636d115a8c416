"""`stats`: measurements, series, counts and spans."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_DATAERR
from tests.daemon.cli.readings import NOON, write_readings
from tinyflux import Point, TinyFlux


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_readings(tmp_path / "data.csv"))


def test_measurements_with_counts_and_spans(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "--data", data, "--tz", "UTC"]) == 0
    size = Path(data).stat().st_size
    assert capsys.readouterr().out.splitlines() == [
        "measurement  points  series  first (UTC)          last                 fields",
        "climate           6       2  2025-06-01 12:00:00  2025-06-01 12:20:00  "
        "humidity, temperature",
        "power             2       1  2025-06-01 12:00:00  2025-06-01 13:00:00  total, watt",
        f"8 points in 3 series; {data} has {size:,} bytes",
    ]


def test_the_series_of_a_measurement(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    with TinyFlux(data) as db:
        db.insert(Point(time=NOON, measurement="climate", fields={"temperature": 1}))
    assert main(["stats", "climate", "--data", data, "--tz", "UTC"]) == 0
    assert capsys.readouterr().out.splitlines()[:4] == [
        "series        points  first (UTC)          last",
        "(no tags)          1  2025-06-01 12:00:00  2025-06-01 12:00:00",
        "room=attic         3  2025-06-01 12:00:00  2025-06-01 12:20:00",
        "room=kitchen       3  2025-06-01 12:00:00  2025-06-01 12:20:00",
    ]


def test_json_says_all_of_it(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "power", "--data", data, "--since", "2025-06-01T12:30", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "data": data,
        "bytes": Path(data).stat().st_size,
        "points": 1,
        "measurements": {
            "power": {
                "points": 1,
                "fields": ["total", "watt"],
                "series": [
                    {
                        "tags": {"device": "plug"},
                        "points": 1,
                        "first": "2025-06-01T13:00:00Z",
                        "last": "2025-06-01T13:00:00Z",
                    }
                ],
            }
        },
    }


def test_an_empty_file_has_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    assert main(["stats", "--data", str(path)]) == 0
    assert "0 points in 0 series" in capsys.readouterr().out


def test_an_unknown_measurement(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["stats", "climte", "--data", data]) == EX_DATAERR
    assert "did you mean 'climate'?" in capsys.readouterr().err
