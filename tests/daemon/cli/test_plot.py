"""`plot`: curves of a data file in the terminal and as pictures."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_CANTCREAT, EX_DATAERR, EX_UNAVAILABLE, EX_USAGE
from tests.daemon.cli.readings import NOON, write_readings
from tinyflux import Point, TinyFlux


@pytest.fixture
def data(tmp_path: Path) -> str:
    return str(write_readings(tmp_path / "data.csv"))


def test_one_curve_for_each_series(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["climate", "--data", data, "--field", "temperature", "--tz", "UTC"]
    assert main(["plot", *arguments, "--width", "50", "--height", "12"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "climate temperature, UTC"
    assert lines[-1] == "* attic   o kitchen"
    assert lines[-2].split() == ["12:00", "12:05", "12:10", "12:15", "12:20"]
    assert [line.split()[0] for line in lines[1:-3] if line[0] != " "] == ["26", "24", "22"]


def test_the_unit_of_the_rule_stands_at_the_axis(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(
        "storage: {path: data.csv}\ncollector: {timezone: UTC}\n"
        "sources: [{topic: a/b, measurement: climate, "
        "fields: {temperature: {unit: °F, store_as: °C}}}]\n"
    )
    assert main(["plot", "climate", "-c", str(config), "--field", "temperature"]) == 0
    assert capsys.readouterr().out.startswith("climate temperature (°C), UTC\n")


def test_statistics_by_a_tag(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["climate", "--data", data, "--field", "humidity", "--every", "10min"]
    assert main(["plot", *arguments, "--how", "count", "--by", "room", "--tz", "UTC"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("climate humidity, count, UTC\n")
    assert said.endswith("* attic   o kitchen\n")


@pytest.mark.parametrize(("ending", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
def test_a_picture(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str, begins: bytes
) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / f"plot.{ending}"
    assert main(["plot", "climate", "--data", data, "-o", str(path)]) == 0
    assert path.read_bytes().startswith(begins)
    assert capsys.readouterr() == ("", "")
    assert not list(tmp_path.glob(".plot*"))


def test_a_picture_that_cannot_be_written(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "no" / "plot.png"
    assert main(["plot", "climate", "--data", data, "-o", str(path)]) == EX_CANTCREAT
    assert f"cannot write {path}" in capsys.readouterr().err


def test_a_picture_without_matplotlib_names_the_extra(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    path = tmp_path / "plot.png"
    assert main(["plot", "climate", "--data", data, "-o", str(path)]) == EX_UNAVAILABLE
    assert "pip install 'tinyflux-collector[plot]'" in capsys.readouterr().err
    assert not path.exists()


def test_too_many_curves_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data.csv"
    with TinyFlux(path) as db:
        db.insert_multiple(
            Point(time=NOON, measurement="m", tags={"n": f"{n:02}"}, fields={"x": n})
            for n in range(11)
        )
    assert main(["plot", "m", "--data", str(path)]) == 0
    said = capsys.readouterr()
    assert "3 more curves are not shown" in said.err
    assert "& 07" in said.out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-o", "plot.pdf"], "found 'plot.pdf'; allowed: .png or .svg"),
        (["--how", "median"], "no statistic 'median'"),
        (["--every", "often"], "argument --every: found 'often'"),
    ],
)
def test_what_cannot_be_meant_is_answered_with_what_can(
    data: str, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["plot", "climate", "--data", data, *arguments])
    assert caught.value.code == EX_USAGE
    assert says in capsys.readouterr().err


def test_an_unknown_field(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "climate", "--data", data, "--field", "temp"]) == EX_DATAERR
    assert "no field 'temp' in climate" in capsys.readouterr().err


def test_nothing_to_draw_is_said(data: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["plot", "climate", "--data", data, "--since", "2030"]) == 0
    assert capsys.readouterr() == ("", "no points fit\n")
