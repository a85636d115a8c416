"""From a payload to the parts that become points: one, or one for each row or line."""

from __future__ import annotations

import base64
import binascii
import csv
import re
import struct
from collections.abc import Callable, Container
from itertools import islice

from daemon.config import BytesRule, CsvRule, KeyValueRule, PayloadRule, RegexRule, parse_path
from daemon.mapping.payloads import LastPayload, TextKind, decode_text, value_of
from daemon.mapping.reach import MISSING, Context, compile_path
from daemon.mapping.troubles import Kind, Unfit, show
from daemon.messages import JsonValue
from tinyflux.line_protocol import from_line

Decode = Callable[[bytes], list[Context]]
"""A payload to the beginnings of its points; none where it says that there is no value. Raises
Unfit."""

MAX_ROWS = 1000


def compile_decoder(
    rule: PayloadRule,
    null_words: Container[str],
    *,
    needs_json: bool,
    last: LastPayload | None = None,
) -> Decode:
    """The way to read a payload; `needs_json`: what is no object or list cannot fit the rule;
    `last` is shared by the rules that may be asked for the same payload."""
    match rule.kind:
        case "csv":
            return _csv_decoder(rule.csv or CsvRule(), null_words)
        case "key_value":
            return _pairs_decoder(rule.key_value or KeyValueRule(), null_words)
        case "line_protocol":
            return _decode_lines
        case "bytes":
            assert rule.bytes is not None
            return _bytes_decoder(rule.bytes)
        case "regex":
            assert rule.regex is not None
            return _regex_decoder(rule.regex, null_words)
        case kind:
            kind = "json" if kind == "auto" and needs_json else kind
            return _value_decoder(kind, null_words, LastPayload() if last is None else last)


def _value_decoder(kind: TextKind, null_words: Container[str], last: LastPayload) -> Decode:
    def decode(payload: bytes) -> list[Context]:
        text, value = last.read(payload, kind, null_words)
        return [] if value is None else [Context(value, text=text)]

    return decode


def _is_empty(text: str, null_words: Container[str]) -> bool:
    return not text or text.casefold() in null_words


def _csv_decoder(rule: CsvRule, null_words: Container[str]) -> Decode:
    decimal = re.compile(r"\s*[-+]?[0-9]+,[0-9]+\s*").fullmatch if rule.decimal_comma else None

    def decode(payload: bytes) -> list[Context]:
        text = decode_text(payload)
        if _is_empty(text, null_words):
            return []
        try:
            rows = [row for row in csv.reader(text.splitlines(), delimiter=rule.delimiter) if row]
        except csv.Error as error:
            raise Unfit(Kind.NOT_CSV, f"the payload, {show(text)}, is no CSV: {error}") from None
        names = rule.columns
        if rule.header:
            head, *rows = rows
            names = names or tuple(name.strip() for name in head)
        if len(rows) > MAX_ROWS:
            raise Unfit(Kind.TOO_MANY, f"the payload has {len(rows)} rows, allowed are {MAX_ROWS}")
        if decimal is not None:
            rows = [
                [cell.replace(",", ".") if decimal(cell) else cell for cell in row] for row in rows
            ]
        return [_row_context(row, number, names) for number, row in enumerate(rows)]

    return decode


def _row_context(row: list[str], number: int, names: tuple[str, ...] | None) -> Context:
    value: JsonValue = [cell.strip() for cell in row]
    if names is not None:
        if len(row) > len(names):
            raise Unfit(
                Kind.NOT_CSV,
                f"row {number + 1} has {len(row)} values, there are {len(names)} columns",
            )
        value = {name: cell.strip() for name, cell in zip(names, row, strict=False)}
    context = Context(value)
    context.keys = (number,)
    return context


# A name, its mark, and a value with or without quotes; what stands between two pairs. Behind a
# blank the next pair may stand instead of a value.
_PAIR = re.compile(
    r"""[\s,;&]*(?P<name>[^\s=:,;&"']+)\s*[=:](?:\s*"(?P<double>[^"]*)"|\s*'(?P<single>[^']*)'|"""
    r"""\s+(?![^\W\d]\w*\s*[=:])(?P<spaced>[^\s,;&"']*)|(?P<plain>[^\s,;&"']*))"""
)
_MAX_PAIRS = 2_000
_BETWEEN = re.compile(r"[\s,;&]*")


def _pairs_decoder(rule: KeyValueRule, null_words: Container[str]) -> Decode:
    is_usual = rule.separator is None and rule.assign is None

    def decode(payload: bytes) -> list[Context]:
        text = decode_text(payload)
        if _is_empty(text, null_words):
            return []
        pairs = _usual_pairs(text) if is_usual else _marked_pairs(text, rule)
        return [Context(pairs, text=text)]

    return decode


def _usual_pairs(text: str) -> dict[str, JsonValue]:
    pairs: dict[str, JsonValue] = {}
    position = 0
    while (match := _PAIR.match(text, position)) is not None:
        value = match["double"] or match["single"] or match["spaced"] or match["plain"] or ""
        pairs[match["name"]] = value
        position = match.end()
    if _BETWEEN.fullmatch(text, position) is None or not pairs:
        raise Unfit(
            Kind.NOT_PAIRS,
            f"the payload, {show(text)}, is no key=value: found {text[position:][:40]!r} where "
            "a pair such as t=21.5 is needed",
        )
    return pairs


def _marked_pairs(text: str, rule: KeyValueRule) -> dict[str, JsonValue]:
    pairs: dict[str, JsonValue] = {}
    parts = text.split(rule.separator) if rule.separator else re.split(r"[\s,;&]+", text)
    for part in parts:
        if not part.strip():
            continue
        name, mark, value = part.partition(rule.assign) if rule.assign else _split_at_first(part)
        if not mark or not name.strip():
            raise Unfit(
                Kind.NOT_PAIRS,
                f"the payload, {show(text)}, is no key=value: found {part[:40]!r} where a pair is "
                "needed",
            )
        pairs[name.strip()] = value.strip().strip("\"'")
    return pairs


def _split_at_first(part: str) -> tuple[str, str, str]:
    name, mark, value = re.split("([=:])", part, maxsplit=1) if "=" in part or ":" in part else (
        part, "", "",
    )  # fmt: skip
    return name, mark, value


def _decode_lines(payload: bytes) -> list[Context]:
    lines = [line.strip() for line in decode_text(payload).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    if len(lines) > MAX_ROWS:
        raise Unfit(Kind.TOO_MANY, f"the payload has {len(lines)} lines, allowed are {MAX_ROWS}")
    return [_line_context(line) for line in lines]


def _line_context(line: str) -> Context:
    texts: dict[str, str] = {}
    if line.count("=") > _MAX_PAIRS:
        raise Unfit(Kind.TOO_MANY, f"a line has more than {_MAX_PAIRS} tags and fields")
    try:
        parts = from_line(line, texts=texts)
    except ValueError as error:
        raise Unfit(Kind.NOT_LINES, f"the payload is no line protocol: {error}"[:400]) from None
    fields = {**parts.fields, **texts}
    root = {"measurement": parts.measurement, "tags": parts.tags, "fields": fields}
    return Context(root, fields, text=line, tags=dict(parts.tags), time_us=parts.time_us)


def _regex_decoder(rule: RegexRule, null_words: Container[str]) -> Decode:
    pattern = re.compile(rule.pattern)

    def decode(payload: bytes) -> list[Context]:
        text = decode_text(payload)
        if _is_empty(text, null_words):
            return []
        if not rule.all:
            matches = [match for match in [pattern.search(text)] if match is not None]
        else:
            # One more than allowed, so that a flood is noticed before it is read to its end.
            matches = list(islice(pattern.finditer(text), MAX_ROWS + 1))
        if not matches:
            raise Unfit(
                Kind.NO_MATCH, f"the payload, {show(text)}, has no place that fits {rule.pattern!r}"
            )
        if len(matches) > MAX_ROWS:
            raise Unfit(Kind.TOO_MANY, f"more than {MAX_ROWS} places fit {rule.pattern!r}")
        return [_match_context(match, number) for number, match in enumerate(matches)]

    return decode


def _match_context(match: re.Match[str], number: int) -> Context:
    groups: tuple[str | None, ...] = match.groups()
    value: JsonValue
    if named := match.groupdict():
        value = named
    elif len(groups) > 1:
        value = list(groups)
    else:
        value = groups[0] if groups else match[0]
    context = Context(value, text=match[0])
    context.keys = (number,)
    return context


def _bytes_decoder(rule: BytesRule) -> Decode:
    record = struct.Struct(rule.format)
    ignores_rest = rule.rest == "ignore"

    def unpack(content: bytes) -> JsonValue:
        if len(content) < record.size or (len(content) > record.size and not ignores_rest):
            raise Unfit(
                Kind.NOT_BYTES,
                f"the payload has {len(content)} bytes, {rule.format!r} needs {record.size}",
            )
        values = [_plain(value) for value in record.unpack(content[: record.size])]
        return dict(zip(rule.names, values, strict=True))

    def decode(payload: bytes) -> list[Context]:
        if not payload:
            return []
        if rule.encoding == "raw":
            return [Context(unpack(payload))]
        text = decode_text(payload)
        return [Context(unpack(_from_text(text.strip('"'), rule.encoding)), text=text)]

    return decode if rule.path is None else _nested_decoder(rule.path, rule.encoding, unpack)


def _nested_decoder(place: str, encoding: str, unpack: Callable[[bytes], JsonValue]) -> Decode:
    find = compile_path(parse_path(place))

    def decode(payload: bytes) -> list[Context]:
        text = decode_text(payload)
        if not text:
            return []
        root = value_of(text, "json")
        found = find(Context(root))
        if found is None:
            return []
        if not isinstance(found, str):
            what = "nothing" if found is MISSING else show(found)
            raise Unfit(Kind.NOT_BYTES, f"bytes at {place}: found {what}, {encoding} is needed")
        return [Context(root, unpack(_from_text(found, encoding)), text=text)]

    return decode


def _from_text(text: str, encoding: str) -> bytes:
    try:
        if encoding == "hex":
            return bytes.fromhex(text.removeprefix("0x"))
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise Unfit(Kind.NOT_BYTES, f"the payload, {show(text)}, is no {encoding}") from None


def _plain(value: object) -> JsonValue:
    if isinstance(value, bytes):
        return value.rstrip(b"\0").decode("utf-8", "replace")
    assert isinstance(value, (bool, int, float))
    return value
