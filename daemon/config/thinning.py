"""Options that leave out what says nothing new: of a rule, and of one of its fields."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import BeforeValidator, Field

from daemon.config.quantities import parse_number
from daemon.config.section import Seconds, Section

_SHARE = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_LONGEST_WINDOW_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Deadband:
    """How far a value may be from the last stored one without being stored."""

    absolute: float
    share: float = 0.0
    """Of the last stored value; 0.01 for 1%."""


def parse_deadband(value: object) -> Deadband:
    """`0.1`, in the stored unit, or `1%` of the last stored value.

    Raises:
        ValueError: for anything else, and below 0.
    """
    if isinstance(value, str):
        match = _SHARE.fullmatch(value.strip())
        if match is None:
            raise ValueError(
                "a deadband is a number in the stored unit, such as 0.1, or a share of the last "
                "stored value, such as 1%"
            )
        return Deadband(0.0, float(match[1]) / 100)
    number = parse_number(value)
    if not isinstance(number, float) or number < 0:
        raise ValueError("a deadband is 0 or more; 0 leaves out what is equal")
    return Deadband(number)


def _as_deadband(value: object) -> object:
    """Checked, and as it was written."""
    if value is None:
        return None
    deadband = parse_deadband(value)
    return str(value).strip() if deadband.share or isinstance(value, str) else deadband.absolute


DeadbandText = Annotated[float | str | None, BeforeValidator(_as_deadband)]
"""A deadband as it was written; `parse_deadband` reads it."""


class ThinningRules(Section):
    """What a rule leaves out. Without any of these it stores everything."""

    deadband: DeadbandText = None
    """A point is left out while each of its fields is as near as this to the value stored last:
    0.1, in the stored unit, or 1% of that value; 0: while they are equal. What a field says of its
    own goes before; where only fields have one, it is 0 for the others. A point that is stored has
    all of its fields."""
    max_silence_s: Seconds | None = Field(default=None, validation_alias="max_silence", gt=0)
    """A field that was not stored for so long is stored although nothing has changed. Alone it
    means `deadband: 0` too."""
    throttle_s: Seconds | None = Field(
        default=None, validation_alias="throttle", gt=0, le=_LONGEST_WINDOW_S
    )
    """At most one point of each series in so much time, stored at its end: the last value of each
    field. What waits for that waits on disk."""
    merge_within_s: Seconds | None = Field(
        default=None, validation_alias="merge_within", gt=0, le=_LONGEST_WINDOW_S
    )
    """Messages of one series (the same measurement and tags) that come within so much time become
    one point with the fields of all; the same field again begins another point."""
    expire_after_s: Seconds | None = Field(default=None, validation_alias="expire_after", ge=1)
    """A series without a message for so long is stale: one point says so, with null for each of
    its fields."""

    @property
    def leaves_out(self) -> bool:
        """Whether one of these options is given."""
        return not all(
            option is None
            for option in (
                self.deadband,
                self.max_silence_s,
                self.throttle_s,
                self.merge_within_s,
                self.expire_after_s,
            )
        )
