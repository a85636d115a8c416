"""Presets: rules for the devices of one project, kept as data in `daemon/presets/NAME.yaml`.

A preset file has nothing that a user's own rules cannot have; `{prefix}` in its topics is replaced
by each of its prefixes. A tag `"{prefix}"` is the prefix where that is plain text; where it has
wildcards, their names are tags anyhow. Everything is validated as rules of `sources` are.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from daemon.config.crosschecks import check_rule
from daemon.config.habits import suggest
from daemon.config.placed import PlacedRule, Tier
from daemon.config.problems import to_problems
from daemon.config.section import Items, Section, check_name
from daemon.config.sources import SourceRule
from daemon.config.topics import parse_topic_filter
from daemon.documents import Document, KeyPath, Place, read_document, show_path
from daemon.errors import ConfigError, Problem

FOLDER = Path(__file__).parent.parent / "presets"

_PREFIX = "{prefix}"
_NAME = re.compile(r"[a-z0-9_]+")


class PresetFile(Section):
    """One preset, as its file has it."""

    name: str
    """That of the file."""
    about: str
    """What it is for, a line."""
    documentation: str
    """Where the project describes its topics."""
    prefixes: Items[str] = ()
    """What `{prefix}` in a topic stands for, unless the user says otherwise; may be a named
    wildcard such as +device."""
    rules: Items[dict[str, Any]] = Field(min_length=1)
    """Rules as in `sources`, without `broker`."""


class Preset:
    """A preset that was read and found right."""

    def __init__(self, file: PresetFile, document: Document, path: Path) -> None:
        self._file = file
        self._document = document
        self.path = path

    @property
    def name(self) -> str:
        """As the configuration calls it."""
        return self._file.name

    @property
    def about(self) -> str:
        """What it is for, a line."""
        return " ".join(self._file.about.split())

    @property
    def documentation(self) -> str:
        """Where the project describes its topics."""
        return self._file.documentation

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The prefixes that it has by itself."""
        return self._file.prefixes

    def rules(self, prefixes: tuple[str, ...] | None = None) -> tuple[PlacedRule, ...]:
        """Its rules, once for each prefix (default: its own); what names no prefix once.

        Raises:
            ValueError: for a prefix that cannot be used.
            ConfigError: for a rule that cannot.
        """
        given = self._file.prefixes if prefixes is None else prefixes
        bindings = [self._bind(prefix) for prefix in given] or [("", {})]
        placed: list[PlacedRule] = []
        problems: list[Problem] = []
        for turn, (prefix, bound) in enumerate(bindings):
            for number, options in enumerate(self._file.rules):
                has_prefix = _has_prefix(options)
                if turn and not has_prefix:
                    continue
                names = bound if has_prefix else {}
                try:
                    placed.append(self._rule(number, _fill(options, prefix), names))
                except ConfigError as error:
                    problems += error.problems
        if problems:
            # What is wrong with a rule is so with each prefix.
            raise ConfigError(list(dict.fromkeys(problems)))
        return tuple(placed)

    def _rule(self, number: int, options: dict[str, Any], bound: Mapping[str, str]) -> PlacedRule:
        at: KeyPath = ("rules", number)
        place = self._document.place(at)
        problems = [
            Problem(found_at.file, found_at.line, show_path(path), found, allowed)
            for path, found, allowed in check_rule(at, options, tuple(bound))
            for found_at in [self._document.place(path)]
        ]
        if "broker" in options:
            problems.append(
                Problem(place.file, place.line, show_path(at), "`broker`", "a preset names none")
            )
        try:
            rule = SourceRule.model_validate(options)
        except ValidationError as error:
            part = _part(self._document, at)
            found = to_problems(error.errors(include_url=False), part, SourceRule)
            problems += [
                Problem(
                    one.file, one.line, f"{show_path(at)}.{one.key_path}", one.found, one.allowed
                )
                for one in found
            ]
        if problems:
            raise ConfigError(problems)
        name = f"presets.{self.name}[{number}]"
        return PlacedRule(name, rule, Tier.PRESETS, bound, place)

    def _bind(self, prefix: str) -> tuple[str, dict[str, str]]:
        """The prefix for topics, and the names that it stands for where it is plain text."""
        levels = _parse_prefix(prefix)
        defaults = [parse_topic_filter(text) for text in self._file.prefixes]
        needed = {name for default in defaults for name in default.wildcard_names}
        names = set(levels.wildcard_names)
        if needed <= names:
            return prefix, {}
        if "+" in levels.levels:
            listed = ", ".join(f"+{name}" for name in sorted(needed))
            raise ValueError(
                f"the prefix {prefix!r} has a wildcard but not {listed}: the rules need that name; "
                "write it so, or a plain text"
            )
        for default in defaults:
            if len(default.levels) == len(levels.levels) and all(
                wanted in ("+", level)
                for wanted, level in zip(default.levels, levels.levels, strict=True)
            ):
                pairs = zip(default.names, levels.levels, strict=True)
                return prefix, {name: check_name(level) for name, level in pairs if name}
        if len(needed) > 1:
            raise ValueError(
                f"the prefix {prefix!r} must have as many levels as {self._file.prefixes[0]!r}"
            )
        return prefix, {name: check_name(prefix) for name in needed}


def _parse_prefix(prefix: str) -> Any:
    parsed = parse_topic_filter(prefix)
    if "#" in parsed.levels or prefix.endswith("/"):
        raise ValueError(
            f"the prefix {prefix!r} is the beginning of topics, without a slash or # at its end"
        )
    return parsed


def _part(document: Document, at: KeyPath) -> Document:
    """What stands below a place, as a document of its own."""
    tree: Any = document.tree
    for step in at:
        tree = tree[step]
    size = len(at)
    places = {path[size:]: place for path, place in document.places.items() if path[:size] == at}
    return Document(tree, places)


def _has_prefix(options: Mapping[str, Any]) -> bool:
    return any(_PREFIX in str(text) for text in _topics(options))


def _topics(options: Mapping[str, Any]) -> Iterator[object]:
    yield options.get("topic")
    availability = options.get("availability")
    yield availability.get("topic") if isinstance(availability, dict) else availability


def _fill(options: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The rule with its prefix put in."""
    filled = dict(options)
    if isinstance(topic := filled.get("topic"), str):
        filled["topic"] = topic.replace(_PREFIX, prefix)
    if isinstance(tags := filled.get("tags"), dict):
        is_plain = "+" not in parse_topic_filter(prefix).levels if prefix else True
        filled["tags"] = {
            name: prefix if text == _PREFIX else text
            for name, text in tags.items()
            if text != _PREFIX or is_plain
        }
    availability = filled.get("availability")
    if isinstance(availability, str):
        filled["availability"] = availability.replace(_PREFIX, prefix)
    elif isinstance(availability, dict) and isinstance(availability.get("topic"), str):
        topic = availability["topic"].replace(_PREFIX, prefix)
        filled["availability"] = {**availability, "topic": topic}
    return filled


def preset_names() -> tuple[str, ...]:
    """The presets there are, in order of the alphabet."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.yaml")))


def load_preset(name: str) -> Preset:
    """A preset by its name.

    Raises:
        ValueError: where there is none of that name; the text says which there are.
        ConfigError: where its file is wrong.
    """
    known = preset_names()
    if name not in known:
        meant = suggest(name, known)
        hint = f"did you mean `{meant}`? " if meant else ""
        raise ValueError(f"there is no preset {name!r}; {hint}presets: {', '.join(known)}")
    return read_preset(FOLDER / f"{name}.yaml")


@cache
def read_preset(path: Path) -> Preset:
    """A preset from its file.

    Raises:
        ConfigError: with everything that is wrong with it.
    """
    document = read_document(path)
    if document.problems:
        raise ConfigError(document.problems)
    try:
        file = PresetFile.model_validate(document.tree)
    except ValidationError as error:
        raise ConfigError(
            to_problems(error.errors(include_url=False), document, PresetFile)
        ) from None
    preset = Preset(file, document, path)
    if file.name != path.stem or not _NAME.fullmatch(file.name):
        place = document.place(("name",))
        raise _one_problem(place, "name", repr(file.name), f"the file's own name, {path.stem}")
    names = [parse_topic_filter(prefix).wildcard_names for prefix in file.prefixes]
    if len(set(names)) > 1:
        place = document.place(("prefixes",))
        raise _one_problem(place, "prefixes", "prefixes of different names", "the same in each")
    if not file.prefixes and any(_has_prefix(rule) for rule in file.rules):
        place = document.place(("rules",))
        raise _one_problem(place, "rules", "{prefix} without `prefixes`", "give `prefixes`")
    preset.rules()
    return preset


def _one_problem(place: Place, key: str, found: str, allowed: str) -> ConfigError:
    return ConfigError([Problem(place.file, place.line, key, found, allowed)])


class PresetUse(Section):
    """A preset that a broker's messages go through, and the prefixes to use it with."""

    name: str
    prefixes: Items[str] | None = Field(default=None, min_length=1)
    """What the topics begin with, instead of the preset's own."""

    @model_validator(mode="after")
    def _check(self) -> PresetUse:
        preset = load_preset(self.name)
        try:
            preset.rules(self.prefixes)
        except ConfigError as error:
            # The file itself is right, so the prefixes cannot be.
            wrong = error.problems[0]
            raise ValueError(
                f"with these prefixes, {wrong.key_path} would be {wrong.found}: {wrong.allowed}"
            ) from None
        return self

    def rules(self) -> tuple[PlacedRule, ...]:
        """The rules that it stands for."""
        return load_preset(self.name).rules(self.prefixes)


def as_preset(value: object) -> object:
    """`zigbee2mqtt`, or `{esphome: {prefixes: [boiler]}}`, as the fields of a `PresetUse`.

    Raises:
        ValueError: for anything else.
    """
    if isinstance(value, PresetUse):
        return value
    if isinstance(value, str):
        return {"name": value}
    shape = "a preset is a name, or a name with its prefixes, as {esphome: {prefixes: [boiler]}}"
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(shape)
    [(name, options)] = value.items()
    if options is None or options == {}:
        return {"name": name}
    if not isinstance(options, dict):
        raise ValueError(shape)
    if unknown := sorted(set(map(str, options)) - {"prefixes"}):
        raise ValueError(f"a preset has no option {unknown[0]!r}, only `prefixes`; {shape}")
    prefixes = options["prefixes"]
    if not isinstance(prefixes, list) or not prefixes or not all(map(_is_text, prefixes)):
        raise ValueError(f"`prefixes` are a list of texts, of at least one; {shape}")
    return {"name": name, "prefixes": prefixes}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


PresetUses = Items[Annotated[PresetUse, BeforeValidator(as_preset)]]
