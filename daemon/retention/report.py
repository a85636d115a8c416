"""What a run of the retention rules did, or would do, for a log and for a program."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class RuleReport:
    """What one rule did, or in a plan would do."""

    rule: str
    told: str
    points: int


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

    @property
    def points(self) -> int:
        """How many points are removed or changed."""
        return sum(rule.points for rule in self.rules)

    def lines(self) -> list[str]:
        """A plan: one line a rule. A run: one line a rule that changed anything, and a sum."""
        if self.is_plan:
            return [_line(rule) for rule in self.rules] + [
                f"{name}: was done, once" for name in self.skipped
            ]
        return [_line(rule) for rule in self.rules if rule.points] + [self._sum()]

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
                {"rule": rule.rule, "told": rule.told, "points": rule.points} for rule in self.rules
            ],
            "skipped": list(self.skipped),
            "size_before_bytes": self.size_before_bytes,
            "size_after_bytes": self.size_after_bytes,
        }

    def _sum(self) -> str:
        if not self.points:
            return f"no rule had anything to do in {self.data}"
        before, after = self.size_before_bytes / 1e6, self.size_after_bytes / 1e6
        return (
            f"{_points(self.points)} removed or changed in {self.took_s:.1f} s; {self.data} had "
            f"{before:.1f} MB and has {after:.1f} MB"
        )


def _line(rule: RuleReport) -> str:
    return f"{rule.rule}: {rule.told}: {_points(rule.points)}"


def _points(number: int) -> str:
    return "1 point" if number == 1 else f"{number} points"
