"""Benches for the tests of scheduling, stopped when a test is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.daemon.scheduling.bench import Bench


@pytest.fixture
def make_bench() -> Iterator[Callable[[int], Bench]]:
    """Benches with so many threads, stopped when the test is over."""
    made: list[Bench] = []

    def make(threads: int) -> Bench:
        made.append(Bench(threads))
        return made[-1]

    yield make
    for bench in made:
        bench.scheduler.stop(0.1)


@pytest.fixture
def bench(make_bench: Callable[[int], Bench]) -> Bench:
    return make_bench(1)
