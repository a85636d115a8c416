"""What is measured: every operation once, with the question it asks, for all engines alike."""

from __future__ import annotations

from dataclasses import dataclass

from .household import DAY_US, HOUR_US, START_US


@dataclass(frozen=True, slots=True)
class Operation:
    """One row of the table."""

    key: str
    title: str
    kind: str
    """`open`: in a new process each time, opening included. `read`: in an open database, its caches
    warm. `write`: on a fresh copy each time. `memory`: what a process holds at its end."""
    meaning: str
    is_linear: bool = True
    """Whether the cost is taken to grow with the points where a size is extrapolated."""


INSERTS = 200
BATCHES = 20
BATCH_ROWS = 1000
LATE_ROWS = 100

OPERATIONS = (
    Operation(
        "open", "open with cache, first count", "open",
        "Open the database and count the points of the measurement `climate`; the file is in the "
        "page cache. TinyFlux has no cache on disk: this is all it can do.",
    ),
    Operation(
        "open_cold", "open without cache, first count", "open",
        "The same with our index cache deleted: the CSV is read, and the cache is written. Bare "
        "Python: csv.reader over every row, and a look at the measurement.",
    ),
    Operation("count", "count a measurement", "read", "Count the points of `climate`."),
    Operation(
        "hour", "one hour as Points", "read",
        "Every point of one hour (about 1,200), by time, with all tags and fields: Points in ours "
        "and TinyFlux, tuples in SQLite and DuckDB.",
    ),
    Operation(
        "latest", "latest per tag value", "read",
        "The last point by time of each of 20 values of the tag `device`, late rows minded.",
    ),
    Operation("count_where", "count where field > x", "read", "Count points with temperature > x."),
    Operation(
        "series", "one field over a measurement", "read",
        "Time and temperature of all of `climate`, by time: numpy arrays in ours and DuckDB, lists "
        "of tuples in TinyFlux and SQLite.",
    ),
    Operation(
        "daily_mean", "daily mean per room", "read",
        "The mean temperature per UTC day and room over everything.",
    ),
    Operation(
        "late", "100 durable late points, range query", "write",
        "One durable insert of 100 points of some hours ago, then the points of an hour around "
        "them; the database is open and has answered before.",
    ),
    Operation(
        "remove_oldest", "remove the oldest tenth", "write",
        "Remove the oldest tenth by time, the space given back: SQLite DELETE, VACUUM and "
        "checkpoint; DuckDB DELETE and CHECKPOINT.",
    ),
    Operation(
        "change_tag", "change a tag on 5% of the rows", "write",
        "Give all points of one of the 20 devices another room.",
    ),
    Operation(
        "insert_one", "insert one, durable", "write",
        f"{INSERTS} inserts of one point, each on disk before the next; the median of them.",
        is_linear=False,
    ),
    Operation(
        "insert_batch", "insert 1,000, durable", "write",
        f"{BATCHES} inserts of 1,000 points, each on disk before the next; the median of them.",
        is_linear=False,
    ),
    Operation(
        "memory_append", "memory: only appends", "memory",
        "A process that opens the database and inserts 20 durable batches of 1,000.",
    ),
    Operation(
        "memory_hour", "memory: reads one hour", "memory",
        "A process that opens the database and reads one hour as Points.",
    ),
)  # fmt: skip
BY_KEY = {operation.key: operation for operation in OPERATIONS}


@dataclass(frozen=True, slots=True)
class Household:
    """What the questions need to know of the points."""

    n_points: int
    last_us: int

    def hour(self, number: int) -> tuple[int, int]:
        """The start and stop of the hour to ask for in a repetition; another each time."""
        share = (0.31 + 0.618034 * number) % 1
        span_us = self.last_us - START_US - HOUR_US
        start_us = START_US + int(span_us * share)
        return start_us, start_us + HOUR_US

    def threshold(self, number: int) -> float:
        """The x of `field > x` in a repetition."""
        return 21.0 + number % 10 / 10

    def late_span(self) -> tuple[int, int]:
        """Where late points lie: the hour that ended two hours before the last point."""
        return self.last_us - 3 * HOUR_US, self.last_us - 2 * HOUR_US

    def tenth_us(self) -> int:
        """The time before which a tenth of the span lies."""
        return START_US + (self.last_us - START_US) // 10


def day_of(time_us: int) -> int:
    """The start of the UTC day."""
    return time_us - time_us % DAY_US
