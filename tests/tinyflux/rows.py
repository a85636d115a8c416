"""Files of many rows, as bytes: shapes that repeat, with odd lines in between."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from hypothesis import strategies as st

Row = Callable[[random.Random], str]

NUMBERS = (
    *("0", "1", "-1", "21.5", "-0.25", "100", "3.0", "0.1", "007", "-0", "-0.0", "0.0", "1.50"),
    *("123456789012345", "1234567890123456", "12345678901234.5", "0.123456789012345", "9" * 17),
    *("9007199254740993", "-9223372036854775809", "9" * 40, "1e5", "1E-5", "1e+22", "5e-324"),
    *("inf", "-inf", "nan", "_none", "", "+5", "+1.5", "-", ".5", "5.", "1e999", "Infinity"),
)
GOOD_NUMBERS = tuple(text for text in NUMBERS if text != "-")
TEXTS = ("kitchen", "cellar", "_none", "", "x", "é", "日本語", "a b", " a", "a ", "'", ";", "\t")
LONG_TEXTS = ("x" * 63, "x" * 64, "x" * 65, "ä" * 33, "y" * 200, "short")
NAMES = ("m", "climate", "", "_none", "très")


def _time(rng: random.Random) -> str:
    moment = datetime(2025, 1, 1) + timedelta(seconds=rng.randrange(10**7))
    if rng.random() < 0.3:
        moment = moment.replace(microsecond=rng.randrange(10**6))
    return moment.isoformat()


def _row(*columns: tuple[str, Sequence[str]]) -> Row:
    def row(rng: random.Random) -> str:
        cells = [_time(rng), rng.choice(NAMES)]
        for key, values in columns:
            cells += [key, rng.choice(values)]
        return ",".join(cells)

    return row


SHAPES: dict[str, Row] = {
    "sensor": _row(("_tag_room", TEXTS), ("_field_n", ("1", "0", "-3", "2.5")), ("_field_t", "59")),
    "numbers": _row(("_field_n", GOOD_NUMBERS), ("_field_é", GOOD_NUMBERS)),
    "integers": _row(("_field_n", ("1", "12", "123", "-7", "12345678901234567890"))),
    "decimals": _row(("_field_n", ("1.5", "0.25", "-3.125", "99999999999999.9"))),
    "mostly none": _row(("_field_n", ("_none", "_none", "1")), ("_tag_a", ("_none", "x"))),
    "tags": _row(("_tag_room", TEXTS), ("_tag_a b", TEXTS), ("_tag_", TEXTS)),
    "long tags": _row(("_tag_long", LONG_TEXTS), ("_field_n", ("1", "2"))),
    "one long tag": _row(("_tag_long", ("z" * 5000, "z")), ("_field_n", ("1", "2"))),
    "compact": _row(("t_room", TEXTS), ("f_n", ("1", "2.0"))),
    "mixed prefixes": _row(("_tag_room", TEXTS), ("f_n", ("1", "2.0")), ("t_b", TEXTS)),
    "fields first": _row(("_field_n", ("1", "2")), ("_tag_room", TEXTS)),
    "a key twice": _row(("_tag_room", TEXTS), ("_tag_room", TEXTS), ("_field_n", ("1", "2"))),
    "a key in both styles": _row(("_field_n", ("1", "2")), ("f_n", ("3", "4"))),
    "tag and field of one name": _row(("_tag_n", TEXTS), ("_field_n", ("1", "2"))),
    "keys like prefixes": _row(("_tag_t_", TEXTS), ("_tag__tag_", TEXTS), ("f_f_", "12")),
    "a long key": _row(("_tag_" + "k" * 80, TEXTS), ("_field_n", "12")),
    "nothing but a name": _row(),
    "many columns": _row(*((f"_field_f{i}", ("1", "2.5", "_none")) for i in range(40))),
}

ODD = (
    '2025-01-01T00:00:00,m,_tag_room,"a, ""quoted"" room",_field_n,1\r\n',
    '2025-01-01T00:00:00,m,_tag_room,"two\r\nlines",_field_n,2\r\n',
    '2025-01-01T00:00:00,m,_tag_room,"\n\r\n\n",_field_n,3\r\n',
    '"2025-01-01T00:00:00","m","_tag_room","kitchen","_field_n","4"\r\n',
    '"2025-01-01T00:00:00",m\r\n',
    '2025-01-01T00:00:00,m,"_tag_a,b",x\r\n',
    '2025-01-01T00:00:00,m,_tag_room,"2025-01-01T00:00:00,m\r\n2025-01-01T00:00:00,m"\r\n',
    '2025-01-01T00:00:00,m,_tag_room,mid"quote,_field_n,5\r\n',
    '2025-01-01T00:00:00,m,_tag_room,"closed" and more,_field_n,5\r\n',
    '2025-01-01T00:00:00,m,_tag_room,""\r\n',
    "2025-01-01T00:00:00,m,_tag_room,nul\0,_field_n,6\r\n",
    "2025-01-01T00:00:00,m,_tag_room,\0\r\n",
    "2025-01-01T00:00:00,m,_field_n,7\n",
    "2025-01-01T00:00:00,m,_field_n,8\r2025-01-01T00:00:01,m,_field_n,9\r\n",
    "2025-01-01T00:00:00,m,_field_n,10\r\r\n",
    "\r\n",
    "\n",
    "\n\n\r\n",
    "   \r\n",
    "\t\r\n",
    '""\r\n',
    "\x0b\r\n",
    "\x0c \r\n",
    "\xa0\r\n",
    "\x1c\x1f\r\n",
    "2025-01-01T00:00:00+02:00,m,_field_n,11\r\n",
    "2025-01-01T00:00:00Z,m,_field_n,12\r\n",
    "2025-01-01T00:00:00.123456-00:30,m,_field_n,13\r\n",
    "2025-01-01T00:00:00.123,m,_field_n,14\r\n",
    "2025-01-01 00:00:00,m,_field_n,15\r\n",
    "2025-01-01,m,_field_n,16\r\n",
    "20250101T000000,m,_field_n,17\r\n",
    "2025-W01-3,m,_field_n,18\r\n",
    "2025-01-01T00:00,m,_field_n,19\r\n",
    "0001-01-01T00:00:00,m,_field_n,20\r\n",
    "9999-12-31T23:59:59.999999,m,_field_n,21\r\n",
    "2024-02-29T00:00:00,m,_field_n, 22\r\n",
    "2024-02-29T00:00:00,m,_field_n,23 \r\n",
    "2024-02-29T00:00:00,m,_field_n,2_4\r\n",
    "2024-02-29T00:00:00,m,_field_n,\u0662\u0665\r\n",
    "2024-02-29T00:00:00,m,_tag_room,\u2028\x85\x1c\x1d\r\n",
    "2024-02-29T00:00:00,m,_tag_room,\ufeff\r\n",
    "2024-02-29T00:00:00,m,_field_n,26,_field_n,27,_field_n,_none\r\n",
    f"2024-02-29T00:00:00,m,_field_n,{'9' * 5000}\r\n",
    f'2024-02-29T00:00:00,m,_tag_room,"{"x," * 600}"\r\n',
)
odd_lines = st.sampled_from(ODD).map(str.encode)


def file_of(
    shapes: Sequence[str], rng: random.Random, *, n_bytes: int, odd: Sequence[bytes] = ()
) -> bytes:
    """At least `n_bytes` of rows in runs of one shape; each odd line stands at some place."""
    lines: list[bytes] = []
    size = 0
    while size < n_bytes:
        row = SHAPES[rng.choice(shapes)]
        for _ in range(rng.choice((1, 2, 5, 60))):
            lines.append(row(rng).encode() + b"\r\n")
            size += len(lines[-1])
    for line in odd:
        lines.insert(rng.randrange(len(lines) + 1), line)
    # A blank line would be no record's own; the last line is one whose end can be told.
    return b"".join(lines) + b"2025-01-01T00:00:00,last\r\n"
