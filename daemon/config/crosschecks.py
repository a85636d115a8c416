"""Checks between sections, on the tree as read, so that they run even where a section is broken.

Each is tolerant of anything: what has the wrong type is reported elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from daemon.config.fields import is_pattern
from daemon.config.habits import suggest
from daemon.config.paths import is_path
from daemon.config.polls import default_each
from daemon.config.retention_checks import conflicts
from daemon.config.templates import parse_template
from daemon.config.topics import parse_topic_filter
from daemon.documents import UNREADABLE, Document, KeyPath, show_path
from daemon.errors import Problem

Finding = tuple[KeyPath, str, str]


def cross_check(document: Document) -> list[Problem]:
    """Every problem between parts of the document."""
    tree = document.tree if isinstance(document.tree, dict) else {}
    findings = [
        *_broker_references(tree),
        *_duplicate_names(tree),
        *_sources(tree),
        *_polls(tree),
        *conflicts(_list(_mapping(tree.get("retention")).get("rules"))),
    ]
    problems = []
    for path, found, allowed in findings:
        place = document.place(path)
        problems.append(Problem(place.file, place.line, show_path(path), found, allowed))
    return problems


def _mapping(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _broker_references(tree: dict[Any, Any]) -> Iterator[Finding]:
    if tree.get("brokers") == UNREADABLE:
        return
    brokers = [str(name) for name in _mapping(tree.get("brokers"))]
    known = ", ".join(brokers) or "none is configured; add it under `brokers`"
    for number, rule in enumerate(_list(tree.get("sources"))):
        if not isinstance(rule, dict):
            continue
        path: KeyPath = ("sources", number, "broker")
        name = rule.get("broker")
        if name is None and len(brokers) != 1:
            yield path, "no broker", f"say which one the topic is on; brokers: {known}"
        elif isinstance(name, str) and name != UNREADABLE and name not in brokers:
            meant = suggest(name, brokers)
            hint = f"did you mean `{meant}`? " if meant else ""
            yield path, f"the unknown broker {name!r}", f"{hint}brokers: {known}"


def _duplicate_names(tree: dict[Any, Any]) -> Iterator[Finding]:
    polls: list[tuple[KeyPath, Any]] = []
    for number, poll in enumerate(_list(tree.get("polls"))):
        for kind, options in _mapping(poll).items():
            name = _mapping(options).get("name", kind)
            polls.append((("polls", number, str(kind), "name"), name))
    yield from _repeated(polls, "poll")
    rules: list[tuple[KeyPath, Any]] = [
        (("retention", "rules", number, "name"), _mapping(rule).get("name"))
        for number, rule in enumerate(_list(_mapping(tree.get("retention")).get("rules")))
    ]
    yield from _repeated(rules, "rule")


def _repeated(names: list[tuple[KeyPath, Any]], what: str) -> Iterator[Finding]:
    first: dict[str, KeyPath] = {}
    for path, name in names:
        if not isinstance(name, str) or name == UNREADABLE:
            continue
        if name in first:
            yield (
                path,
                f"a second {what} called {name!r}, beside {show_path(first[name][:-1])}",
                f"give each {what} a `name` of its own",
            )
        first.setdefault(name, path)


def _sources(tree: dict[Any, Any]) -> Iterator[Finding]:
    for number, rule in enumerate(_list(tree.get("sources"))):
        yield from check_rule(("sources", number), rule)


def check_rule(path: KeyPath, rule: Any, names: tuple[str, ...] = ()) -> Iterator[Finding]:
    """What the parts of a rule of messages say against each other; `names` are known beside those
    of its topic."""
    rule = _mapping(rule)
    brought = _wildcard_names(rule.get("topic"))
    if brought is not None:
        # A name in braces that no wildcard of the topic brings.
        texts = [((*path, "measurement"), rule.get("measurement")), *_texts(path, rule)]
        yield from _unknown_names(texts, (*brought, *names), rule)
    if rule.get("payload") == "scalar":
        yield from _paths_into_scalar(path, rule)
    yield from _exclude_beside_fields(path, rule)


def _polls(tree: dict[Any, Any]) -> Iterator[Finding]:
    for number, poll in enumerate(_list(tree.get("polls"))):
        for kind, options in _mapping(poll).items():
            path: KeyPath = ("polls", number, str(kind))
            options = _mapping(options)
            is_fanned = default_each(kind) is not None
            around = {"each": None, **options} if is_fanned else options
            yield from _unknown_names(_texts(path, options), (), around)
            if options.get("parse") == "scalar":
                yield from _paths_into_scalar(path, options)
            yield from _exclude_beside_fields(path, options)


def _texts(path: KeyPath, rule: Any) -> list[tuple[KeyPath, Any]]:
    """The texts of a rule that may have names in braces."""
    texts = _tag_texts(path, rule)
    for name, field in _mapping(_mapping(rule).get("fields")).items():
        place: KeyPath = (*path, "fields", str(name))
        texts.append((place, name))
        texts.append(((*place, "value"), _mapping(field).get("value")))
    return texts


def _tag_texts(path: KeyPath, rule: Any) -> list[tuple[KeyPath, Any]]:
    tags = _mapping(_mapping(rule).get("tags"))
    return [((*path, "tags", str(key)), text) for key, text in tags.items()]


def _wildcard_names(topic: Any) -> tuple[str, ...] | None:
    try:
        return parse_topic_filter(topic).wildcard_names if isinstance(topic, str) else None
    except ValueError:
        return None


def _unknown_names(
    texts: list[tuple[KeyPath, Any]], names: tuple[str, ...], rule: Any
) -> Iterator[Finding]:
    has_keys = "each" in _mapping(rule)
    for path, text in texts:
        if not isinstance(text, str) or is_path(text) or text == UNREADABLE:
            continue
        try:
            template = parse_template(text)
        except ValueError:
            continue
        for name in template.wildcards:
            if has_keys and name in template.keys:
                continue
            if name not in names:
                if name in template.keys:
                    yield path, f"{{{name}}} without `each`", "`each` says of what it is the key"
                    continue
                meant = suggest(name, names)
                hint = f"did you mean {{{meant}}}? " if meant else ""
                known = ", ".join(f"{{{known}}}" for known in names)
                yield (
                    path,
                    f"{{{name}}}, which no wildcard of a topic brings",
                    hint + (f"allowed: {known}" if known else "no names are known here"),
                )


def _exclude_beside_fields(path: KeyPath, rule: dict[Any, Any]) -> Iterator[Finding]:
    fields = rule.get("fields")
    if isinstance(fields, dict) and rule.get("rest") != "store":
        has_patterns = any(is_pattern(str(name)) for name in fields)
        for key in () if has_patterns else ("exclude", "names"):
            # The names of sensors, as of a onewire poll, are something else.
            if key in rule and not isinstance(rule[key], dict):
                yield (
                    (*path, key),
                    f"`{key}` beside `fields`",
                    "only the fields that are listed are stored; remove one of the two, or add "
                    "`rest: store`",
                )
        if "text" in rule:
            yield (
                (*path, "text"),
                "`text` beside `fields`",
                "only the fields that are listed are stored; give them `type: enum`, or add "
                "`rest: store`",
            )
    if rule.get("rest") == "store" and "fields" not in rule:
        yield (
            (*path, "rest"),
            "`rest: store` without `fields`",
            "a rule without `fields` stores every number already; remove it",
        )


def _paths_into_scalar(path: KeyPath, rule: dict[Any, Any]) -> Iterator[Finding]:
    option = "parse" if "parse" in rule else "payload"
    advice = f"a scalar has no parts; use `{option}: json`, or leave the path out"
    beside = f"beside `{option}: scalar`"
    if isinstance(rule.get("time"), (str, dict)):
        yield (*path, "time"), f"`time` {beside}", advice
    if "each" in rule:
        yield (*path, "each"), f"`each` {beside}", advice
    for name, field in _mapping(rule.get("fields")).items():
        if isinstance(field, str) or "path" in _mapping(field):
            yield (*path, "fields", str(name)), f"a path {beside}", advice
    for key, text in _tag_texts(path, rule):
        if isinstance(text, str) and is_path(text):
            yield key, f"a path {beside}", advice
    fields = _mapping(rule.get("fields")).values()
    if (
        sum(
            not {"value", "expression", "value_template"} & set(_mapping(field)) for field in fields
        )
        > 1
    ):
        yield (*path, "fields"), f"several fields {beside}", "name one field"
