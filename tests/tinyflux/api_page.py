"""The documented API as data: every name of `api_page.txt`, which was taken from the API page.

A line there is a module, a class or a member, with its arguments, its type and, behind `!`, the
errors that the page names. Indented lines are members of the class above them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_LINE = re.compile(
    r"(?P<indent> *)(?P<kind>module|class|def|abstract|property|attribute) (?P<name>[\w.]+)"
    r"(?P<arguments>\(.*?\))?(?P<value> = .+?)?( : (?P<base>[\w.]+))?( -> (?P<type>.+?))?"
    r"( ! (?P<errors>[\w ]+))?"
)


@dataclass(frozen=True)
class Argument:
    """One documented argument; `default` is its source text, None where there is none."""

    name: str
    kind: str
    """`plain`, `*`, `**` or `keyword`."""
    default: str | None


@dataclass(frozen=True)
class Name:
    """One documented name."""

    kind: str
    path: str
    """As `tinyflux.database.TinyFlux.search`."""
    arguments: tuple[Argument, ...] | None
    """Without `self`; None where the page gives no parentheses."""
    value: str | None
    base: str | None
    type: str | None
    errors: tuple[str, ...]

    @property
    def key(self) -> str:
        """The path without the package."""
        return self.path.removeprefix("tinyflux.")


def _arguments(text: str | None) -> tuple[Argument, ...] | None:
    if text is None:
        return None
    function = ast.parse(f"def f{text}: ...").body[0]
    assert isinstance(function, ast.FunctionDef)
    given = function.args
    n_bare = len(given.args) - len(given.defaults)
    defaults = [None] * n_bare + [ast.unparse(default) for default in given.defaults]
    found = [
        Argument(argument.arg, "plain", default)
        for argument, default in zip(given.args, defaults, strict=True)
    ]
    if given.vararg:
        found.append(Argument(given.vararg.arg, "*", None))
    for argument, keyword_default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        text_of = None if keyword_default is None else ast.unparse(keyword_default)
        found.append(Argument(argument.arg, "keyword", text_of))
    if given.kwarg:
        found.append(Argument(given.kwarg.arg, "**", None))
    return tuple(found)


def _names() -> Iterator[Name]:
    module = owner = ""
    text = Path(__file__).with_name("api_page.txt").read_text(encoding="utf-8")
    for line in filter(None, text.splitlines()):
        match = _LINE.fullmatch(line)
        assert match, line
        kind, name = match["kind"], match["name"]
        if kind == "module":
            module = path = name
        elif match["indent"]:
            path = f"{owner}.{name}"
        else:
            path = f"{module}.{name}"
            owner = path
        yield Name(
            kind,
            path,
            _arguments(match["arguments"]),
            match["value"] and match["value"].removeprefix(" = "),
            match["base"],
            match["type"],
            tuple((match["errors"] or "").split()),
        )


NAMES = tuple(_names())
ARGUMENTS = tuple((name, argument) for name in NAMES for argument in name.arguments or ())
