"""Kills a writing process again and again, and compares the file with what it was told.

    python -m tests.tinyflux.durability.crash --kills 500

A child inserts, removes, updates and applies at random on one file. Before each operation it says
what it is about to do, and after it that it is done. Killed at a random moment, or at a random
durable step (some in the middle of a write), the file must hold the state after what was done, or
that and the one operation in the making: nothing else. The moments of a clock nearly all fall where
the process computes; so most kills are at steps.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any

from tests.tinyflux.exact import contents
from tests.tinyflux.model import Edit, Model
from tinyflux import CSVStorage, FieldQuery, Insert, Point, Remove, TinyFlux, Update
from tinyflux.cli import main as tinyflux
from tinyflux.files import intercepted
from tinyflux.predicates import Query

TIME = datetime(2025, 1, 1, tzinfo=UTC)
MOST_POINTS = 400
MOST_STEPS = 150
PIPE_BYTES = 1 << 20
"""The child must not wait until somebody reads what it says."""
LONGEST_LIFE_S = 60
"""A child that nobody kills has an error of its own."""


def _point(n: int) -> Point:
    return Point(
        time=TIME + timedelta(seconds=n),
        measurement=f"m{n % 3}",
        tags={"text": 'a\r\n"quoted", line' if n % 5 == 0 else "plain", "n": str(n % 7)},
        fields={"n": n, "value": n / 7},
    )


@dataclass(frozen=True)
class Step:
    """One operation, as a line of text can say it."""

    name: str
    numbers: tuple[int, ...]

    @property
    def query(self) -> Query:
        """The points that a removal or an update means."""
        if self.name == "remove_older":
            return FieldQuery().n < self.numbers[0]
        return FieldQuery().n.test(frozenset(self.numbers).__contains__)

    def on_file(self, db: TinyFlux) -> None:
        """Carry it out."""
        points = list(map(_point, self.numbers))
        run: dict[str, Callable[[], object]] = {
            "insert": lambda: db.insert(points[0]),
            "batch": lambda: db.insert_multiple(points),
            "inserts": lambda: db.apply([Insert(points)]),
            "remove": lambda: db.remove(self.query),
            "remove_older": lambda: db.remove(self.query),
            "update": lambda: db.update(self.query, tags={"changed": "yes"}),
            "apply": lambda: db.apply(
                [Remove(self.query), Update(None, tags={"seen": "yes"}), Insert(points[:1])]
            ),
            "remove_all": db.remove_all,
            "publish": db.publish_index,
        }
        run[self.name]()

    def on_model(self, model: Model) -> None:
        """Do the same to a list of points."""
        points = list(map(_point, self.numbers))
        if self.name in ("insert", "batch", "inserts"):
            model.insert(points)
        if self.name in ("remove", "remove_older", "apply"):
            model.remove(self.query, None)
        if self.name == "update":
            model.update(self.query, None, Edit(tags={"changed": "yes"}))
        if self.name == "apply":
            model.update(None, None, Edit(tags={"seen": "yes"}))
            model.insert(points[:1])
        if self.name == "remove_all":
            model.points = []


def _chosen(chance: random.Random, n_points: int, next_number: int) -> Step:
    name = chance.choices(
        ["insert", "batch", "inserts", "remove", "update", "apply", "remove_all", "publish"],
        [30, 20, 10, 12, 12, 10, 1, 5],
    )[0]
    if n_points > MOST_POINTS:
        return Step("remove_older", (next_number - chance.randrange(MOST_POINTS),))
    if name in ("insert", "batch", "inserts"):
        n_new = 1 if name == "insert" else chance.choice([2, 20, 300])
        return Step(name, tuple(range(next_number, next_number + n_new)))
    numbers = sorted(chance.sample(range(max(next_number, 1)), min(next_number, 15)))
    return Step(name, tuple(numbers or [0]))


@dataclass
class Death:
    """Ends this process at one of its durable steps, or in the middle of that write."""

    step: int
    """Which, from 0."""
    taken_bytes: int | None
    """How much of a write is still done, if the step is one; None for nothing."""
    n_steps: int = 0

    def __call__(self, name: str, path: str) -> int | None:
        """The hook of `intercepted`."""
        place = self.n_steps
        self.n_steps += 1
        if place == self.step and name == "write" and self.taken_bytes is not None:
            return self.taken_bytes
        if place >= self.step:
            os.kill(os.getpid(), signal.SIGKILL)
        return None


def _work(path: Path, say: int, seed: int, next_number: int, death: Death | None) -> None:
    """The child: operations without end."""
    signal.alarm(LONGEST_LIFE_S)
    if death is not None:
        with intercepted(death):
            _operate(path, say, seed, next_number)
    _operate(path, say, seed, next_number)


def _operate(path: Path, say: int, seed: int, next_number: int) -> None:
    chance = random.Random(seed)
    flushes = chance.random() < 0.7
    db = TinyFlux(path, flush_on_insert=flushes, auto_index=chance.random() < 0.8)
    while True:
        step = _chosen(chance, len(db), next_number)
        if step.name in ("insert", "batch", "inserts"):
            next_number = step.numbers[-1] + 1
        os.write(say, json.dumps([step.name, step.numbers]).encode() + b"\n")
        step.on_file(db)
        if not flushes and chance.random() < 0.3:
            assert isinstance(db.storage, CSVStorage)
            db.storage.sync()
        os.write(say, b"done\n")


@dataclass
class Crash:
    """The file, the list that it must equal, and what was seen so far."""

    path: Path
    model: Model = field(default_factory=Model)
    next_number: int = 0
    n_kills: int = 0
    n_operations: int = 0
    n_found: dict[str, int] = field(
        default_factory=lambda: {"before": 0, "after": 0, "no difference": 0}
    )
    """How often the operation that was in the making had not been made, had been, or was none."""
    wrong: list[str] = field(default_factory=list)

    def kill_once(self, seed: int, *, after_s: float | None, death: Death | None) -> None:
        """One child, one SIGKILL by the clock or by its own hand, one comparison."""
        reader, writer = os.pipe()
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        child = os.fork()
        if child == 0:
            try:
                os.close(reader)
                _work(self.path, writer, seed, self.next_number, death)
            except BaseException as error:  # noqa: BLE001 - the parent must hear of it
                os.write(writer, b"error " + repr(error).encode() + b"\n")
            finally:
                os._exit(1)
        os.close(writer)
        with os.fdopen(reader, "rb", buffering=0) as said:
            begun = said.read(1)
            if after_s is not None:
                time.sleep(after_s)
                os.kill(child, signal.SIGKILL)
            lines = (begun + said.readall()).decode(errors="replace").split("\n")
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            self.wrong.append(f"seed {seed}: the child ended with status {status}")
        self.n_kills += 1
        self._compare(self._replayed(lines, seed), seed)

    def _replayed(self, lines: list[str], seed: int) -> Step | None:
        """Take over what was done; the operation that was in the making, if one was."""
        pending: Step | None = None
        for line in lines[:-1]:
            if line == "done" and pending is not None:
                pending.on_model(self.model)
                self._count(pending)
                pending = None
            elif line.startswith("error"):
                self.wrong.append(f"seed {seed}: the child failed: {line}")
            else:
                name, numbers = json.loads(line)
                pending = Step(name, tuple(numbers))
        return pending

    def _count(self, step: Step) -> None:
        self.n_operations += 1
        if step.name in ("insert", "batch", "inserts"):
            self.next_number = step.numbers[-1] + 1

    def _compare(self, pending: Step | None, seed: int) -> None:
        found = self._stored()
        after = Model(list(self.model.points))
        if pending is not None:
            pending.on_model(after)
        if found == contents(self.model.points):
            is_seen = pending is not None and found != contents(after.points)
            self.n_found["before" if is_seen else "no difference"] += 1
        elif found == contents(after.points):
            self.n_found["after"] += 1
            assert pending is not None
            self._count(pending)
            self.model = after
        else:
            self.wrong.append(
                f"seed {seed}: {len(found)} points, expected {len(self.model.points)} or "
                f"{len(after.points)} after {pending}"
            )
        if pending is not None:
            self.next_number = max(self.next_number, pending.numbers[-1] + 1)

    def _stored(self) -> list[Any]:
        """What a reader finds, which must not change when a writer comes; all must be well then."""
        with TinyFlux(self.path, access_mode="r") as db:
            found = contents(db.all(sorted=False))
        with TinyFlux(self.path) as db:
            db.insert(_point(-1))
            db.remove(FieldQuery().n == -1)
            if contents(db.all(sorted=False)) != found:
                self.wrong.append("a writer found other points than a reader")
        with redirect_stdout(StringIO()) as said:
            if tinyflux(["check", str(self.path)]) != 0:
                self.wrong.append(f"check: {said.getvalue()}")
        return found


def run(folder: Path, *, n_kills: int, seed: int) -> Crash:
    """Kill so many times; what was seen."""
    crash = Crash(folder / "data.csv")
    chance = random.Random(seed)
    for number in range(n_kills):
        if number % 5 == 0:
            crash.kill_once(seed + number, after_s=chance.uniform(0.0, 0.12), death=None)
        else:
            taken_bytes = chance.choice([None, 1, 7, 300])
            death = Death(chance.randrange(MOST_STEPS), taken_bytes)
            crash.kill_once(seed + number, after_s=None, death=death)
        if crash.wrong:
            break
    return crash


def main() -> int:
    """0 if no state was wrong."""
    parser = argparse.ArgumentParser(description="kill a writer again and again")
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        crash = run(Path(folder), n_kills=options.kills, seed=options.seed)
        print(
            f"seed {options.seed}: {crash.n_kills} kills in {crash.n_operations:,} operations; of "
            f"the one in the making nothing was found {crash.n_found['before']} times, all of it "
            f"{crash.n_found['after']} times, and {crash.n_found['no difference']} times there was "
            f"none that makes a difference; wrong states: {len(crash.wrong)}"
        )
        for text in crash.wrong:
            print(text)
    return 1 if crash.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
