"""The example of docs/retention.md does what the page says."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

from daemon.config import load_config
from daemon.retention import run
from tests.daemon.clocks import SetClock
from tests.daemon.retention.households import START, Sample, store
from tinyflux import Point, TinyFlux

PAGE = (Path(__file__).parents[3] / "docs/retention.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_example_of_the_page(tmp_path: Path) -> None:
    rules, _ = blocks("yaml")
    told, row = blocks("text")
    path = tmp_path / "config.yaml"
    path.write_text("storage: {path: data.csv}\n" + rules)
    config = load_config(path)
    values = [20.0, 20.2, 20.4, 20.6, 20.8, 21.0]
    store(config, [Sample(600.0 * n, "attic", values[n % 6]) for n in range(288)])
    report = run(config, SetClock(START + timedelta(days=2)))
    assert report.lines()[:-1] == told.splitlines()
    assert row.strip() in config.storage.path.read_text().splitlines()


def test_renamed_device_keeps_its_history(tmp_path: Path) -> None:
    _, rules = blocks("yaml")
    path = tmp_path / "config.yaml"
    path.write_text("storage: {path: data.csv}\n" + rules)
    config = load_config(path)
    with TinyFlux(config.storage.path) as db:
        for device in ("0x00158d0001a2b3c4", "Kitchen/Plug", "another"):
            tags = {"device": device}
            db.insert(Point(time=START, measurement="zigbee", tags=tags, fields={"power": 1.0}))
        run(config, SetClock(START + timedelta(days=2)))
        devices = [point.tags["device"] for point in db.all()]
        assert sorted(map(str, devices)) == ["Kitchen/Plug", "Kitchen/Plug", "another"]
