"""A file with a secret that every user may read is named, with what to type."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.config import load_config

_INLINE = "brokers: {b: {url: mqtt://localhost, username: u, password: s3cret}}\n"
_APART = _INLINE.replace("s3cret", "!secret word")


def _notices(folder: Path, text: str, *, mode: int = 0o644, folder_mode: int = 0o755) -> list[str]:
    path, secrets = folder / "config.yaml", folder / "secrets.yaml"
    path.write_text(text, encoding="utf-8")
    path.chmod(mode)
    if "!secret" in text:
        secrets.write_text("word: s3cret\n", encoding="utf-8")
        secrets.chmod(mode)
    folder.chmod(folder_mode)
    return [notice for notice in load_config(path).notices if "chmod" in notice]


@pytest.mark.parametrize(
    ("text", "name"), [(_INLINE, "config.yaml"), (_APART, "secrets.yaml")], ids=["inline", "apart"]
)
def test_the_file_that_holds_the_secret_is_named(tmp_path: Path, text: str, name: str) -> None:
    (notice,) = _notices(tmp_path, text)
    assert notice.endswith(f"chmod o-rwx {tmp_path / name}")
    assert "s3cret" not in notice


@pytest.mark.parametrize("text", [_INLINE, _APART], ids=["inline", "apart"])
def test_a_closed_file_is_not(tmp_path: Path, text: str) -> None:
    assert _notices(tmp_path, text, mode=0o640) == []


def test_an_open_file_in_a_closed_folder_is_not(tmp_path: Path) -> None:
    assert _notices(tmp_path, _INLINE, folder_mode=0o750) == []
