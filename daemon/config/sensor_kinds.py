"""Which kinds of sensor there are: the collector's own, and what other packages offer by entry
points of the group `tinyflux_collector.sensors`.

A kind is imported when a configuration names it, so that a board pays only for what it uses. Own
kinds are entry points too, but listed here: what is installed is asked (some 20 ms for 50 packages)
only for a name that is not ours, and a checkout whose metadata is older still has all of its kinds.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Protocol

from pydantic import BaseModel

GROUP = "tinyflux_collector.sensors"

_OWN_KINDS = {name: f"daemon.polls.{name}:KIND" for name in (
    "bme280", "command", "file", "gpio", "http", "modbus", "onewire", "serial", "sht3x", "system",
)} | {"bmp280": "daemon.polls.bme280:BMP280"}  # fmt: skip
_OWN = {name: EntryPoint(name, place, GROUP) for name, place in _OWN_KINDS.items()}


class UnknownKindError(ValueError):
    """No installed package brings a kind of this name."""

    def __init__(self, kind: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no kind of poll called {kind!r}; known: {', '.join(known)}")
        self.known = known


class KindError(ValueError):
    """A kind is named by a package, and cannot be had from it."""


class Kind(Protocol):
    """What an entry point names, as far as a configuration has to know it."""

    @property
    def options(self) -> type[BaseModel]:
        """The model of its options."""

    @property
    def open(self) -> Callable[..., Any]:
        """Makes a sensor of them."""


def kind_names() -> tuple[str, ...]:
    """The names of every kind that is installed, sorted."""
    return tuple(sorted({*_OWN, *(entry.name for entry in entry_points(group=GROUP))}))


@cache
def find_kind(name: str, base: type[BaseModel]) -> Kind:
    """The kind of this name, whose options are a `base`; imports its module, once.

    Raises:
        UnknownKindError: no package brings it.
        KindError: two packages do, or what its package brings is no kind.
    """
    found = [_OWN[name]] if name in _OWN else list(entry_points(group=GROUP, name=name))
    if not found:
        raise UnknownKindError(name, kind_names())
    if len(found) > 1:
        packages = ", ".join(sorted(_package(entry) for entry in found))
        raise KindError(
            f"several packages bring the kind {name!r}: {packages}; uninstall all but one"
        )
    [entry] = found
    return _checked(entry, _load(entry), base)


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist is not None else entry.module


def _load(entry: EntryPoint) -> object:
    try:
        return entry.load()
    # What a module raises while it is imported is up to its author; these are what imports come to.
    except (
        ImportError, AttributeError, SyntaxError, TypeError, ValueError, OSError, RuntimeError,
    ) as error:  # fmt: skip
        raise KindError(
            f"the kind {entry.name!r} of the package {_package(entry)} cannot be imported "
            f"({entry.value}): {type(error).__name__}: {error}"
        ) from error


def _checked(entry: EntryPoint, kind: object, base: type[BaseModel]) -> Kind:
    options = getattr(kind, "options", None)
    is_options = isinstance(options, type) and issubclass(options, base)
    if not is_options or not callable(getattr(kind, "open", None)):
        raise KindError(
            f"the kind {entry.name!r} of the package {_package(entry)} ({entry.value}) is no "
            f"SensorKind whose options are a {base.__name__}"
        )
    return kind  # type: ignore[return-value]  # looked at above
