"""InfluxDB line protocol: the documentation's examples, what its grammar allows, and garbage."""

from __future__ import annotations

import contextlib
import math
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tinyflux.effort import effort
from tinyflux import Point
from tinyflux.line_protocol import from_line

START = datetime(2025, 1, 1, tzinfo=UTC)
A_TIME = datetime(2019, 5, 2, 16, 12, 41, 98000, tzinfo=UTC)

special = st.text(st.sampled_from("\\,= \"'#ab\t🍭"), min_size=1, max_size=6)
plain = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=6)
texts = special | plain
finite = st.floats(allow_nan=False, allow_infinity=False)
integers = st.integers(-(2**63), 2**64 - 1)
moments = st.datetimes(datetime(1677, 9, 22), datetime(2262, 4, 11), timezones=st.just(UTC))


@effort(400)
@given(
    measurement=texts.filter(lambda text: not text.startswith("#")),
    tags=st.dictionaries(texts, texts, max_size=3),
    fields=st.dictionaries(texts, st.one_of(integers, finite), min_size=1, max_size=3),
    moment=moments,
)
def test_a_line_reads_back_as_its_point(
    measurement: str, tags: dict[str, str | None], fields: dict[str, Any], moment: datetime
) -> None:
    point = Point(time=moment, measurement=measurement, tags=tags, fields=fields)
    back = Point.from_line_protocol(point.to_line_protocol())
    assert back == point
    assert list(map(repr, back.fields.values())) == list(map(repr, point.fields.values()))


def line(text: str) -> Point:
    return Point.from_line_protocol(text)


def fields(text: str) -> list[tuple[str, int | float | None]]:
    return list(line(f"m {text} 0").fields.items())


def test_the_documented_example_of_all_parts() -> None:
    assert line("myMeasurement,tag1=value1,tag2=value2 fieldKey=1.5 1556813561098000000") == Point(
        time=A_TIME,
        measurement="myMeasurement",
        tags={"tag1": "value1", "tag2": "value2"},
        fields={"fieldKey": 1.5},
    )


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("fieldKey=1.0", 1.0), ("fieldKey=1", 1.0), ("fieldKey=-1.234456e+78", -1.234456e78),
        ("fieldKey=1i", 1), ("fieldKey=12485903i", 12485903), ("fieldKey=-12485903i", -12485903),
        ("fieldKey=-9223372036854775808i", -(2**63)), ("fieldKey=9223372036854775807i", 2**63 - 1),
        ("fieldKey=0u", 0), ("fieldKey=1u", 1), ("fieldKey=18446744073709551615u", 2**64 - 1),
        ("fieldKey=.5", 0.5), ("fieldKey=5.", 5.0), ("fieldKey=5.e2", 500.0),
        ("fieldKey=1E-3", 0.001), ("fieldKey=-0", -0.0),
        *((f"fieldKey={word}", 1) for word in ("t", "T", "true", "True", "TRUE")),
        *((f"fieldKey={word}", 0) for word in ("f", "F", "false", "False", "FALSE")),
    ],
)  # fmt: skip
def test_documented_values(text: str, wanted: float) -> None:
    ((key, value),) = fields(text)
    assert (key, value, type(value)) == ("fieldKey", wanted, type(wanted))


@pytest.mark.parametrize(
    ("text", "measurement", "tags", "keys"),
    [
        (r"my\ Measurement fieldKey=1", "my Measurement", {}, ["fieldKey"]),
        (
            r"myMeasurement,tag\ Key1=tag\ Value1,tag\ Key2=tag\ Value2 fieldKey=100",
            "myMeasurement", {"tag Key1": "tag Value1", "tag Key2": "tag Value2"}, ["fieldKey"],
        ),
        ("myMeasurement,tagKey=🍭 fieldKey=1 1556813561098000000",
         "myMeasurement", {"tagKey": "🍭"}, ["fieldKey"]),
        (r"my\,M\ x,a\=b=c\,d\=e f\ g\,h\=i=1", "my,M x", {"a=b": "c,d=e"}, ["f g,h=i"]),
        (r"""m"e',"k'="v' "f'=1""", "m\"e'", {"\"k'": "\"v'"}, ["\"f'"]),
        (r"m=e,a=b c=1", "m=e", {"a": "b"}, ["c"]),
        (r"C:\temp,path=D:\x\y f\g=1", r"C:\temp", {"path": r"D:\x\y"}, [r"f\g"]),
    ],
)  # fmt: skip
def test_documented_escapes_and_quotes(
    text: str, measurement: str, tags: dict[str, str], keys: list[str]
) -> None:
    point = line(text)
    assert (point.measurement, point.tags, list(point.fields)) == (measurement, tags, keys)


@pytest.mark.parametrize(
    ("written", "meant"), [("\\" * n, "\\" * ((n + 1) // 2)) for n in range(1, 7)]
)
def test_the_documented_table_of_backslashes(written: str, meant: str) -> None:
    point = line(f"a{written}b,k{written}k=v{written}v f{written}f=1")
    assert (point.measurement, point.tags) == (f"a{meant}b", {f"k{meant}k": f"v{meant}v"})
    assert list(point.fields) == [f"f{meant}f"]


def test_backslashes_are_written_plain_where_that_is_clear() -> None:
    point = Point(
        time=START, measurement="a\\b", tags={"c\\": "d\\\\e", "f": "\\ "}, fields={"g": 1}
    )
    assert point.to_line_protocol() == (r"a\b,c\\=d\\\e,f=\\\  g=1i 1735689600000000000")


def test_spaces_around_and_line_ends_are_passed_over() -> None:
    assert line("  m,a=b  c=1i,d=2   1000  \r\n") == line("m,a=b c=1i,d=2 1000\n")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("0", datetime(1970, 1, 1, tzinfo=UTC)),
        ("1556813561098000999", A_TIME),
        ("-1", datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)),
        ("-9223372036854775806", datetime(1677, 9, 21, 0, 12, 43, 145224, tzinfo=UTC)),
    ],
)
def test_times_are_cut_to_the_microsecond(text: str, wanted: datetime) -> None:
    assert line(f"m f=1 {text}").time == wanted


def test_a_line_without_a_time_is_of_now() -> None:
    before = datetime.now(UTC)
    moment = line("m f=1").time
    assert moment is not None
    assert before <= moment <= datetime.now(UTC)


def test_a_point_without_a_time_gives_a_line_without_one() -> None:
    assert Point(measurement="m", fields={"f": 1}).to_line_protocol() == "m f=1i"


def test_a_time_in_another_zone_is_written_in_utc(live_in: Any) -> None:
    live_in("Asia/Kolkata")
    naive = Point(time=datetime(2025, 1, 1, 5, 30), fields={"f": 1})
    assert naive.to_line_protocol() == "_default f=1i 1735689600000000000"


def test_what_means_nothing_is_left_out() -> None:
    point = Point(time=START, tags={"a": None, "b": ""}, fields={"x": 1, "n": None, "i": math.inf})
    assert point.to_line_protocol() == "_default x=1i 1735689600000000000"


@pytest.mark.parametrize(
    ("point", "text"),
    [
        pytest.param(
            {"fields": {"n": math.nan, "m": None}}, "a field that is a finite", id="no-number"
        ),
        pytest.param({}, "a field that is a finite", id="no-field"),
        pytest.param({"measurement": "", "fields": {"f": 1}}, "empty", id="no-measurement"),
        pytest.param({"tags": {"": "v"}, "fields": {"f": 1}}, "empty", id="no-tag-key"),
        pytest.param({"fields": {"": 1}}, "empty", id="no-field-key"),
        pytest.param({"measurement": "a\nb", "fields": {"f": 1}}, "newline", id="newline"),
        pytest.param({"tags": {"a": "b\r"}, "fields": {"f": 1}}, "newline", id="return"),
        pytest.param({"measurement": "#m", "fields": {"f": 1}}, "comment", id="comment"),
        pytest.param({"fields": {"f": 10**5000}}, "'f' is an int of 16610 bits", id="long-int"),
        pytest.param({"fields": {"f": 2**64}}, "int of 65 bits; .* holds 64", id="int"),
        pytest.param({"fields": {"f": -(2**63) - 1}}, "int of 64 bits; .* signed", id="least-int"),
    ],
)
def test_what_a_line_cannot_hold_is_refused(point: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        Point(time=START, **point).to_line_protocol()


def test_an_int_beyond_the_signed_ones_is_written_unsigned() -> None:
    point = Point(fields={"a": 2**63 - 1, "b": 2**63, "c": 2**64 - 1, "d": -(2**63)})
    assert point.to_line_protocol() == (
        "_default a=9223372036854775807i,b=9223372036854775808u,c=18446744073709551615u,"
        "d=-9223372036854775808i"
    )


def test_a_point_changed_in_place_is_written_as_it_is() -> None:
    point = Point(fields={"f": 1})
    point.fields["f"] = np.float64(1.5)
    point.fields["g"] = np.int64(3)
    assert point.to_line_protocol() == "_default f=1.5,g=3i"


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [
        ("tags", 5, "tag 'a' must be a str"),
        ("fields", "5", "field 'a' must be an int"),
        ("fields", True, "use 1 or 0"),
    ],
)
def test_what_a_point_must_not_hold_is_refused(attribute: str, value: Any, text: str) -> None:
    point = Point(fields={"f": 1})
    getattr(point, attribute)["a"] = value
    with pytest.raises(ValueError, match=text):
        point.to_line_protocol()


@pytest.mark.parametrize("year", [1, 1677, 2263, 9999])
def test_a_time_beyond_64_bits_of_ns_is_refused(year: int) -> None:
    point = Point(time=datetime(year, 1, 1, tzinfo=UTC), fields={"f": 1})
    with pytest.raises(ValueError, match=f"cannot hold the time {year:04}-01-01T00:00:00Z"):
        point.to_line_protocol()


@pytest.mark.parametrize(
    ("parts", "where"),
    [
        ({"measurement": ""}, "the measurement is empty"),
        ({"tags": {"": "v"}}, "the key of tag '' is empty"),
        ({"fields": {"": 1}}, "the key of field '' is empty"),
        ({"tags": {"a": "b\n"}}, "tag 'a' is 'b\\n'"),
    ],
)
def test_what_is_refused_is_named(parts: dict[str, Any], where: str) -> None:
    with pytest.raises(ValueError, match=re.escape(where)):
        Point(**{"fields": {"f": 1}, **parts}).to_line_protocol()


REFUSED = {
    "needed, found ''": ("",),
    "a line with a point": (" ", "\n", "# This is a comment", " #m f=1"),
    "several": ("m f=1\nm f=2", "m f=1\r\nm f=2", "m,a=b\nc f=1", 'm f="a\nb"', "m\nf=1"),
    "a measurement is needed": (",a=b f=1",),
    "a space and fields": ("m", "m,a=b", "m,a=b,c=d", "m,a=b=c f=1", "m\\ f=1"),
    "a key is needed": ("m, f=1", "m,=b f=1", "m =1", "m f=1,", "m f=1,,g=2", "m f=1,=2"),
    "= behind the key": ("m f", "m,a f=1", "m f,g=1", "m f\\=1", "m,a\\=b f=1"),
    "a value of the tag 'a'": ("m,a= f=1", "m,a=,b=c f=1"),
    "a number": (
        *("m f=", "m f=x", "m f=,g=1", "m f=tRUE", "m f=truex", "m f=1x", "m f=1ii", "m f=1.5i"),
        *(
            "m f=-1u",
            "m f=+1u",
            "m f=0x1",
            "m f=nan",
            "m f=inf",
            "m f=-Infinity",
            "m f=1e",
            "m f=.",
        ),
        *("m f=1e999", "m f=1_000", "m f='a'", "m f=1=2", 'm f=1"a"', "m f=١", "m f=1e5i", "m f=i"),
        *("m f=" + "1" * 5000, "m f=\\1", "m f=\t1"),
    ),
    "is the string": ('m f="text"', 'm f=""', 'm f="a, b=c \\" d\\\\" 1', 'm f="1",g=1'),
    "closes the string": ('m f="open', 'm f="open\\"', 'm f="a\\', 'm f="'),
    "a time in ns": ("m f=1 x", "m f=1 1 1", "m f=1 1.5", "m f=1 1i", "m f=1 +1", "m f=1 0x1"),
    "64 bits": (
        *("m f=9223372036854775808i", "m f=-9223372036854775809i", "m f=18446744073709551616u"),
        *("m f=" + "1" * 5000 + "i", "m f=" + "1" * 5000 + "u"),
        *("m f=1 253402300800000000000", "m f=1 -99999999999999999999999"),
        *("m f=1 9223372036854775807", "m f=1 -9223372036854775807"),
    ),
    "given twice": ("m,a=b,a=c f=1", "m f=1,f=2", "m,a\\ a=b,a\\ a=b f=1"),
}


@pytest.mark.parametrize(
    ("why", "text"), [pair for why in REFUSED for pair in product((why,), REFUSED[why])]
)
def test_what_is_no_line_is_refused_with_the_reason(why: str, text: str) -> None:
    with pytest.raises(ValueError, match=why):
        line(text)


@pytest.mark.parametrize("wrong", [None, 1, b"m f=1", ["m f=1"]])
def test_what_is_no_text_is_a_type_error(wrong: Any) -> None:
    with pytest.raises(TypeError, match="a line is a str"):
        line(wrong)


pieces = st.sampled_from(
    ("m", ",", "=", " ", "\\", '"', "1", "1i", "-", "e", ".", "t", "#", "\n", "🍭", "\ud800", "\0")
)


@effort(800)
@given(st.lists(pieces, max_size=14).map("".join) | st.text())
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    try:
        point = line(text)
    except ValueError:
        return
    assert point.fields
    assert line(point.to_line_protocol()) == point


LONG: dict[str, Callable[[int], str]] = {
    "strings": lambda n: "m " + 'f="' * n,
    "quotes": lambda n: 'm f="' + '="' * n,
    "backslashes": lambda n: "\\" * n,
    "escapes": lambda n: "m,a=" + "\\ " * n,
    "digits": lambda n: "m f=" + "1" * n + "x",
    "time": lambda n: "m f=1 " + "1" * n,
    "spaces": lambda n: "m" + " " * n + "x",
    "commas": lambda n: "m" + "," * n,
    "equals": lambda n: "m f" + "=" * n,
    "tags": lambda n: "m" + "".join(f",a{number}=b" for number in range(n // 8)) + " f=x",
    "fields": lambda n: "m " + ",".join(f"a{number}=1" for number in range(n // 8)),
    "words": lambda n: "m " * n,
    "string": lambda n: 'm f="' + "\\\\" * n,
    "newlines": lambda n: "m f=1" + "\n" * n + "x",
}


@pytest.mark.parametrize("kind", LONG)
def test_the_time_for_a_line_grows_no_faster_than_its_length(kind: str) -> None:
    def seconds(n_characters: int) -> float:
        text = LONG[kind](n_characters)
        start = time.thread_time()
        with contextlib.suppress(ValueError):
            line(text)
        return time.thread_time() - start

    short, long = (min(seconds(size) for _ in range(4)) for size in (100_000, 800_000))
    assert long < 30 * max(short, 1e-5)  # 8 times where it is linear, 64 where it is quadratic


def test_a_line_of_many_fields_and_tags_reads_back() -> None:
    point = Point(
        time=START + timedelta(microseconds=1),
        measurement="m",
        tags={f"tag {number}": f"v={number}" for number in range(2000)},
        fields={f"f,{number}": number for number in range(2000)},
    )
    assert line(point.to_line_protocol()) == point


def test_strings_are_set_apart_where_somebody_wants_them() -> None:
    texts: dict[str, str] = {}
    parts = from_line(r'm,a=b s="x, \"y\" \\",n=1,u="" 1000', texts=texts)
    assert (parts.fields, texts, parts.time_us) == (
        {"n": 1.0},
        {"s": r'x, "y" \\'[:-1], "u": ""},
        1,
    )


@pytest.mark.parametrize("text", ['m s="x",s=1', 'm s=1,s="x"', 'm s="x",s="y"'])
def test_a_key_given_twice_is_refused_whatever_it_holds(text: str) -> None:
    with pytest.raises(ValueError, match="given twice"):
        from_line(text, texts={})
