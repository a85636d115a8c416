"""Databases over every storage, opened with and without an index."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.tinyflux.backends import BACKENDS, Backend


@pytest.fixture(
    params=BACKENDS,
    ids=[f"{storage}-{'index' if auto_index else 'scan'}" for storage, auto_index in BACKENDS],
)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backend]:
    """Each storage, with `auto_index` on and off."""
    storage, auto_index = request.param
    backend = Backend(storage, auto_index, tmp_path)
    yield backend
    backend.close()


@pytest.fixture
def live_in(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Sets the process's local time zone, until the test is over."""

    def live_in(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield live_in
    monkeypatch.undo()
    time.tzset()
