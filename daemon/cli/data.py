"""Where the data of a command is, and how it is opened beside a collector that writes to it.

Reads of the configuration only what it needs, without the models: those cost a third of a second.
"""

from __future__ import annotations

import argparse
import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from daemon.cli.arguments import INSTALLED_CONFIG
from daemon.documents import UNREADABLE, Document, data_folder, read_document
from daemon.errors import (
    EX_DATAERR,
    EX_IOERR,
    EX_NOINPUT,
    EX_NOPERM,
    EX_USAGE,
    ConfigError,
    Problem,
    RequestError,
)
from daemon.zones import find_zone, local_zone

if TYPE_CHECKING:
    from tinyflux import TinyFlux


@dataclass(frozen=True, slots=True)
class Located:
    """The data file of a command, and what its configuration says of it."""

    path: Path
    zone: tzinfo
    is_compact: bool = True
    """Whether new rows have short prefixes."""
    units: dict[str, str] = field(default_factory=dict)
    """Of fields, by name, as far as rules name them."""


def locate(options: argparse.Namespace) -> Located:
    """The data file that `--data`, `-c` or the installed configuration names.

    Raises ConfigError for a configuration that is no YAML, RequestError where none is named.
    """
    zone = _zone(options)
    if options.data is not None:
        return Located(options.data, zone or local_zone())
    config = options.config
    if config is None:
        if not INSTALLED_CONFIG.exists():
            raise RequestError(
                f"no data is named, and there is no {INSTALLED_CONFIG}; give --data FILE, or "
                "-c with a configuration",
                EX_USAGE,
            )
        config = INSTALLED_CONFIG
    return _of_configuration(Path(config).absolute(), zone)


def _of_configuration(path: Path, zone: tzinfo | None) -> Located:
    document = read_document(path)
    tree = document.tree if isinstance(document.tree, dict) else {}
    storage, collector = _section(tree, "storage"), _section(tree, "collector")
    named = storage.get("path", "data.csv")
    if document.tree == UNREADABLE or not isinstance(named, str) or named == UNREADABLE:
        raise ConfigError(document.problems or [_no_path(document, path)])
    name = collector.get("timezone")
    if zone is None:
        try:
            zone = find_zone(name) if isinstance(name, str) else local_zone()
        except ValueError:
            zone = local_zone()
    return Located(
        data_folder(path) / Path(named).expanduser(),
        zone,
        storage.get("compact_keys") is not False,
        _units(tree),
    )


def _section(tree: dict[Any, Any], name: str) -> dict[Any, Any]:
    found = tree.get(name)
    return found if isinstance(found, dict) else {}


def _no_path(document: Document, path: Path) -> Problem:
    place = document.place(("storage", "path"))
    return Problem(place.file or str(path), place.line, "storage.path", "no text", "a file's name")


def _units(tree: dict[Any, Any]) -> dict[str, str]:
    """What rules say of the unit of what they store; the first word on a name counts."""
    units: dict[str, str] = {}
    sources = tree.get("sources")
    for rule in sources if isinstance(sources, list) else []:
        fields = rule.get("fields") if isinstance(rule, dict) else None
        for name, said in fields.items() if isinstance(fields, dict) else ():
            unit = (said.get("store_as") or said.get("unit")) if isinstance(said, dict) else None
            if isinstance(unit, str) and unit != UNREADABLE:
                units.setdefault(str(name), unit)
    return units


def _zone(options: argparse.Namespace) -> tzinfo | None:
    name = getattr(options, "tz", None)
    if name is None:
        return None
    try:
        return find_zone(name)
    except ValueError as error:
        raise RequestError(f"--tz: {error}", EX_USAGE) from None


@contextmanager
def reading(path: Path) -> Iterator[TinyFlux]:
    """The database of a file, for reading only: no lock is taken, a collector is not disturbed.

    Raises RequestError, also from within, for a file that is missing, that may not be read, or that
    is no data file.
    """
    from tinyflux import TinyFlux
    from tinyflux.errors import DamageError

    try:
        with TinyFlux(path, access_mode="r") as db:
            yield db
    except DamageError as error:
        raise RequestError(_damage(path, error), EX_DATAERR) from error
    except UnicodeDecodeError as error:
        raise RequestError(f"{path} is no data file: {error}", EX_DATAERR) from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise refusal(path, error) from error


def _damage(path: Path, error: Exception) -> str:
    offset = getattr(error, "offset", None)
    if offset == 0:
        return (
            f"{path} is no TinyFlux data file: {error}; a file of another kind is taken in by "
            "`tinyflux-collector import`"
        )
    return (
        f"{path} is damaged: {error}; `python -m tinyflux check {path}` lists the damage, "
        "`repair` sets it aside"
    )


def refusal(path: Path, error: OSError) -> RequestError:
    """What the system's refusal of a data file means, and what to do."""
    if error.errno == errno.ENOENT:
        return RequestError(
            f"there is no data file {path}; a collector makes it with its first point", EX_NOINPUT
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return RequestError(
            f"{path} may not be read by you: {error.strerror}; ask as a member of the file's group "
            "(sudo usermod -aG tinyflux-collector $USER, then log in anew), or with sudo",
            EX_NOPERM,
        )
    if error.errno == errno.EISDIR:
        return RequestError(f"{path} is a directory; give the data file in it", EX_DATAERR)
    return RequestError(f"{path} cannot be read: {error}", EX_IOERR)
