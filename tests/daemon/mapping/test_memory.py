"""Numbered texts and counters: what fields remember."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.config import load_config
from daemon.mapping import FieldMemory, RuleMapper, compile_mapper
from daemon.messages import Outcome
from tests.daemon.mapping.mappers import HEAD, NOW_US, fields_of, message


def rules(folder: Path, options: str, memory: FieldMemory) -> RuleMapper:
    path = folder / "config.yaml"
    path.write_text(f"{HEAD}sources: [{{topic: t/+room, measurement: m, {options}}}]\n")
    return compile_mapper(load_config(path), memory)


MODE = "fields: {mode: {type: enum}}"
COUNTER = "fields: {kwh: {kind: counter}}"


def modes(mapper: RuleMapper, *words: object) -> list[object]:
    found = [mapper.map(message(json.dumps({"mode": word}), "t/a")) for word in words]
    return [fields_of(one)["mode"] if one.points else str(one.outcome) for one in found]


def totals(mapper: RuleMapper, *values: float, room: str = "a") -> list[float | None]:
    return [
        fields_of(
            mapper.map(replace(message(json.dumps({"kwh": value})), topic=f"t/{room}",
                               received_us=NOW_US + number))
        )["kwh"]
        for number, value in enumerate(values)
    ]  # fmt: skip


def test_texts_are_numbered_as_first_seen(tmp_path: Path) -> None:
    memory = FieldMemory()
    words = ("heat", "idle", "Heat", " heat ", None, "unavailable", 5, 5.0, True)
    found = modes(rules(tmp_path, MODE, memory), *words)
    assert found == [1, 2, 1, 1, "no-value", "no-value", 3, 3, 4]
    assert memory.texts == {"m": {"mode": {"heat": 1, "idle": 2, "5": 3, "true": 4}}}


def test_numbers_are_found_again(tmp_path: Path) -> None:
    memory = FieldMemory(texts={"m": {"mode": {"idle": 7}}})
    assert modes(rules(tmp_path, MODE, memory), "idle", "heat") == [7, 8]


def test_text_whose_number_cannot_be_kept_is_rejected_and_gets_none(tmp_path: Path) -> None:
    memory = FieldMemory(keep_texts=lambda: False)
    mapped = rules(tmp_path, MODE, memory).map(message('{"mode": "heat"}', "t/a"))
    assert (mapped.outcome, mapped.kind, mapped.points) == (Outcome.REJECTED, "not-kept", ())
    assert memory.texts["m"]["mode"] == {}


@pytest.mark.parametrize("text", ["a\nb", "x" * 300, "\x1b[0m", "\ud800"], ids=ascii)
def test_text_that_is_no_word_is_rejected(tmp_path: Path, text: str) -> None:
    mapped = rules(tmp_path, MODE, FieldMemory()).map(message(json.dumps({"mode": text}), "t/a"))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "text")


def test_field_with_ever_new_texts_is_no_enum(tmp_path: Path) -> None:
    mapper = rules(tmp_path, MODE, FieldMemory())
    found = modes(mapper, *(f"title {number}" for number in range(501)))
    assert found[-2:] == [500, "rejected"]
    assert modes(mapper, "title 0") == [1]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([1, 2, 2, 3.5], [1, 2, 2, 3.5], id="grows"),
        pytest.param([100, 101, 0.5, 2], [100, 101, 101.5, 103], id="begins-anew"),
        pytest.param([100, 0, 0, 1], [100, 100, 100, 101], id="begins-at-zero"),
        pytest.param([10, 1, 12, 2], [10, 11, 22, 24], id="twice"),
        pytest.param([100, 99.9, 100.2], [100, 99.9, 100.2], id="noise-is-no-beginning"),
        pytest.param(
            [100, 0, 100.1, 100.2], [100, 100, 100.1, 100.2], id="zero-that-is-taken-back"
        ),
        pytest.param([100, 0, 0, 100.1], [100, 100, 100, 100.1], id="zeros-that-are-taken-back"),
        pytest.param([0, 0, 5], [0, 0, 5], id="zero-at-first"),
        pytest.param([0.1, 0.2, 0.3], [0.1, 0.2, 0.3], id="no-noise-of-binary"),
    ],
)
def test_counter(tmp_path: Path, values: list[float], expected: list[float]) -> None:
    assert totals(rules(tmp_path, COUNTER, FieldMemory()), *values) == expected


def test_counters_of_two_series_are_two(tmp_path: Path) -> None:
    mapper = rules(tmp_path, COUNTER, FieldMemory())
    assert totals(mapper, 100, room="a") + totals(mapper, 1, room="b") == [100, 1]


def test_counter_that_goes_below_zero_is_none(tmp_path: Path) -> None:
    mapped = rules(tmp_path, COUNTER, FieldMemory()).map(message('{"kwh": -1}', "t/a"))
    assert (mapped.outcome, mapped.kind) == (Outcome.REJECTED, "range")


def test_implausible_value_does_not_disturb_a_counter(tmp_path: Path) -> None:
    mapper = rules(tmp_path, "fields: {kwh: {kind: counter, max: 1000}}", FieldMemory())
    first, bad, last = (
        mapper.map(replace(message(f'{{"kwh": {value}}}', "t/a"), received_us=NOW_US + value))
        for value in (100, 99999, 101)
    )
    assert (fields_of(first), bad.points, fields_of(last)) == ({"kwh": 100.0}, (), {"kwh": 101.0})


def test_late_message_is_no_new_beginning(tmp_path: Path) -> None:
    mapper = rules(tmp_path, f"time: $.ts, {COUNTER}", FieldMemory())

    def total(kwh: float, time_s: int) -> object:
        return fields_of(mapper.map(message(json.dumps({"kwh": kwh, "ts": time_s}), "t/a")))["kwh"]

    now_s = NOW_US // 10**6
    assert [total(100, now_s), total(10, now_s - 60), total(101, now_s + 1)] == [100, 10, 101]


def test_int_counter_stays_int(tmp_path: Path) -> None:
    mapper = rules(tmp_path, "fields: {kwh: {kind: counter, type: int}}", FieldMemory())
    assert list(map(type, totals(mapper, 5, 1))) == [int, int]


def test_new_beginning_is_kept_at_once(tmp_path: Path) -> None:
    asked: list[bool] = []
    memory = FieldMemory(keep_counts=lambda *, is_urgent: asked.append(is_urgent))
    totals(rules(tmp_path, COUNTER, memory), 10, 11, 1)
    assert asked == [False, False, True]
