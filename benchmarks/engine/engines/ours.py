"""Our engine, with the parts of its API that TinyFlux does not have."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tinyflux import TinyFlux

from .points_api import PointsApi

_SETTLING_S = 2.2


class Ours(PointsApi):
    """The checkout's own tinyflux."""

    def load(self, directory: Path) -> None:
        self.settle(directory / self.database)

    def settle(self, path: Path) -> None:
        # What an engine of another day left behind is not to be measured.
        shutil.rmtree(path.parent / f".{path.name}.index", ignore_errors=True)
        # A file that somebody else wrote a moment ago is compared with its cache byte by byte.
        time.sleep(max(0.0, path.stat().st_mtime + _SETTLING_S - time.time()))
        with TinyFlux(str(path)) as db:
            db.publish_index()

    def latest(self) -> Any:
        return self._db.latest(by="device")

    def series(self) -> Any:
        return self._db.to_numpy(None, "temperature", measurement="climate")

    def pairs(self, answer: Any) -> Iterable[tuple[int, float]]:
        return zip(answer["time"].tolist(), answer["temperature"].tolist(), strict=True)

    def daily_mean(self) -> Any:
        return self._db.aggregate(None, "temperature", every="1d", how="mean", by="room")

    def means(self, answer: Any) -> Iterable[tuple[int, str, float]]:
        return zip(
            answer["time"].tolist(),
            answer["room"].tolist(),
            answer["temperature_mean"].tolist(),
            strict=True,
        )
