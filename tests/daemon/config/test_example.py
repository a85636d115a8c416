"""config.example.yaml runs as it is, and so does each of its switched-off blocks."""

from __future__ import annotations

import re
import types
import typing
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from daemon.config import Config, PollOptions, find_kind, kind_names, load_config
from tests.daemon.config.configs import load

EXAMPLE = Path(__file__).parents[3] / "config.example.yaml"
TEXT = EXAMPLE.read_text(encoding="utf-8")
BLOCK = re.compile(r"^ *# >>> (?P<title>.*)\n(?P<lines>(?: *#.*\n)+?) *# <<<\n", re.MULTILINE)
TITLES = [match["title"] for match in BLOCK.finditer(TEXT)]
KINDS = kind_names()
SECRETS = {"secrets.yaml": "mqtt_password: s3cret\n"}


def switched_on(wanted: typing.Callable[[str], bool]) -> str:
    """The example with the blocks of these titles switched on: the first # of each line goes."""

    def switch(match: re.Match[str]) -> str:
        lines = match["lines"]
        return re.sub(r"^( *)#", r"\1", lines, flags=re.MULTILINE) if wanted(match["title"]) else ""

    return BLOCK.sub(switch, TEXT)


def test_example_loads_as_it_is() -> None:
    config = load_config(EXAMPLE)
    assert config.brokers["home"].is_embedded
    assert [poll.name for poll in config.polls] == ["system"]
    assert config.storage.path == EXAMPLE.parent / "data/points.csv"
    assert config.notices == ()


def test_example_has_blocks() -> None:
    assert len(TITLES) == TEXT.count("# >>>") == TEXT.count("# <<<") > 8
    assert len(set(TITLES)) == len(TITLES)


@pytest.mark.parametrize("title", TITLES)
def test_block_loads_when_it_is_switched_on_alone(tmp_path: Path, title: str) -> None:
    plain = load(tmp_path, switched_on(lambda _: False), SECRETS)
    config = load(tmp_path, switched_on(lambda other: other == title), SECRETS)
    assert config != plain


def test_all_blocks_load_together(tmp_path: Path) -> None:
    config = load(tmp_path, switched_on(lambda _: True), SECRETS)
    assert sorted(config.brokers) == ["cellar", "home", "remote", "web"]


def keys_of(section: type[BaseModel]) -> set[str]:
    """Every key that this section and the sections in it know."""
    keys: set[str] = set()
    for name, info in section.model_fields.items():
        keys.add(str(info.validation_alias or name))
        for inner in sections_in(info.annotation):
            keys |= keys_of(inner)
    return keys


def keys_of_kind(name: str) -> set[str]:
    """Every key that a poll of this kind knows."""
    return keys_of(find_kind(name, PollOptions).options)


def sections_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and not isinstance(annotation, types.GenericAlias):
        return [annotation] if issubclass(annotation, BaseModel) else []
    return [inner for part in typing.get_args(annotation) for inner in sections_in(part)]


@pytest.mark.parametrize("key", sorted(keys_of(Config).union(*map(keys_of_kind, KINDS)) - {"kind"}))
def test_example_shows_every_option(key: str) -> None:
    assert re.search(rf"(?<![\w$.]){key}:", TEXT), f"{key} is not in config.example.yaml"
