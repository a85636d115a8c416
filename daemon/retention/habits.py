"""How points come, as the collector's own rules tell: thinned or not, how long a value holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from daemon.config import Config, ValueRules, parse_template
from daemon.retention.layers import Habit


def habits_of(config: Config, measurements: Iterable[str]) -> Mapping[str, Habit]:
    """By measurement what is known of its points."""
    rules = list(_writers(config))
    return {
        name: _habit([rule for rule in rules if _may_write(rule, name)]) for name in measurements
    }


def _writers(config: Config) -> Iterator[ValueRules]:
    for broker in config.brokers:
        yield from (placed.rule for placed in config.message_rules(broker))
    for poll in config.polls:
        if isinstance(poll, ValueRules):
            yield poll


def _may_write(rule: ValueRules, name: str) -> bool:
    written = getattr(rule, "measurement", None)
    if not isinstance(written, str):
        return False
    try:
        texts = parse_template(written).texts
    except ValueError:
        return written == name
    if len(texts) == 1:
        return texts[0] == name
    return name.startswith(texts[0]) and name.endswith(texts[-1])


def _habit(rules: list[ValueRules]) -> Habit:
    holds = [
        hold
        for rule in rules
        for hold in (rule.max_silence_s, rule.expire_after_s)
        if hold is not None
    ]
    counters = {
        field.as_name or key
        for rule in rules
        for key, field in (rule.fields or {}).items()
        if field.kind == "counter"
    }
    return Habit(
        is_thinned=any(_is_thinned(rule) for rule in rules),
        hold_s=max(holds, default=None),
        counters=frozenset(counters),
    )


def _is_thinned(rule: ValueRules) -> bool:
    fields = (rule.fields or {}).values()
    return (
        rule.deadband is not None
        or rule.max_silence_s is not None
        or rule.throttle_s is not None
        or any(field.deadband is not None for field in fields)
    )
