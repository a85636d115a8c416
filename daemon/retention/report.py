"""What a run of the retention rules did, or would do, for a log and for a program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What one rule did, or in a plan would do; several for a rule that does several things."""

    rule: str
    told: str
    points: int
    size_bytes: int = 0
    """How many bytes of the file go by it."""
    span_us: tuple[int, int] | None = None
    """The least and the greatest time of the points."""


@dataclass(frozen=True, slots=True)
class Report:
    """One run or plan. `lines` for a log, `as_json` for a program."""

    data: str
    began_us: int
    took_s: float
    size_before_bytes: int
    size_after_bytes: int
    rules: tuple[RuleReport, ...]
    skipped: tuple[str, ...]
    """Rules to be carried out once that had been."""
    is_plan: bool = False
    waits: tuple[str, ...] = ()
    """What is not done now, and why."""
    expected_s: float = 0.0
    """How long a run would take, of a plan."""

    @property
    def points(self) -> int:
        """How many points are removed, changed or rolled up into."""
        return sum(rule.points for rule in self.rules)

    def lines(self) -> list[str]:
        """A plan: one line a thing a rule does. A run: one line a thing that was done, a sum."""
        if self.is_plan:
            lines = [_line(rule) for rule in self.rules]
            lines += [f"{name}: was done, once" for name in self.skipped]
            lines += [f"waits: {reason}" for reason in self.waits]
            if self.points:
                lines.append(f"a run would take about {_seconds(self.expected_s)}")
            return lines
        done = [_line(rule) for rule in self.rules if rule.points]
        return done + [f"waits: {reason}" for reason in self.waits] + [self._sum()]

    def as_json(self) -> dict[str, object]:
        """The report as JSON would have it."""
        began = datetime.fromtimestamp(self.began_us / 1e6, UTC).isoformat(timespec="seconds")
        return {
            "data": self.data,
            "began": began,
            "took_s": round(self.took_s, 3),
            "is_plan": self.is_plan,
            "points": self.points,
            "rules": [
                {
                    "rule": rule.rule,
                    "told": rule.told,
                    "points": rule.points,
                    "bytes": rule.size_bytes,
                    "span": None if rule.span_us is None else [_time(at) for at in rule.span_us],
                }
                for rule in self.rules
            ],
            "skipped": list(self.skipped),
            "waits": list(self.waits),
            "expected_s": round(self.expected_s, 1),
            "size_before_bytes": self.size_before_bytes,
            "size_after_bytes": self.size_after_bytes,
        }

    def _sum(self) -> str:
        if not self.points:
            return f"no rule had anything to do in {self.data}"
        before, after = self.size_before_bytes / 1e6, self.size_after_bytes / 1e6
        return (
            f"{_points(self.points)} removed, changed or added in {self.took_s:.1f} s; {self.data} "
            f"had {before:.1f} MB and has {after:.1f} MB"
        )


def _line(rule: RuleReport) -> str:
    details = _points(rule.points)
    if rule.size_bytes:
        details += f", {rule.size_bytes / 1e6:.1f} MB"
    if rule.span_us is not None:
        details += f", {_time(rule.span_us[0])} to {_time(rule.span_us[1])}"
    return f"{rule.rule}: {rule.told}: {details}"


def _time(time_us: int) -> str:
    return datetime.fromtimestamp(time_us / 1e6, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _seconds(seconds: float) -> str:
    return f"{max(1, round(seconds))} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _points(number: int) -> str:
    return "1 point" if number == 1 else f"{number} points"
