"""A short form of `make crash`, and of the minute with many processes."""

from __future__ import annotations

from pathlib import Path

from tests.tinyflux.durability import crash, many


def test_a_writer_that_is_killed_leaves_what_it_was_told_was_done(tmp_path: Path) -> None:
    seen = crash.run(tmp_path, n_kills=25, seed=14)
    assert seen.wrong == []
    assert seen.n_kills == 25
    assert seen.n_operations > 25
    # Most of them hit the middle of an operation, and that on both sides of its one moment.
    assert min(seen.n_found["before"], seen.n_found["after"]) >= 3


def test_readers_find_a_prefix_while_others_append_and_rewrite(tmp_path: Path) -> None:
    seen = many.run(tmp_path, seconds=2.0)
    assert seen.wrong == []
    assert seen.n_reads > 10
    assert seen.n_appends > 10
    assert seen.n_rewrites > 1
