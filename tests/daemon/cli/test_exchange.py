"""`export` and `import`: what they say, what they refuse, and with which status."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_CANTCREAT, EX_DATAERR, EX_NOINPUT, EX_USAGE
from tests.daemon.cli.readings import write_readings
from tinyflux import TinyFlux

ROOT = Path(__file__).parents[3]


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_readings(tmp_path / "data.csv"))


def _import(folder: Path, name: str, text: str, *arguments: str) -> tuple[int, Path]:
    source, data = folder / name, folder / "new.csv"
    source.write_text(text, encoding="utf-8")
    return main(["import", str(source), "--data", str(data), *arguments]), data


def test_a_selection_as_a_wide_table(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.csv"
    arguments = ["climate", "--tag", "room=attic", "--until", "2025-06-01T12:15Z"]
    assert main(["export", "--data", data, *arguments, "--to", str(target)]) == 0
    assert target.read_text() == (  # read_text makes each line end a newline
        "time,measurement,tags.room,fields.humidity,fields.temperature\n"
        "2025-06-01T12:00:00Z,climate,attic,40,24.0\n"
        "2025-06-01T12:10:00Z,climate,attic,41,25.0\n"
    )
    assert capsys.readouterr().out == f"2 points written to {target}\n"


def test_standard_output(data: str, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main(["export", "power", "--data", data, "--to", "-", "--format", "jsonl"]) == 0
    first, second = capfdbinary.readouterr().out.splitlines()
    assert json.loads(first)["fields"] == {"total": 100, "watt": None}
    assert json.loads(second)["fields"] == {"total": 200, "watt": 85.25}


def test_what_line_protocol_cannot_say_is_said(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--data", data, "--to", str(tmp_path / "out.lp")]) == 0
    said = capsys.readouterr().err
    assert "note: 1 points lack a part" in said
    assert "jsonl or csv can say everything" in said


def test_a_file_that_is_there_stays(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out.csv"
    target.write_text("mine")
    assert main(["export", "--data", data, "--to", str(target)]) == EX_CANTCREAT
    assert "exists; choose another name, or --force" in capsys.readouterr().err
    assert target.read_text() == "mine"
    assert main(["export", "--data", data, "--to", str(target), "--force"]) == 0
    assert target.read_text().startswith("time,")


def test_the_data_file_is_never_the_target(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    before = Path(data).read_bytes()
    assert main(["export", "--data", data, "--to", data, "--force"]) == EX_CANTCREAT
    assert main(["import", data, "--data", data]) == EX_USAGE
    assert capsys.readouterr().err.count("is the data file itself") == 2
    assert Path(data).read_bytes() == before


def test_a_name_that_tells_no_form(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["export", "--data", data, "--to", "out.xlsx"])
    assert caught.value.code == EX_USAGE
    assert "end it in .lp" in capsys.readouterr().err


def test_a_folder_that_is_not_there(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "--data", data, "--to", str(tmp_path / "no" / "x.lp")]) == EX_CANTCREAT
    assert "cannot write" in capsys.readouterr().err


def test_ctrl_c_leaves_nothing_that_looks_whole(tmp_path: Path) -> None:
    data, target = tmp_path / "data.csv", tmp_path / "out.jsonl"
    row = "2025-06-01T12:00:00,m,t_a,b,f_x,1\r\n"
    data.write_bytes(row.encode() * 400_000)
    process = subprocess.Popen(
        [sys.executable, "-m", "daemon", "export", "--data", str(data), "--to", str(target)],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    part = tmp_path / ".out.jsonl.part"
    while not part.exists() or not part.stat().st_size:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on from here" in said
    assert not target.exists()


def test_a_table_of_another_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "When,Room,T,Note\n2025-06-01 14:00,attic,21.5,warm\n1748779200000,bath,,\n"
    code, data = _import(
        tmp_path, "old.csv", text, "--measurement", "climate", "--time-column", "When",
        "--tag-columns", "Room", "--skip-columns", "Note", "--tz", "Europe/Oslo",
    )  # fmt: skip
    assert code == 0
    assert capsys.readouterr().out == f"2 points stored in {data}\n"
    with TinyFlux(data) as db:
        found = [(p.time.isoformat(), p.tags, p.fields) for p in db.all() if p.time]
    assert found == [
        ("2025-06-01T12:00:00+00:00", {"Room": "attic"}, {"T": 21.5}),
        ("2025-06-01T12:00:00+00:00", {"Room": "bath"}, {}),
    ]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.lp", "m x=1 1\nm x=\n", "line 2: "),
        ("a.lp", "m x=1\n", "line 1: the line has no time"),
        ("a.jsonl", '{"time": "2025-06-01", "fields": {"x": 1}}\n{"x": 1}\n', "line 2: an object"),
        ("a.jsonl", '{"time": "2025-06-01", "fields": {"x": "y"}}\n', "line 1: field 'x' must be"),
        ("a.jsonl", "\n\nnope\n", "line 3: this is no JSON"),
        ("a.csv", "when,x\n", "no column 'time'; the columns are when, x"),
        ("a.csv", "time,x\n", "give the measurement with --measurement"),
        ("a.csv", "time,measurement,x\n2025-06-01,m,warm\n", "line 2: column 'x' holds 'warm'"),
        ("a.csv", "time,measurement,x\n2025-06-01,m\n", "line 2: 3 cells are needed, found 2"),
        ("a.csv", "time,measurement,x\nsoon,m,1\n", "line 2: found the time 'soon'"),
    ],
)
def test_a_record_that_is_no_point_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, text: str, says: str
) -> None:
    code, _ = _import(tmp_path, name, text)
    assert code == EX_DATAERR
    assert says in capsys.readouterr().err


def test_what_is_no_point_can_be_passed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = '# a comment\nm x=1i 1000\nnonsense\nm s="text" 1000\nm x=2i,s="t" 2000\n'
    code, data = _import(tmp_path, "a.lp", text, "--skip-bad")
    assert code == EX_DATAERR  # something is missing
    said = capsys.readouterr()
    assert "2 points are left out" in said.err
    assert "fields that are texts (s)" in said.err
    with TinyFlux(data) as db:
        assert db.get_field_values("x") == [1, 2]


def test_an_archive_is_unpacked(data: str, tmp_path: Path) -> None:
    packed = tmp_path / "2025-06.csv.gz"
    packed.write_bytes(gzip.compress(Path(data).read_bytes()))
    new = tmp_path / "new.csv"
    assert main(["import", str(packed), "--data", str(new)]) == 0
    with TinyFlux(new) as db, TinyFlux(data) as old:
        assert db.all() == old.all()
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".import")] == []


def test_no_file_to_import(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(tmp_path / "none.lp"), "--data", str(tmp_path / "new.csv")]
    assert main(["import", *arguments]) == EX_NOINPUT
    assert "cannot read" in capsys.readouterr().err


def test_a_reader_that_has_gone_is_no_failure(data: str) -> None:
    command = f"{sys.executable} -m daemon export --data {data} --to - --format jsonl | true"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"],
        capture_output=True, timeout=60, check=False, cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
