"""What one reading of a poll would become, and why, for a person."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.app.explain import outcome_page
from daemon.app.explain_trial import Trial
from daemon.clock import Clock
from daemon.config import Config, PollOptions
from daemon.errors import EX_UNAVAILABLE, EX_USAGE, StartError
from daemon.mapping import ReadingStory
from daemon.polls import Place
from daemon.polls.once import Once, poll_once

_SHOWN = 1000


def explain_poll(config: Config, name: str, clock: Clock) -> Iterator[str]:
    """The page of a poll, a line each: what its sensor answers now, each step, and the outcome.

    Raises:
        StartError: for a poll that there is not, and one that cannot be read now.
    """
    number, poll = _found(config, name)
    place = config.place("polls", number)
    yield f"poll {name} (polls[{number}], line {place.line}), kind {poll.kind}"
    yield ""
    once = poll_once(poll, Place(config.storage.path.parent, name), clock)
    if once.reading is None:
        raise StartError(_failure(poll, once), EX_UNAVAILABLE)
    yield f"read in {once.took_s:.2f} s: {_shown(once.reading.value)}"
    # What the telling does to texts and counters must not change the outcome.
    shadow, trial = Trial(config, needs_broker=False), Trial(config, needs_broker=False)
    rule = shadow.mapper.reading_rule(name)
    assert rule is not None
    story = ReadingStory(rule, poll, shadow.mapper.common_tags, shadow.memory)
    for line in story.lines(once.reading):
        yield "  " * (line.depth + 1) + line.text
    yield ""
    fate = trial.take(once.reading)
    trial.finish()
    yield from outcome_page(fate.mapped)


def _found(config: Config, name: str) -> tuple[int, PollOptions]:
    for number, poll in enumerate(config.polls):
        if poll.name == name:
            return number, poll
    names = ", ".join(poll.name for poll in config.polls) or "none is configured"
    raise StartError(f"--poll: found {name!r}; polls: {names}", EX_USAGE)


def _failure(poll: PollOptions, once: Once) -> str:
    kind = f" ({once.kind})" if once.kind else ""
    return f"poll {poll.name} failed after {once.took_s:.2f} s: {once.trouble}{kind}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}... ({len(text)} characters)"
