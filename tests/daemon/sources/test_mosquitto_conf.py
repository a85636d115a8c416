"""What a mosquitto.conf means for a client that is away."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.sources import mosquitto


def _read(folder: Path, text: str) -> dict[str, list[str]]:
    path = folder / "mosquitto.conf"
    path.write_text(text, encoding="utf-8")
    options = mosquitto.read_configuration(path)
    assert options is not None
    return options


def test_included_files_are_read_in_their_place(tmp_path: Path) -> None:
    folder = tmp_path / "conf.d"
    folder.mkdir()
    (folder / "b.conf").write_text("max_queued_messages 5\n", encoding="utf-8")
    (folder / "a.conf").write_text("# nothing\nmax_queued_messages 4\n", encoding="utf-8")
    (folder / "README").write_text("max_queued_messages 6\n", encoding="utf-8")
    options = _read(tmp_path, f"persistence true\ninclude_dir {folder}\n")
    assert options == {"persistence": ["true"], "max_queued_messages": ["4", "5"]}
    assert mosquitto.queue_limit(options) == 5


def test_a_configuration_that_includes_itself_ends(tmp_path: Path) -> None:
    assert _read(tmp_path, f"persistence true\ninclude_dir {tmp_path}\n")["persistence"]


def test_what_cannot_be_read_is_none(tmp_path: Path) -> None:
    assert mosquitto.read_configuration(tmp_path / "missing.conf") is None


@pytest.mark.parametrize(
    ("text", "port", "listens"),
    [
        ("", 1883, True),
        ("", 1884, False),
        ("listener 1884 127.0.0.1\n", 1884, True),
        ("listener 1884\n", 1883, False),
        ("port 1885\nlistener 1884\n", 1885, True),
    ],
)
def test_its_listeners_are_known(tmp_path: Path, text: str, port: int, listens: bool) -> None:
    assert mosquitto.listens_on(_read(tmp_path, text), port) is listens


def test_the_defaults_lack_everything(tmp_path: Path) -> None:
    assert mosquitto.missing(_read(tmp_path, "\n")) == list(mosquitto.WISHES)
    assert mosquitto.queue_limit({}) == 1000


@pytest.mark.parametrize(
    ("text", "lacking"),
    [
        ("\n".join(wish.line for wish in mosquitto.WISHES), []),
        (
            "persistence true\nautosave_interval 60\nmax_queued_messages 0\n"
            "max_inflight_messages 0\nset_tcp_nodelay true",
            [],
        ),
        (
            "persistence true\nautosave_interval 1800\nmax_queued_messages 9\n"
            "max_inflight_messages 20\nset_tcp_nodelay true",
            [
                "autosave_on_changes",
                "autosave_interval",
                "max_queued_messages",
                "max_inflight_messages",
            ],
        ),
    ],
    ids=["as wished", "each minute, no limits", "little"],
)
def test_what_is_as_good_is_not_asked_for(tmp_path: Path, text: str, lacking: list[str]) -> None:
    missing = mosquitto.missing(_read(tmp_path, text))
    assert [wish.option for wish in missing] == lacking
