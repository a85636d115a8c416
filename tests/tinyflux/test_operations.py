"""The documented decorators, on a class of a user's own; the tree of errors."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tinyflux.api_examples import Guarded
from tinyflux import TinyFlux
from tinyflux.errors import (
    AccessError,
    DamageError,
    LockTimeoutError,
    QueryError,
    StorageError,
    TinyFluxError,
)


@pytest.mark.parametrize(
    ("mode", "allowed"),
    [
        ("r", {"reading"}),
        ("a", {"appending"}),
        ("a+", {"reading", "appending"}),
        ("r+", {"reading", "appending", "writing", "four"}),
    ],
)
@pytest.mark.parametrize("name", ["reading", "appending", "writing", "four"])
def test_an_operation_runs_where_the_storage_allows_it(
    tmp_path: Path, mode: str, allowed: set[str], name: str
) -> None:
    TinyFlux(tmp_path / "data.csv").close()
    guarded = Guarded(TinyFlux(tmp_path / "data.csv", access_mode=mode))
    try:
        assert getattr(guarded, name)() in (1, 4)
        ran = True
    except OSError as error:
        assert "does not allow to" in str(error)  # noqa: PT017 - which one runs is the question
        ran = False
    assert ran == (name in allowed)


def test_a_guarded_method_keeps_its_name_and_text() -> None:
    assert Guarded.four.__name__ == "four"
    assert "every right" in (Guarded.four.__doc__ or "")


@pytest.mark.parametrize(
    ("error", "builtins"),
    [
        (QueryError, (RuntimeError, TypeError)),
        (AccessError, (OSError,)),
        (LockTimeoutError, (OSError,)),
        (StorageError, (OSError,)),
        (DamageError, (ValueError,)),
    ],
)
def test_an_error_is_the_documented_built_in_too(
    error: type[Exception], builtins: tuple[type[Exception], ...]
) -> None:
    assert issubclass(error, TinyFluxError)
    assert all(issubclass(error, builtin) for builtin in builtins)
