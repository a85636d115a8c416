"""The points of each size on disk, made once and found again; and copies that may be changed."""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from . import household
from .environment import BUILD


@dataclass(frozen=True, slots=True)
class Dataset:
    """A directory with the points in every engine's form."""

    directory: Path
    n_points: int
    last_us: int

    def is_loaded(self, engine: str) -> bool:
        """Whether the engine's database is there."""
        return (self.directory / f"{engine}.loaded").exists()

    def mark_loaded(self, engine: str) -> None:
        """Keep in mind that it is."""
        (self.directory / f"{engine}.loaded").touch()


def dataset(n_points: int) -> Dataset:
    """The points of a size; generates them the first time."""
    directory = BUILD / f"points-{n_points}-seed-{household.SEED}"
    facts = directory / "facts.json"
    # Changed code may mean changed points: the facts are of one text of the generator.
    source = Path(household.__file__).read_text()
    if not facts.exists() or json.loads(facts.read_text())["generator"] != source:
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        print(f"Generating {n_points:,} points ...", flush=True)
        last_us = household.write_household(directory, n_points)
        facts.write_text(json.dumps({"last_us": last_us, "generator": source}))
        os.sync()
    return Dataset(directory, n_points, json.loads(facts.read_text())["last_us"])


def fresh_copy(points: Dataset, database: str, name: str = "copy") -> Path:
    """A copy of one engine's database, without what lies beside it, on disk; in a new directory."""
    directory = points.directory / name
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    path = directory / database
    shutil.copyfile(points.directory / database, path)
    # What the copy left to be written must not be paid by the first fsync that is measured.
    fd = os.open(path, os.O_RDONLY)
    os.fsync(fd)
    os.close(fd)
    # A file of this moment is not trusted by its times; this one has been lying here for a while.
    lain_s = time.time() - 60
    os.utime(path, (lain_s, lain_s))
    return path
