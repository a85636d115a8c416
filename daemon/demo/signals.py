"""Plausible readings: a day's curve, and a walk that stays near it. No clock, no network."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from datetime import datetime

_DAY_H = 24.0


@dataclass(frozen=True, slots=True)
class DayCurve:
    """A value that is highest at `peak_h` o'clock and lowest twelve hours later."""

    mean: float
    swing: float
    """How far it goes above and below the mean."""
    peak_h: float = 15.0

    def at(self, local: datetime) -> float:
        """The curve's value at a local time."""
        hour = local.hour + local.minute / 60 + local.second / 3600
        return self.mean + self.swing * math.cos((hour - self.peak_h) / _DAY_H * math.tau)


class Walk:
    """A random walk around zero that is pulled back, so that it neither jumps nor runs away."""

    def __init__(self, chance: random.Random, *, step: float, pull: float = 0.02) -> None:
        self._chance = chance
        self._step = step
        self._pull = pull
        self._value = 0.0

    def next(self) -> float:
        """The next value; differs from the one before by about `step`."""
        self._value += self._chance.gauss(0.0, self._step) - self._pull * self._value
        return self._value


class Switch:
    """On or off, for a random time each, such as a compressor or a door."""

    def __init__(self, chance: random.Random, *, on_s: float, off_s: float) -> None:
        self._chance = chance
        self._mean_s = {True: on_s, False: off_s}
        self._left_s = 0.0
        self.is_on = False

    def after(self, seconds: float) -> bool:
        """Whether it is on, so many seconds after the last call."""
        self._left_s -= seconds
        while self._left_s <= 0:
            self.is_on = not self.is_on
            self._left_s += self._mean_s[self.is_on] * self._chance.uniform(0.5, 1.5)
        return self.is_on
