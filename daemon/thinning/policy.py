"""What one rule leaves out, compiled from its options."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import translate

from daemon.config import (
    Deadband,
    SourceRule,
    ValueRules,
    is_pattern,
    parse_deadband,
    parse_template,
)

Value = int | float | None
Known = Mapping[str, tuple[Value, int]]
"""The last stored value of each field, and its time in µs UTC."""

_EQUAL = Deadband(0.0)
_MAX_NAMES = 2_000
# Twice the rounding error of a difference: 21.5 is 0.1 from 21.4, not 0.10000000000000142.
_ROUNDING = 4 * 2.0**-53


@dataclass(slots=True)
class Policy:
    """How the points of one rule are thinned. Times are µs; 0 where the rule does not ask."""

    leaves_out: bool
    """Whether points that say nothing new are left out."""
    max_silence_us: int = 0
    window_us: int = 0
    """How long points wait for others of their series."""
    keeps_last: bool = True
    """What a field that comes again within the window does: take the place of the earlier value,
    or else begin another point."""
    repeats_us: int = 0
    expire_us: int = 0
    has_availability: bool = False
    deadband_for: Callable[[str], Deadband] = lambda _: _EQUAL
    _bands: dict[str, Deadband] = field(default_factory=dict)

    @property
    def watches(self) -> bool:
        """Whether series can be declared absent, so that more than values must be known of them."""
        return self.expire_us > 0 or self.has_availability

    def is_news(self, fields: Mapping[str, Value], time_us: int, known: Known) -> bool:
        """Whether a point says something that was not stored: a field that is new, moved by more
        than its deadband, or not stored for `max_silence`."""
        for name, value in fields.items():
            last = known.get(name)
            if last is None:
                return True
            if self.max_silence_us and abs(time_us - last[1]) >= self.max_silence_us:
                # Either way: a clock that was set back says nothing about how long it was.
                return True
            if value != last[0] and not _is_near(value, last[0], self._band(name)):
                return True
        return False

    def _band(self, name: str) -> Deadband:
        band = self._bands.get(name)
        if band is None:
            if len(self._bands) >= _MAX_NAMES:
                self._bands.clear()
            band = self._bands[name] = self.deadband_for(name)
        return band


def compile_policy(rules: ValueRules) -> Policy | None:
    """The policy of a rule; None for one that stores everything."""
    if not rules.is_thinned:
        return None
    own = {
        rule.as_name or key: rule.deadband
        for key, rule in (rules.fields or {}).items()
        if rule.deadband is not None
    }
    leaves_out = bool(own) or rules.deadband is not None or rules.max_silence_s is not None
    window_s = max(rules.throttle_s or 0.0, rules.merge_within_s or 0.0)
    repeats_within_s = rules.repeats_within_s if isinstance(rules, SourceRule) else None
    return Policy(
        leaves_out=leaves_out,
        max_silence_us=_us(rules.max_silence_s),
        window_us=_us(window_s),
        keeps_last=rules.throttle_s is not None,
        repeats_us=_us(repeats_within_s),
        expire_us=_us(rules.expire_after_s),
        has_availability=isinstance(rules, SourceRule) and bool(rules.availability),
        deadband_for=_bands_of(
            {key: parse_deadband(text) for key, text in own.items()},
            _EQUAL if rules.deadband is None else parse_deadband(rules.deadband),
        ),
    )


class Policies:
    """The policies of all rules, compiled when they are first needed. One thread.

    Rules may come, go and change under their name, as those of discovery do.
    """

    def __init__(self, rule_of: Callable[[str], ValueRules | None]) -> None:
        self._rule_of = rule_of
        self._compiled: dict[str, tuple[ValueRules, Policy | None]] = {}

    def of(self, name: str) -> Policy | None:
        """That of a rule; None where it stores everything, or there is none any more."""
        rules = self._rule_of(name)
        if rules is None:
            self._compiled.pop(name, None)
            return None
        known = self._compiled.get(name)
        if known is None or known[0] is not rules:
            known = self._compiled[name] = (rules, compile_policy(rules))
        return known[1]


def _bands_of(own: Mapping[str, Deadband], default: Deadband) -> Callable[[str], Deadband]:
    """The deadband of a field by its name in the point: keys may be patterns or have braces."""
    patterns = [(_pattern_of(key), band) for key, band in own.items()]

    def find(name: str) -> Deadband:
        exact = own.get(name)
        if exact is not None:
            return exact
        for pattern, band in patterns:
            if pattern is not None and pattern.fullmatch(name):
                return band
        return default

    return find


def _pattern_of(key: str) -> re.Pattern[str] | None:
    if is_pattern(key):
        return re.compile(translate(key))
    template = parse_template(key)
    return re.compile(".+".join(map(re.escape, template.texts))) if template.names else None


def _is_near(value: Value, last: Value, band: Deadband) -> bool:
    if value is None or last is None:
        return False
    limit = band.absolute + band.share * abs(last)
    return limit > 0 and abs(value - last) <= limit + _ROUNDING * max(abs(value), abs(last))


def _us(seconds: float | None) -> int:
    return round((seconds or 0.0) * 1e6)
