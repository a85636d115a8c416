"""From a file to a `Config`, or to every reason why not. Touches nothing but the files it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.config.crosschecks import cross_check
from daemon.config.problems import to_problems
from daemon.config.root import Config
from daemon.documents import UNREADABLE, Document, data_folder, read_document
from daemon.errors import ConfigError, Problem


def load_config(path: Path) -> Config:
    """The configuration in a YAML file.

    Relative paths to read (certificates, included files) start at the file's folder. Relative
    paths to write start there too, but at /var/lib/tinyflux-collector for a file under /etc.

    Raises:
        ConfigError: with every problem of the file, of what it includes, and between its parts.
    """
    path = Path(path).absolute()
    document = read_document(path)
    problems = list(document.problems)
    config = None
    if document.tree is None:
        problems.append(_empty(path))
    elif document.tree != UNREADABLE:
        config = _validate(document, path, problems)
        problems += cross_check(document)
    if problems or config is None:
        raise ConfigError(sorted(set(problems), key=_order(path)))
    return config


def _validate(document: Document, path: Path, problems: list[Problem]) -> Config | None:
    context: dict[str, Any] = {
        "origin": path,
        "document": document,
        "folder": path.parent,
        "data_folder": data_folder(path),
    }
    try:
        return Config.model_validate(document.tree, context=context)
    except ValidationError as error:
        problems += to_problems(error.errors(include_url=False), document, Config)
        return None


def _empty(path: Path) -> Problem:
    allowed = f"a configuration has sections: {', '.join(Config.model_fields)}"
    return Problem(str(path), 0, "(top level)", "nothing", allowed)


def _order(path: Path) -> Any:
    """Problems of the file itself first, then those of included files, each by line."""

    def key(problem: Problem) -> tuple[bool, str, int, str]:
        return problem.file != str(path), problem.file, problem.line, problem.key_path

    return key
