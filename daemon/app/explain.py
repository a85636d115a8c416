"""What one message would become, and why, for a person."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

from daemon.app.explain_trial import Trial
from daemon.config import Config
from daemon.mapping import Route, RuleStory
from daemon.messages import Mapped, Message
from tinyflux import Point

_SIMILAR = 3


def explain_message(config: Config, message: Message) -> Iterator[str]:
    """The page of a message, a line each: every rule whose topic fits, its steps, and the outcome.
    Raises StartError."""
    # What the telling does to texts and counters must not change the outcome.
    shadow, trial = Trial(config), Trial(config)
    yield f"{message.topic} on broker {message.source}"
    yield ""
    if trial.is_announcement(message):
        yield "an announcement, which `discovery` reads; no rule gets it"
    else:
        yield from _rules(config, shadow, message)
    yield ""
    fate = trial.take(message)
    trial.finish()
    yield from outcome_page(fate.mapped)


def outcome_page(mapped: Mapped) -> Iterator[str]:
    """The outcome, and what would be stored."""
    by = f" by {mapped.rule}" if mapped.rule else ""
    kind = f" ({mapped.kind})" if mapped.kind else ""
    yield f"{mapped.outcome}{by}" + (f": {mapped.reason}{kind}" if mapped.reason else kind)
    for point in mapped.points:
        yield f"  {point_line(point)}"


def point_line(point: Point) -> str:
    """A point on one line."""
    assert point.time is not None
    tags = "".join(f",{key}={text}" for key, text in point.tags.items())
    fields = " ".join(f"{key}={value}" for key, value in point.fields.items())
    return f"{point.measurement}{tags} {fields} {point.time.isoformat().replace('+00:00', 'Z')}"


def _rules(config: Config, shadow: Trial, message: Message) -> Iterator[str]:
    routes = shadow.mapper.fitting(message.source, message.topic)
    said = shadow.mapper.availability_of(message.source, message.topic)
    for name in dict.fromkeys(said):
        yield f"{name} takes it as word of its `availability`: whether a device is there"
    if not routes and not said:
        yield from _no_rule(config, message)
    taker = ""
    for route in routes:
        name = _name(config, route)
        if taker:
            yield f"{name} fits, but does not get it: {taker} takes it and has no `also: true`"
            continue
        mapped = route.apply(message)
        if mapped is None:
            yield f"{name} fits, but does not take it"
        else:
            yield f"{name} takes it" + (
                ", and the rules below get it too (`also`)" if route.place.lets_on else ""
            )
        story = RuleStory(route, shadow.mapper.common_tags, shadow.memory)
        lines = list(story.lines(message))
        yield from ("  " * (line.depth + 1) + line.text for line in lines)
        if mapped is None:
            continue
        is_told = any(mapped.reason.startswith(line.text[:60]) for line in lines)
        reason = f", {mapped.reason}" if mapped.reason and not is_told else ""
        yield f"  makes {_count(len(mapped.points), 'point')}: {mapped.outcome}{reason}"
        if not route.place.lets_on:
            taker = route.place.placed.name


def _name(config: Config, route: Route) -> str:
    placed = route.place.placed
    if not placed.place.line:
        return placed.name
    path = Path(placed.place.file)
    # The user's own files as they are called from where the configuration is.
    folder = config.origin.parent
    shown = path.relative_to(folder) if path.is_relative_to(folder) else path.name
    return f"{placed.name} ({shown}:{placed.place.line})"


def _no_rule(config: Config, message: Message) -> Iterator[str]:
    yield "no rule has a topic that fits"
    topics = {rule.rule.topic: rule.name for rule in config.message_rules(message.source)}
    for topic in difflib.get_close_matches(message.topic, topics, _SIMILAR, 0.5):
        yield f"  {topics[topic]} is for {topic}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
