"""`presets`: what there is, and a file to copy from."""

from __future__ import annotations

import pytest

from daemon.cli import main
from daemon.config import load_preset, preset_names
from daemon.errors import EX_USAGE


def test_every_preset_is_listed_with_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets"]) == 0
    shown = capsys.readouterr().out
    for name in preset_names():
        assert f"{name} " in shown
        assert load_preset(name).about in shown


@pytest.mark.parametrize("name", preset_names())
def test_file_of_a_preset_is_printed(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", name]) == 0
    assert capsys.readouterr().out == load_preset(name).path.read_text(encoding="utf-8")


def test_unknown_preset_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["presets", "zigbe2mqtt"]) == EX_USAGE
    assert "did you mean `zigbee2mqtt`?" in capsys.readouterr().err
