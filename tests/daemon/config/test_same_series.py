"""Two rules that would write the same series are named by `check`, with both places."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.daemon.config.configs import load

HEAD = "brokers: {home: {url: mqtt://x}, away: {url: mqtt://y}}\nsources:\n"


def notices(folder: Path, *rules: str, polls: str = "") -> tuple[str, ...]:
    lines = "".join(f"  - {{broker: home, {rule}}}\n" for rule in rules)
    return load(folder, HEAD + lines + polls).notices


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("topic: a, measurement: m", "topic: b, measurement: m", id="no tags"),
        pytest.param(
            "topic: a/+room, measurement: m", "topic: b/+room/x, measurement: m", id="same wildcard"
        ),
        pytest.param(
            "topic: a/+room, measurement: m",
            "topic: b/+r, measurement: m, tags: {room: '{r}', r: null}",
            id="wildcard under another name",
        ),
        pytest.param(
            "topic: a, measurement: m, tags: {x: y}", "topic: b, measurement: m, tags: {x: y}",
            id="same constant tags",
        ),
        pytest.param(
            "topic: a/+x, measurement: m, also: true", "topic: a/+x, measurement: m", id="also"
        ),
        pytest.param(
            "topic: a/+x, measurement: m, also: true", "topic: a/b, measurement: m, tags: {x: b}",
            id="also and the level's text",
        ),
        pytest.param(
            "topic: a, measurement: m, fields: {t: {}, h: {}}",
            "topic: b, measurement: m, fields: {t: $.x}", id="same field",
        ),
        pytest.param(
            "topic: a, measurement: m, fields: {t: {}}", "topic: b, measurement: m", id="any field"
        ),
    ],
)  # fmt: skip
def test_same_series_is_reported_with_both_places(tmp_path: Path, first: str, second: str) -> None:
    [notice] = [one for one in notices(tmp_path, first, second) if "same series" in one]
    assert notice.startswith(
        "sources[1] (config.yaml:4) and sources[0] (config.yaml:3) write the same series: "
        "measurement m, "
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("topic: a, measurement: m", "topic: b, measurement: n", id="measurement"),
        pytest.param(
            "topic: a/+room, measurement: m", "topic: b/+place, measurement: m", id="tag names"
        ),
        pytest.param(
            "topic: a, measurement: m, tags: {x: y}", "topic: b, measurement: m, tags: {x: z}",
            id="tag values",
        ),
        pytest.param(
            "topic: a, measurement: m, fields: {t: {}}",
            "topic: b, measurement: m, fields: {h: {}}", id="fields",
        ),
        pytest.param(
            "topic: a/+x, measurement: m, when: {$.a: 1}", "topic: a/+x, measurement: m",
            id="one or the other",
        ),
        pytest.param("topic: a/+x, measurement: m", "topic: a/+x, ignore: true", id="ignored"),
        pytest.param(
            "topic: a/+x, measurement: m, also: true", "topic: a/b, measurement: m, tags: {x: c}",
            id="also and another text",
        ),
        pytest.param(
            "topic: a/+x, measurement: m, also: true", "topic: b/b, measurement: m, tags: {x: b}",
            id="also and another topic",
        ),
        pytest.param(
            "topic: a, measurement: $.m", "topic: b, measurement: $.m", id="payload says it"
        ),
        pytest.param(
            "topic: a/+q, measurement: m, fields: {'{q}': {}}", "topic: b/+q, measurement: m",
            id="wildcard that names a field",
        ),
    ],
)  # fmt: skip
def test_series_that_can_be_told_apart_are_not_reported(
    tmp_path: Path, first: str, second: str
) -> None:
    assert not any("same series" in one for one in notices(tmp_path, first, second))


def test_polls_are_compared_too(tmp_path: Path) -> None:
    polls = (
        "polls:\n  - command: {name: a, run: [x], measurement: m}\n"
        "  - command: {name: b, run: [y], measurement: m}\n"
    )
    [notice] = [one for one in notices(tmp_path, polls=polls) if "same series" in one]
    assert notice.startswith("polls[1] (config.yaml:5) and polls[0] (config.yaml:4) write")
