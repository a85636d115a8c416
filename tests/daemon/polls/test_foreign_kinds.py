"""Kinds of sensors that other packages bring, installed for real and polled by the command."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.polls.foreign import WELL, collector, install, unpack
from tinyflux import TinyFlux


@pytest.fixture(scope="module")
def wells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return install(tmp_path_factory.mktemp("wells"), "well")


def write(folder: Path, poll: str) -> str:
    path = folder / "config.yaml"
    path.write_text(f"storage: {{path: points.csv}}\npolls:\n  - {poll}\n")
    return str(path)


def test_kind_of_another_package_is_polled_by_the_rules_of_every_poll(
    tmp_path: Path, wells: Path
) -> None:
    options = "{every: 1s, depth: 8, fields: {level: {scale: 100}, readings: {}}, tags: {yard: a}}"
    config = write(tmp_path, f"well: {options}")
    ended = collector("run", "-c", config, "--duration", "4", path=wells)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("poll well: failed: the well is dry") == 1
    points = TinyFlux(tmp_path / "points.csv").all()
    assert [point.fields["readings"] for point in points[:2]] == [1.0, 3.0]
    assert {(p.measurement, p.tags["yard"], p.fields["level"]) for p in points} == {
        ("well", "a", 400.0)
    }


@pytest.mark.parametrize(
    ("poll", "told"),
    [
        pytest.param("well: {depht: 8}", "polls[0].well.depht: found the unknown key 'depht'; did"
                     " you mean `depth`?", id="unknown-key"),
        pytest.param("well: {}", "polls[0].well.depth: found nothing; `depth` is required: Depth of"
                     " the well, in metres.", id="missing-key"),
        pytest.param("well: {depth: -1}", "polls[0].well.depth: found the number -1; allowed: more"
                     " than 0", id="out-of-bounds"),
        pytest.param("well: {depth: 1, settle: 5}", "polls[0].well.settle", id="no-unit"),
        pytest.param("wel: {depth: 8}", "polls[0]: found the unknown kind of poll 'wel'; did you"
                     " mean `well`?", id="unknown-kind"),
    ],
)  # fmt: skip
def test_options_of_another_package_are_checked_as_our_own(
    tmp_path: Path, wells: Path, poll: str, told: str
) -> None:
    ended = collector("check", "-c", write(tmp_path, poll), path=wells)
    assert ended.returncode == 78
    assert f"config.yaml:3: {told}" in ended.stderr + ended.stdout


@pytest.mark.parametrize(
    ("code", "told"),
    [
        pytest.param("import no_such_package", "No module named 'no_such_package'", id="import"),
        pytest.param("KIND = 5", "is no SensorKind", id="no-kind"),
        pytest.param("raise RuntimeError('no bus')", "RuntimeError: no bus", id="raises"),
        pytest.param(
            "from daemon.polls import SensorKind\nKIND = SensorKind(dict, print)",
            "is no SensorKind whose options are a PollOptions",
            id="options-of-another-kind",
        ),
    ],
)
def test_package_that_is_broken_is_named_and_nothing_starts(
    tmp_path: Path, code: str, told: str
) -> None:
    path = unpack(tmp_path, "broken", code, "ruins")
    ended = collector("check", "-c", write(tmp_path, "broken: {}"), path=path)
    assert ended.returncode == 78
    assert "the kind 'broken' of the package ruins" in ended.stderr + ended.stdout
    assert told in ended.stderr + ended.stdout
    assert "Traceback" not in ended.stderr


def test_kind_that_two_packages_bring_is_refused_with_both_names(
    tmp_path: Path, wells: Path
) -> None:
    other = unpack(tmp_path, "well", WELL, "springs")
    config = write(tmp_path, "well: {depth: 8}")
    ended = collector("check", "-c", config, path=Path(f"{wells}:{other}"))
    assert "several packages bring the kind 'well': springs, wells" in ended.stderr + ended.stdout


def test_own_kind_cannot_be_replaced_by_another_package(tmp_path: Path) -> None:
    path = unpack(tmp_path, "system", WELL, "wells")
    config = write(tmp_path, "system: {collect: [memory]}")
    ended = collector("check", "-c", config, path=path)
    assert ended.returncode == 0, ended.stderr + ended.stdout
