"""Which rule gets a topic, and which subscriptions bring them all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import Config, covers, parse_topic_filter
from daemon.mapping import subscriptions
from daemon.mapping.topics import TopicTrie, smallest_cover
from daemon.messages import Message, Outcome, RetainHandling, Subscription
from tests.daemon.mapping.mappers import NOW_US, mapper, message, rule_mapper, tags_of


@pytest.mark.parametrize(
    ("topic_filter", "topic", "fits"),
    [
        pytest.param("a/b", "a/b", True, id="same"),
        pytest.param("a/b", "a/c", False, id="other"),
        pytest.param("a/b", "a/b/c", False, id="longer"),
        pytest.param("a/b", "A/b", False, id="case-counts"),
        pytest.param("a/+", "a/b", True, id="plus"),
        pytest.param("a/+", "a/", True, id="plus-fits-an-empty-level"),
        pytest.param("a/+", "a", False, id="plus-needs-a-level"),
        pytest.param("a/+", "a/b/c", False, id="plus-is-one-level"),
        pytest.param("+/+", "/b", True, id="leading-slash"),
        pytest.param("a/#", "a/b/c", True, id="hash"),
        pytest.param("a/#", "a", True, id="hash-fits-its-parent"),
        pytest.param("a/#rest", "a", False, id="named-hash-needs-a-level"),
        pytest.param("a/#rest", "a/b/c", True, id="named-hash"),
        pytest.param("#", "a/b", True, id="everything"),
        pytest.param("#", "$SYS/uptime", False, id="everything-but-system-topics"),
        pytest.param("+/uptime", "$SYS/uptime", False, id="plus-fits-no-system-topic"),
        pytest.param("$SYS/#", "$SYS/uptime", True, id="system-topics-by-name"),
        pytest.param("a/+/c", "a/$b/c", True, id="dollar-further-down"),
        pytest.param("a//b", "a//b", True, id="empty-level"),
        pytest.param("a b/ü", "a b/ü", True, id="blank-and-umlaut"),
    ],
)
def test_filter_fits_as_mqtt_says(topic_filter: str, topic: str, fits: bool) -> None:
    trie = TopicTrie([parse_topic_filter(topic_filter)])
    assert trie.match(topic) == ([0] if fits else [])


LEVEL = st.sampled_from(["a", "b", "", "$s"])
TOPIC = st.lists(LEVEL, min_size=1, max_size=4).map("/".join)
FILTER_LEVEL = st.sampled_from(["a", "b", "", "$s", "+", "+"])
FILTER = st.builds(
    lambda levels, end: "/".join(levels + end),
    st.lists(FILTER_LEVEL, max_size=3),
    st.sampled_from([["#"], ["a"], ["+"]]),
)


def fits(topic_filter: str, topic: str) -> bool:
    """MQTT 3.1.1 section 4.7, said the long way."""
    if topic.startswith("$") and topic_filter[:1] in ("+", "#"):
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    if wanted[-1] == "#":
        head = wanted[:-1]
        return len(levels) >= len(head) and all(
            one in ("+", other) for one, other in zip(head, levels, strict=False)
        )
    return len(wanted) == len(levels) and all(
        one in ("+", other) for one, other in zip(wanted, levels, strict=True)
    )


@given(st.lists(FILTER, max_size=8), st.data(), TOPIC)
def test_removed_filters_leave_the_others_as_they_are(
    filters: list[str], data: st.DataObject, topic: str
) -> None:
    trie = TopicTrie(parse_topic_filter(text) for text in filters)
    removed = data.draw(st.sets(st.sampled_from(range(len(filters))))) if filters else set()
    for number in removed:
        trie.remove(number)
    assert trie.match(topic) == [
        number for number, text in enumerate(filters) if number not in removed and fits(text, topic)
    ]


@given(st.lists(FILTER, max_size=8), TOPIC)
def test_trie_finds_what_a_walk_over_all_filters_finds(filters: list[str], topic: str) -> None:
    trie = TopicTrie([parse_topic_filter(text) for text in filters])
    assert trie.match(topic) == [n for n, text in enumerate(filters) if fits(text, topic)]


@given(FILTER, FILTER, TOPIC)
def test_covering_filter_fits_every_topic_of_the_covered(
    wide: str, narrow: str, topic: str
) -> None:
    is_covered = covers(wide.split("/"), narrow.split("/"))
    assert not is_covered or not fits(narrow, topic) or fits(wide, topic)


@given(st.lists(FILTER, max_size=6), TOPIC)
def test_smallest_cover_brings_every_topic(filters: list[str], topic: str) -> None:
    cover = smallest_cover((parse_topic_filter(text), 1) for text in filters)
    assert any(fits(text, topic) for text, _ in cover) == any(fits(text, topic) for text in filters)


@given(st.lists(FILTER, max_size=6))
def test_no_filter_of_the_smallest_cover_covers_another(filters: list[str]) -> None:
    cover = [
        text.split("/") for text, _ in smallest_cover((parse_topic_filter(t), 1) for t in filters)
    ]
    assert not [1 for one in cover for other in cover if one != other and covers(one, other)]
    assert len({tuple(levels) for levels in cover}) == len(cover)


def asked(*rules: dict[str, object], broker: str = "home") -> tuple[Subscription, ...]:
    sources = [{"broker": "home", "measurement": "m", **rule} for rule in rules]
    brokers = {"home": {"url": "mqtt://x"}, "attic": {"url": "mqtt://y"}}
    return subscriptions(Config.model_validate({"brokers": brokers, "sources": sources}), broker)


def subscribed(*rules: dict[str, object], broker: str = "home") -> tuple[tuple[str, int], ...]:
    return tuple((one.topic_filter, one.qos) for one in asked(*rules, broker=broker))


def test_subscription_has_no_names() -> None:
    assert subscribed({"topic": "+room/#rest"}) == (("+/#", 1),)


def test_covered_filter_is_not_subscribed_and_leaves_its_qos() -> None:
    rules = ({"topic": "a/+x", "qos": 0}, {"topic": "a/b", "qos": 1}, {"topic": "a/c/d", "qos": 0})
    assert subscribed(*rules) == (("a/+", 1), ("a/c/d", 0))


def test_same_filter_is_subscribed_once() -> None:
    assert subscribed({"topic": "+a/x"}, {"topic": "+b/x"}) == (("+/x", 1),)


def test_qos_2_is_subscribed_at_1() -> None:
    assert subscribed({"topic": "a", "qos": 2}) == (("a", 1),)


@pytest.mark.parametrize(
    ("policies", "handling"),
    [
        (["once"], RetainHandling.ALWAYS),
        (["store"], RetainHandling.IF_NEW),
        (["skip"], RetainHandling.NEVER),
        (["skip", "store"], RetainHandling.IF_NEW),
        (["skip", "store", "once"], RetainHandling.ALWAYS),
    ],
    ids=["once", "store", "skip", "one stores", "one takes once"],
)
def test_retained_messages_are_asked_for_as_the_rules_need_them(
    policies: list[str], handling: RetainHandling
) -> None:
    [wanted] = asked(
        {"topic": "a/#", "retained": policies[0]},
        *({"topic": f"a/{number}", "retained": policy} for number, policy in enumerate(policies)),
    )
    assert wanted == Subscription("a/#", 1, handling)


def test_other_brokers_rules_are_not_subscribed() -> None:
    rules = ({"topic": "a"}, {"topic": "b", "broker": "attic"})
    assert subscribed(*rules, broker="attic") == (("b", 1),)


def test_first_rule_that_fits_takes_the_message(tmp_path: Path) -> None:
    rules = mapper(
        tmp_path,
        "sources:\n  - {topic: a/+x, measurement: first}\n  - {topic: a/b, measurement: second}\n",
    )
    assert rules.map(message("1", "a/b")).rule == "sources[0]"


def test_topic_without_a_rule_has_none(tmp_path: Path) -> None:
    assert rule_mapper(tmp_path, topic="a").map(message("1", "b")).outcome is Outcome.NO_RULE


def test_message_of_an_unknown_broker_has_no_rule(tmp_path: Path) -> None:
    stranger = Message("attic", "a", b"1", NOW_US)
    assert rule_mapper(tmp_path, topic="a").map(stranger).outcome is Outcome.NO_RULE


@pytest.mark.parametrize(
    ("topic_filter", "topic", "tags"),
    [
        pytest.param(
            "s/+room/+dev/env", "s/attic/x1/env", {"room": "attic", "dev": "x1"}, id="two"
        ),
        pytest.param(
            "z/#device", "z/Kitchen/Floor lamp", {"device": "Kitchen/Floor lamp"}, id="rest"
        ),
        pytest.param("s/+/+dev", "s/attic/x1", {"dev": "x1"}, id="nameless-is-no-tag"),
        pytest.param("s/+room/x", "s//x", {}, id="empty-level-is-no-tag"),
        pytest.param("s/#", "s/a/b", {}, id="nameless-rest-is-no-tag"),
    ],
)
def test_named_wildcards_become_tags(
    tmp_path: Path, topic_filter: str, topic: str, tags: dict[str, str]
) -> None:
    mapped = rule_mapper(tmp_path, topic=topic_filter).map(message("1", topic))
    assert tags_of(mapped) == tags


@pytest.mark.parametrize(
    "topic",
    [
        pytest.param("s/a\nb", id="newline"),
        pytest.param("s/a\x00b", id="nul"),
        pytest.param("s/\x1b[31m", id="escape"),
        pytest.param("s/" + "x" * 257, id="too-long"),
        pytest.param("s/\udcff", id="half-surrogate"),
    ],
)
def test_topic_that_can_be_no_tag_is_rejected(tmp_path: Path, topic: str) -> None:
    mapped = rule_mapper(tmp_path, topic="s/+room").map(Message("home", topic, b"1", NOW_US))
    assert (mapped.outcome, mapped.kind, mapped.points) == (Outcome.REJECTED, "tag", ())


def test_thousands_of_topics_keep_their_rules(tmp_path: Path) -> None:
    rules = rule_mapper(tmp_path, topic="s/+room")
    topics = [f"s/{number}" for number in range(6000)]
    first = [tags_of(rules.map(message("1", topic)))["room"] for topic in topics]
    assert first == [str(number) for number in range(6000)]
    assert tags_of(rules.map(message("1", "s/0"))) == {"room": "0"}
