"""What the forms of points have in common: what is lost on the way, and what is no point."""

from __future__ import annotations

from typing import Literal

Form = Literal["line", "csv", "jsonl", "parquet", "tinyflux"]
OUT_FORMS: tuple[Form, ...] = ("line", "csv", "jsonl", "parquet")
IN_FORMS: tuple[Form, ...] = (*OUT_FORMS, "tinyflux")
_BY_ENDING: dict[str, Form] = {
    ".lp": "line",
    ".line": "line",
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
ENDINGS = ", ".join(_BY_ENDING)
_MOST_REASONS = 5


class NoPointError(ValueError):
    """A record is no point; the text says why."""


class Losses:
    """What a form could not say, counted, with some of the reasons."""

    def __init__(self) -> None:
        self.n_left_out = 0
        """Points that are not there at all."""
        self.n_shortened = 0
        """Points of which a part is not there."""
        self.reasons: list[str] = []

    def left_out(self, reason: str) -> None:
        """Count a point that is not there."""
        self.n_left_out += 1
        self._note(reason)

    def shortened(self, reason: str) -> None:
        """Count a point of which a part is not there."""
        self.n_shortened += 1
        self._note(reason)

    def _note(self, reason: str) -> None:
        if len(self.reasons) < _MOST_REASONS and reason not in self.reasons:
            self.reasons.append(reason)


def form_of(name: str) -> Form | None:
    """The form that a file's name tells, with or without .gz; None for another ending."""
    name = name.lower().removesuffix(".gz")
    return next((form for end, form in _BY_ENDING.items() if name.endswith(end)), None)
