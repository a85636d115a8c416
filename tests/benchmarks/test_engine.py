"""The benchmark's harness on few points: it runs, and engines that differ do not pass."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.engine import datasets, report, results
from benchmarks.engine.household import FIELDS, LATE_SHARE, household
from benchmarks.engine.questions import OPERATIONS
from benchmarks.engine.results import DifferentAnswersError, Results
from benchmarks.engine.run import Request, Run

N_POINTS = 2_000
KEYS = tuple(
    operation.key
    for operation in OPERATIONS
    if operation.kind != "memory" and operation.key not in ("open_cold", "insert_batch")
)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Most operations of our engine and of SQLite, once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets, "BUILD", tmp_path_factory.mktemp("bench"))
        return Run(Request((N_POINTS,), ("ours", "sqlite"), KEYS, 1, 1)).measure()


def test_both_engines_give_the_same_answers(measured: Results) -> None:
    assert measured.require_equal_answers() >= 10


@pytest.mark.parametrize("key", KEYS)
def test_every_operation_is_measured_in_both_engines(measured: Results, key: str) -> None:
    found = {name: measured.found(name, key, N_POINTS) for name in ("ours", "sqlite")}

    assert all(cell is not None and cell.median_s > 0 for cell in found.values()), found


def test_a_different_answer_is_an_error(measured: Results) -> None:
    changed = Results({})
    changed.cell("ours", "count", N_POINTS).answers = {"0": 812}
    changed.cell("sqlite", "count", N_POINTS).answers = {"0": 813}

    with pytest.raises(DifferentAnswersError, match=r"ours answers 812, sqlite 813"):
        changed.require_equal_answers()


def test_saved_results_make_the_same_table(measured: Results, tmp_path: Path) -> None:
    measured.save(tmp_path / "results.json")

    assert report.tables(results.load([tmp_path / "results.json"])) == report.tables(measured)


@pytest.mark.parametrize(
    ("ours_s", "verdict"), [(0.0019, "reached"), (0.0021, "missed")], ids=["below", "above"]
)
def test_a_figure_is_judged_by_the_median(ours_s: float, verdict: str) -> None:
    made = Results({})
    made.cell("ours", "latest", 1_000_000).seconds = [0.0, ours_s, 1.0]

    (line,) = [
        line for line in report.tables(made).splitlines() if "latest" in line and "<" in line
    ]
    assert verdict in line


def test_household_is_the_same_every_time_and_grows_at_its_end() -> None:
    assert list(household(3_000))[:2_000] == list(household(2_000))


def test_household_has_twenty_devices_and_some_late_rows() -> None:
    rows = list(household(40_000))
    newest_us = 0
    n_late = 0
    for row in rows:
        n_late += row.time_us < newest_us
        newest_us = max(newest_us, row.time_us)

    assert len({row.device for row in rows}) == 20
    assert {row.measurement for row in rows} == set(FIELDS)
    assert n_late == pytest.approx(LATE_SHARE * len(rows), rel=0.3)
