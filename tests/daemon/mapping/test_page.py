"""Runs every example of docs/mapping.md, and follows its links."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from daemon.messages import Mapped, Outcome
from daemon.thinning import Moment, Policies, Thinner, shares_of
from tests.daemon.mapping.mappers import NOW_US, mapper, message
from tinyflux import Point

PAGE = Path(__file__).parents[3] / "docs" / "mapping.md"
TEXT = PAGE.read_text("utf-8")
EXAMPLE = re.compile(r"^```yaml\n(?P<rule>.*?)^```\n\n^```text\n(?P<talk>.*?)^```$", re.M | re.S)
NOW = Moment(0, NOW_US)
EXAMPLES = [pytest.param(found["rule"], found["talk"]) for found in EXAMPLE.finditer(TEXT)]


def line_of(point: Point) -> str:
    """A point as the page shows it."""
    assert point.time is not None
    tags = sorted((key, text) for key, text in point.tags.items() if key != "host")
    head = ",".join([point.measurement, *(f"{key}={text}" for key, text in tags)])
    fields = ",".join(f"{name}={number!r}" for name, number in sorted(point.fields.items()))
    is_arrival = round(point.time.timestamp() * 1e6) == NOW_US
    time = "" if is_arrival else f" {point.time:%Y-%m-%dT%H:%M:%SZ}"
    return f"> {head} {fields}{time}"


def answer(mapped: Mapped) -> list[str]:
    points = [line_of(point) for point in mapped.points]
    said = f"! {mapped.outcome} {mapped.kind}".rstrip()
    return points if mapped.outcome is Outcome.STORED else [*points, said]


@pytest.mark.parametrize(("rule", "talk"), EXAMPLES)
def test_example_gives_what_it_shows(tmp_path: Path, rule: str, talk: str) -> None:
    rules = mapper(tmp_path, "sources:\n  -\n" + textwrap.indent(rule, "    "))
    thinner = Thinner(Policies(rules.rule_of).of)
    shown: list[str] = []
    for sign, line in re.findall("^([<~]) (.*)$", talk, re.M):
        shown.append(f"{sign} {line}")
        if sign == "~":
            over = thinner.resolved(NOW, is_all=True)
            shown += [line_of(point) for one in over for point in one.mapped.points]
            continue
        topic, _, payload = line.partition(" ")
        item = message(payload, topic)
        mapped = rules.map(item)
        ticket = thinner.take(item, mapped, NOW)
        shown += answer(mapped if ticket is None else ticket.mapped)
        for number, share in enumerate(shares_of([] if ticket is None else [ticket]), len(shown)):
            share.number = number
    assert "\n".join(shown) == talk.strip()


def test_every_block_of_the_page_is_part_of_an_example() -> None:
    assert len(EXAMPLES) * 2 == len(re.findall(r"^```\w", TEXT, re.M)) > 20


def test_every_link_of_the_page_leads_somewhere() -> None:
    headings = {
        re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-")
        for heading in re.findall(r"^#+ (.*)$", TEXT, re.M)
    }
    links = [link for link in re.findall(r"\]\(([^)]+)\)", TEXT) if not link.startswith("http")]
    assert {link[1:] for link in links if link.startswith("#")} <= headings
    files = [link for link in links if not link.startswith("#")]
    assert [link for link in files if not (PAGE.parent / link).exists()] == []
