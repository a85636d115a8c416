"""The API page, name by name: each exists, takes its arguments and gives or raises what it says."""

from __future__ import annotations

import abc
import importlib
import inspect
from pathlib import Path
from typing import Any

import pytest

import tinyflux
from tests.tinyflux.api_examples import ERRORS, EXAMPLES, World, la
from tests.tinyflux.api_page import ARGUMENTS, NAMES, Argument, Name
from tests.tinyflux.typed import is_of
from tinyflux import Storage, TinyFlux
from tinyflux.index import Index
from tinyflux.storages import CSVStorage

CHAINED = {f"index.Index.{name}" for name in ("build", "insert", "remove", "update", "invalidate")}
"""Documented to give None; the page's own examples go on with the index."""
KINDS = {
    "plain": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "*": inspect.Parameter.VAR_POSITIONAL,
    "**": inspect.Parameter.VAR_KEYWORD,
    "keyword": inspect.Parameter.KEYWORD_ONLY,
}
CALLABLE = [name for name in NAMES if name.arguments is not None]
TYPED = [name for name in NAMES if name.type and name.key not in CHAINED and not name.errors]


def found(path: str) -> Any:
    """What stands at a dotted path that begins with a module of the package."""
    module, *rest = path.removeprefix("tinyflux.").split(".")
    value = importlib.import_module(f"tinyflux.{module}")
    for name in rest:
        value = (
            inspect.getattr_static(value, name) if inspect.isclass(value) else getattr(value, name)
        )
    return value


def by_key(name: Name) -> str:
    return name.key


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_the_page_is_read_whole() -> None:
    assert (len(NAMES), len(ARGUMENTS)) == (139, 158)


@pytest.mark.parametrize("name", NAMES, ids=by_key)
def test_name_is_there(name: Name) -> None:
    kind = {
        "module": inspect.ismodule,
        "class": inspect.isclass,
        "def": callable,
        "abstract": callable,
        "property": lambda value: isinstance(value, property),
        "attribute": lambda value: value is not None,
    }
    assert kind[name.kind](found(name.path))


@pytest.mark.parametrize("name", [name for name in NAMES if name.base], ids=by_key)
def test_class_has_its_base(name: Name) -> None:
    bases = {"dict": dict, "abc.ABC": abc.ABC}
    base = bases.get(name.base or "") or found(name.base or "")
    assert issubclass(found(name.path), base)


@pytest.mark.parametrize("name", [name for name in NAMES if name.kind == "abstract"], ids=by_key)
def test_method_is_abstract(name: Name) -> None:
    assert getattr(found(name.path), "__isabstractmethod__", False)


@pytest.mark.parametrize("name", CALLABLE, ids=by_key)
def test_arguments_stand_in_order_and_others_are_optional(name: Name) -> None:
    ours = [
        parameter
        for parameter in inspect.signature(found(name.path)).parameters.values()
        if parameter.name != "self"
    ]
    documented = [argument.name for argument in name.arguments or ()]
    others = [parameter for parameter in ours if parameter.name not in documented]
    assert [parameter.name for parameter in ours if parameter.name in documented] == documented
    assert all(parameter.default is not inspect.Parameter.empty for parameter in others)
    assert not {parameter.name for parameter in others} & {
        parameter.name for parameter in ours[: len(documented)]
    }


@pytest.mark.parametrize(
    ("name", "argument"),
    ARGUMENTS,
    ids=[f"{name.key}:{argument.name}" for name, argument in ARGUMENTS],
)
def test_argument_has_its_kind_and_default(name: Name, argument: Argument) -> None:
    parameter = inspect.signature(found(name.path)).parameters[argument.name]
    default = {inspect.Parameter.empty: None, (): "[]"}.get(
        parameter.default, repr(parameter.default)
    )
    assert (parameter.kind, default) == (KINDS[argument.kind], argument.default)


def test_attributes_have_their_values() -> None:
    values = [repr(found(name.path)) for name in NAMES if name.kind == "attribute" and name.value]
    assert values == ["'_default'", "'_default'"]
    assert TinyFlux.default_storage_class is CSVStorage


def test_every_name_has_an_example() -> None:
    assert [name.key for name in NAMES if name.kind != "module"] == list(EXAMPLES)


@pytest.mark.parametrize("name", list(EXAMPLES))
def test_example_runs(name: str, world: World) -> None:
    EXAMPLES[name](world)


@pytest.mark.parametrize(
    "name", [name for name in NAMES if name.key in EXAMPLES and name.type], ids=by_key
)
def test_example_gives_the_documented_type(name: Name, world: World) -> None:
    value = EXAMPLES[name.key](world)
    is_chained = name.key in CHAINED and isinstance(value, Index)
    is_refusal = bool(name.errors) and callable(value)
    assert is_chained or is_refusal or is_of(value, name.type or "")


def test_every_documented_error_has_an_example() -> None:
    assert [f"{name.key} {error}" for name in NAMES for error in name.errors] == list(ERRORS)


@pytest.mark.parametrize("name", list(ERRORS))
def test_documented_error_is_raised(name: str, world: World) -> None:
    kind, call = ERRORS[name]
    with pytest.raises(kind):
        call(world)


@pytest.mark.parametrize(
    "name",
    [
        "CSVStorage",
        "FieldQuery",
        "Measurement",
        "MeasurementQuery",
        "MemoryStorage",
        "Point",
        "Storage",
        "TagQuery",
        "TimeQuery",
        "TinyFlux",
    ],
)
def test_package_root_exports(name: str) -> None:
    assert name in tinyflux.__all__
    assert inspect.isclass(getattr(tinyflux, name))


def test_both_spellings_of_the_latest_time() -> None:
    index = Index().build([la(1), la(2), la(0)])
    assert index.latest_time == index.lateset_time == la(2).time


def test_storage_cannot_be_used_without_its_three_methods() -> None:
    class Lacking(Storage):
        def read(self) -> list[tinyflux.Point]:
            return []

    with pytest.raises(TypeError, match="append"):
        TinyFlux(storage=Lacking)
