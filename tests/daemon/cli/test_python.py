"""`python`: queries without knowing where the installation is."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tinyflux import Point, TinyFlux

_COUNT = "import sys; from tinyflux import TinyFlux; print(len(TinyFlux(sys.argv[1])))"


def test_it_is_a_python_that_has_the_engine(tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    with TinyFlux(data) as db:
        db.insert(Point(measurement="m", fields={"a": 1}))
    # A folder of this name where somebody stands is not the engine.
    (tmp_path / "tinyflux").mkdir()
    asked = subprocess.run(
        [sys.executable, "-P", "-m", "daemon", "python", "-c", _COUNT, str(data)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert (asked.stdout, asked.returncode) == ("1\n", 0), asked.stderr
