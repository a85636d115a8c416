"""`explain --poll`: one reading of a poll, each step, and what it would become."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from daemon.cli import main
from daemon.errors import EX_UNAVAILABLE, EX_USAGE

CONFIG = """\
collector: {name: cabin}
storage: {path: data.csv}
polls:
  - command:
      name: rain
      run: [printf, '{"mm": 12, "mode": "wet", "wind": "7 kn", "t": 300}']
      measurement: weather
      fields:
        mm: {scale: 0.1, round: 1}
        mode: {type: enum, enum: {dry: 0, wet: 1}}
        t: {max: 60}
        sun: {optional: true}
  - command: {name: rows, run: [printf, 'a 1\\nb 2\\n'], parse: {regex: {pattern: "(?P<what>[a-z]) (?P<n>[0-9])", all: true}}, tags: {what: $.what}, fields: {n: {}}}
  - command: {name: words, run: [echo, "rainy day"], parse: json}
  - command: {name: nothing, run: ["true"]}
  - command: {name: fails, run: ["false"]}
  - command: {name: hangs, run: [sleep, "600"], timeout: 300ms}
  - system: {name: board, collect: [memory], deadband: 1}
"""  # noqa: E501


@pytest.fixture
def config(tmp_path: Path) -> str:
    path = tmp_path / "config.yaml"
    path.write_text(CONFIG)
    return str(path)


def explain(config: str, *arguments: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    status = main(["explain", "-c", config, *arguments])
    said = capsys.readouterr()
    return status, said.out + said.err


def test_every_step_from_the_output_to_the_point_is_shown(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, page = explain(config, "--poll", "rain", capsys=capsys)
    expected = textwrap.dedent("""\
        poll rain (polls[0], line 4), kind command

        read in S s: '{"mm": 12, "mode": "wet", "wind": "7 kn", "t": 300}'
          reading of 51 characters, read as auto: an object with mm, mode, wind, t
          field mm: at mm the number 12 -> 1.2 (* 0.1)
          field mode: at mode the text 'wet' -> 1 (read)
          field t: at t the number 300 -> no value (allowed ..60)
          field t: found 300, allowed is -inf to 60
          not there, and need not be: sun
        """)
    assert status == 0
    seconds = page.partition("read in ")[2].partition(" s:")[0]
    shown = page.replace(f"read in {seconds} s", "read in S s")
    for line in expected.splitlines():
        assert line in shown
    assert "rejected by polls[0]" in shown
    assert "weather,host=cabin mm=1.2 mode=1" in shown


def test_each_row_of_a_text_is_shown(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, page = explain(config, "--poll", "rows", capsys=capsys)
    assert status == 0
    assert "read as regex: 2 rows" in page
    assert "rows,host=cabin,what=a n=1.0" in page
    assert "rows,host=cabin,what=b n=2.0" in page


def test_text_that_cannot_be_read_is_explained(
    config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, page = explain(config, "--poll", "words", capsys=capsys)
    assert status == 0
    assert "is no JSON" in page
    assert "rejected by polls[2]" in page


def test_no_value_is_shown_as_such(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, page = explain(config, "--poll", "nothing", capsys=capsys)
    assert status == 0
    assert "it says that there is no value" in page
    assert "no-value by polls[3]" in page


def test_thinning_is_named(config: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, page = explain(config, "--poll", "board", capsys=capsys)
    assert status == 0
    assert "field memory_percent: stored as it is" in page
    assert "then thinned (deadband)" in page
    assert "stored by polls[6]" in page


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        pytest.param(
            ["--poll", "fails"], EX_UNAVAILABLE, "false ended with exit status 1", id="fails"
        ),
        pytest.param(
            ["--poll", "hangs"],
            EX_UNAVAILABLE,
            "sleep was still running after 0.3 s, killed (t",
            id="hangs",
        ),
        pytest.param(
            ["--poll", "attic"], EX_USAGE, "found 'attic'; polls: rain, rows, words", id="unknown"
        ),
        pytest.param(["--poll", "rain", "a", "b"], EX_USAGE, "--poll stands alone", id="and-topic"),
        pytest.param(["--poll", "rain", "--retained"], EX_USAGE, "stands alone", id="and-retained"),
    ],
)
def test_what_cannot_be_explained_is_said(
    config: str,
    arguments: list[str],
    status: int,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    try:
        ended = main(["explain", "-c", config, *arguments])
    except SystemExit as error:
        ended = error.code  # type: ignore[assignment]
    assert ended == status
    assert told in capsys.readouterr().err


def test_explaining_stores_nothing(
    config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    explain(config, "--poll", "rain", capsys=capsys)
    assert [path.name for path in tmp_path.iterdir()] == ["config.yaml"]
