"""`query`: what is shown of a data file, in which form, and what is refused."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_DATAERR, EX_NOINPUT, EX_USAGE
from tests.daemon.cli.readings import NOON, write_readings
from tinyflux import Point, TinyFlux


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_readings(tmp_path / "data.csv"))


def _at(second: int) -> datetime:
    return NOON + timedelta(seconds=second)


def _asked(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    capsys.readouterr()
    assert main(["query", *arguments, "--tz", "UTC"]) == 0
    return capsys.readouterr().out


def test_points_are_a_table_in_the_order_of_time(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _asked(capsys, "climate", "--data", data, "--tag", "room=kitchen")
    assert said.splitlines() == [
        "time (UTC)           room     humidity  temperature",
        "2025-06-01 12:00:00  kitchen        40         21.5",
        "2025-06-01 12:10:00  kitchen        41         22.5",
        "2025-06-01 12:20:00  kitchen        42         23.5",
    ]


def test_statistics_of_windows(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = _asked(
        capsys, "climate", "--data", data, "--field", "temperature", "--every", "20min",
        "--how", "mean,max", "--by", "room", "--format", "csv",
    )  # fmt: skip
    assert said.splitlines() == [
        "time,room,temperature_mean,temperature_max",
        "2025-06-01T12:00:00Z,attic,24.5,25.0",
        "2025-06-01T12:00:00Z,kitchen,22.0,22.5",
        "2025-06-01T12:20:00Z,attic,26.0,26.0",
        "2025-06-01T12:20:00Z,kitchen,23.5,23.5",
    ]


def test_a_statistic_without_a_window_is_of_everything(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _asked(capsys, "climate", "--data", data, "--how", "count", "--json")
    assert json.loads(said) == [
        {"time": "2025-06-01T12:00:00Z", "humidity_count": 6, "temperature_count": 6}
    ]


def test_json_is_one_array_with_what_each_point_has(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = _asked(capsys, "--data", data, "--since", "2025-06-01T12:20", "--json")
    assert json.loads(said) == [
        {"time": "2025-06-01T12:20:00Z", "measurement": "climate", "room": "kitchen",
         "humidity": 42, "temperature": 23.5},
        {"time": "2025-06-01T12:20:00Z", "measurement": "climate", "room": "attic",
         "humidity": 42, "temperature": 26.0},
        {"time": "2025-06-01T13:00:00Z", "measurement": "power", "device": "plug",
         "total": 200, "watt": 85.25},
    ]  # fmt: skip


def test_line_protocol_gives_the_points_back(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = _asked(capsys, "--data", data, "--format", "line", "--tag", "device=plug")
    found = [Point.from_line_protocol(line) for line in said.splitlines()]
    assert [(point.tags, point.fields) for point in found] == [
        ({"device": "plug"}, {"total": 100}),  # None has no word there
        ({"device": "plug"}, {"watt": 85.25, "total": 200}),
    ]
    assert {point.measurement for point in found} == {"power"}


def test_csv_is_what_a_csv_reader_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "odd.csv"
    with TinyFlux(path) as db:
        db.insert(Point(measurement="m", tags={"x": 'a,"b"\nc', "y": "ø"}, fields={"x": 1}))
    said = _asked(capsys, "m", "--data", str(path), "--format", "csv")
    [row] = csv.DictReader(io.StringIO(said))
    assert (row["tags.x"], row["y"], row["fields.x"]) == ('a,"b"\nc', "ø", "1")


def test_a_table_shows_nothing_that_would_steer_a_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.csv"
    with TinyFlux(path) as db:
        db.insert(Point(measurement="m", tags={"x": "a\x1b[2Jb\nc"}, fields={"n": 1}))
    said = _asked(capsys, "m", "--data", str(path))
    assert "a?[2Jb?c" in said


def test_the_latest_point_of_each_series(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = _asked(capsys, "climate", "--data", data, "--latest", "--json")
    assert [(row["room"], row["temperature"]) for row in json.loads(said)] == [
        ("kitchen", 23.5),
        ("attic", 26.0),
    ]


def test_the_latest_of_a_group(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = _asked(capsys, "--data", data, "--latest", "--by", "device", "--json")
    assert [row["measurement"] for row in json.loads(said)] == ["climate", "power"]


def test_limit_takes_the_latest_and_reverse_turns_them_round(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    two = _asked(capsys, "climate", "--data", data, "--limit", "2", "--json")
    assert [row["room"] for row in json.loads(two)] == ["kitchen", "attic"]
    turned = _asked(capsys, "climate", "--data", data, "--limit", "2", "--reverse", "--json")
    assert [row["room"] for row in json.loads(turned)] == ["attic", "kitchen"]


def test_late_points_stand_where_their_time_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "late.csv"
    order = [(n * 7919) % 10_007 for n in range(10_007)]
    with TinyFlux(path) as db:
        db.insert_multiple(Point(time=_at(n), measurement="m", fields={"n": n}) for n in order)
    said = _asked(capsys, "m", "--data", str(path), "--format", "csv")
    assert [row["n"] for row in csv.DictReader(io.StringIO(said))] == list(map(str, range(10_007)))


def test_a_long_table_says_that_there_is_more(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "long.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(Point(time=_at(n), fields={"n": n}) for n in range(250))
    assert main(["query", "--data", str(path)]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 101
    assert "the latest 100 of 250 rows; --all" in said.err
    assert main(["query", "--data", str(path), "--all"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 251


def test_conditions_on_fields(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    said = _asked(capsys, "climate", "--data", data, "--where", "temperature >= 25", "--json")
    assert [row["temperature"] for row in json.loads(said)] == [25.0, 26.0]


def test_nothing_found_is_said_and_is_no_failure(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", "climate", "--data", data, "--since", "2030"]) == 0
    assert capsys.readouterr() == ("", "no points fit\n")
    assert main(["query", "climate", "--data", data, "--since", "2030", "--json"]) == 0
    assert capsys.readouterr().out == "[]\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["climat"], "no measurement 'climat' in the data; did you mean 'climate'?"),
        (["climate", "--tag", "rom=x"], "no tag 'rom' in climate; did you mean 'room'?"),
        (["climate", "--tag", "room=Kitchn"], "no room called 'Kitchn' in climate; did you mean"),
        (["climate", "--field", "temprature"], "no field 'temprature' in climate; did you mean"),
        (["climate", "--where", "hum > 1"], "no field 'hum' in climate; there is 'humidity'"),
        (["power", "--latest", "--by", "room"], "no tag 'room' in power; there is 'device'"),
        (["xyz"], "no measurement 'xyz' in the data; there is 'climate', 'power'"),
    ],
)
def test_an_unknown_name_is_answered_with_the_nearest(
    data: str, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(["query", *arguments, "--data", data]) == EX_DATAERR
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--since", "soon"], "argument --since: found 'soon'; allowed: how long ago"),
        (["--until", "25:00"], "argument --until: found '25:00'"),
        (["--every", "10"], "argument --every: found '10'; allowed: a number and a unit"),
        (["--every", "1h", "--how", "average"], "no statistic 'average'"),
        (["--how", "meen"], "did you mean 'mean'?"),
        (["--tag", "room"], "argument --tag: found 'room'; allowed: KEY=VALUE"),
        (["--where", "x"], "argument --where: found 'x'; allowed: FIELD and a comparison"),
        (["--since", "1h", "--until", "2h"], "--since 1h is not before --until 2h"),
        (["--latest", "--every", "1h"], "--latest shows points"),
        (["--by", "room"], "--by groups statistics"),
        (["--limit", "0"], "allowed: a number from 1"),
        (["--format", "xml"], "'table', 'csv', 'json', 'line'"),
        (["-c", "config.yaml"], "not allowed with argument"),
    ],
)
def test_what_cannot_be_meant_is_answered_with_what_can(
    data: str, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["query", "climate", "--data", data, *arguments])
    assert caught.value.code == EX_USAGE
    assert says in capsys.readouterr().err


def test_an_unknown_zone(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "--data", data, "--tz", "Oslo"]) == EX_USAGE
    assert "--tz: no time zone is called 'Oslo' here" in capsys.readouterr().err


def test_days_follow_the_zone_of_the_configuration(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("collector: {timezone: Asia/Tokyo}\nstorage: {path: data.csv}\n")
    assert main(["query", "climate", "-c", str(config), "--every", "1d", "--how", "count"]) == 0
    assert "time (Asia/Tokyo)    humidity_count  temperature_count\n2025-06-01 00:00:00" in (
        capsys.readouterr().out
    )


def test_a_configuration_that_is_no_yaml_is_a_problem_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("storage: {path: [\n")
    assert main(["query", "-c", str(config)]) == 78
    assert f"{config}:" in capsys.readouterr().err


def test_a_file_that_is_no_data_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("dear diary,\nit rained\n")
    assert main(["query", "--data", str(path)]) == EX_DATAERR
    assert f"{path} is no TinyFlux data file" in capsys.readouterr().err
    assert path.read_text() == "dear diary,\nit rained\n"


def test_no_file_at_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", "--data", str(tmp_path / "none.csv")]) == EX_NOINPUT
    assert "there is no data file" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_reading_leaves_no_trace(data: str) -> None:
    folder = Path(data).parent
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert main(["query", "--data", data]) == 0
    assert main(["query", "climate", "--data", data, "--every", "1h"]) == 0
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before


def test_a_reader_that_has_gone_is_no_failure(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(Point(time=_at(n), fields={"n": n}) for n in range(20_000))
    command = f"{sys.executable} -m daemon query --data {path} --format csv | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=Path(__file__).parents[3],
        env=os.environ | {"PYTHONUNBUFFERED": ""},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "time,measurement,n\n", "")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_that_one_may_not_read_says_how_one_may(
    data: str, capsys: pytest.CaptureFixture[str]
) -> None:
    os.chmod(data, 0)
    assert main(["query", "--data", data]) == 77
    assert "usermod -aG tinyflux-collector" in capsys.readouterr().err


@pytest.mark.parametrize("heavy", ["pydantic", "paho", "apscheduler", "jinja2", "jsonpath", "rich"])
def test_a_query_imports_nothing_that_it_does_not_need(
    data: str, tmp_path: Path, heavy: str
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text("storage: {path: data.csv}\n")
    program = (
        "import sys; from daemon.cli import main; "
        f"assert main(['query', 'climate', '-c', {str(config)!r}]) == 0; "
        f"sys.exit({heavy!r} in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=60, check=False,
        cwd=Path(__file__).parents[3],
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")


def test_ctrl_c_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    path.write_bytes(b"2025-06-01T12:00:00,m,t_a,b,f_x,1\r\n" * 300_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "query", "--data", str(path), "--format", "csv"],
        cwd=Path(__file__).parents[3],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, b"\n")
