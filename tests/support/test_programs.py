"""A missing program skips a test on a person's machine and fails it where all must run."""

from __future__ import annotations

import pytest

from tests.support.programs import find_program, require_programs


def test_installed_programs_let_the_test_run() -> None:
    require_programs("sh", package="dash")


def test_program_of_an_administrator_is_found() -> None:
    assert find_program("ldconfig") is not None


def test_missing_program_skips_with_the_package_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("REQUIRE_PROGRAMS", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no-such not installed: apt-get install pkg"):
        require_programs("sh", "no-such", package="pkg")


def test_missing_program_fails_where_all_must_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUIRE_PROGRAMS", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such not installed"):
        require_programs("no-such", package="pkg")
