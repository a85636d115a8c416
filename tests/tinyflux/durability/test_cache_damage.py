"""Whatever happens to the index cache: the same answers, and one warning.

Flipped, cut, mixed up by accident; and written by a program that was wrong, with every checksum
right.
"""

from __future__ import annotations

import json
import logging
import os
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.tinyflux.durability.operations import point
from tests.tinyflux.effort import SCALE
from tinyflux import FieldQuery, Point, TagQuery, TimeQuery, TinyFlux
from tinyflux.cli import main

Json = dict[str, Any]


def _points(first: int, last: int) -> list[Point]:
    """Points with a sparse tag, a None, and integers that no float64 holds."""
    points = [point(n, **({"rare": "yes"} if n % 7 == 0 else {})) for n in range(first, last)]
    for n, item in zip(range(first, last), points, strict=True):
        item.fields["big"] = (1 << 60) + n if n % 3 == 0 else n + 0.5
        if n % 5 == 0:
            item.fields["gap"] = None
    return points


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file whose cache has three segments, the last time of one behind the first of the next."""
    path = tmp_path / "data.csv"
    for first, last in [(0, 40), (50, 62), (45, 48)]:
        with TinyFlux(path) as db:
            db.insert_multiple(_points(first, last))
            db.publish_index()
    assert len(list(_index(path).glob("*.segment"))) == 3
    return path


def _index(path: Path) -> Path:
    return path.with_name(".data.csv.index")


def _answers(path: Path) -> list[str]:
    """Answers that touch every column, by a handle that reads only."""
    with TinyFlux(path, access_mode="r") as db:
        answers = [
            db.all(sorted=False),
            len(db),
            db.search(TimeQuery() > point(46).time),
            db.count(TagQuery().rare == "yes"),
            db.count(FieldQuery().big > 10),
            db.get_tag_values(),
            db.get_field_values("gap"),
            db.get_timestamps(),
        ]
        return list(map(repr, answers))


def _require_same(path: Path, expected: list[str], caplog: pytest.LogCaptureFixture) -> None:
    caplog.clear()
    with caplog.at_level(logging.WARNING, "tinyflux"):
        assert _answers(path) == expected
    assert len(caplog.records) == 1, caplog.text
    assert "index cache" in caplog.text


def _segments(path: Path) -> list[Path]:
    """The segment files, in row order."""
    manifest = json.loads((_index(path) / "manifest").read_bytes().partition(b"\n")[2])
    return [_index(path) / row[0] for row in manifest["segments"]]


def test_the_cache_answers_and_says_nothing(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    expected = _answers(path)
    with TinyFlux(path, auto_index=False) as db:
        assert repr(list(db)) == expected[0]
    assert not caplog.records
    assert main(["check", str(path)]) == 0


def _flip(place: Path, offset: int) -> None:
    data = bytearray(place.read_bytes())
    data[offset] ^= 0x41
    place.write_bytes(data)


# Of the manifest every byte, of a segment every some: all of them with TINYFLUX_TEST_SCALE.
@pytest.mark.parametrize("part", range(4))
def test_flipped_bytes_of_the_manifest(
    path: Path, part: int, caplog: pytest.LogCaptureFixture
) -> None:
    expected = _answers(path)
    place = _index(path) / "manifest"
    whole = place.read_bytes()
    for offset in range(part, len(whole), 4 * max(1, 8 // SCALE)):
        _flip(place, offset)
        _require_same(path, expected, caplog)
        place.write_bytes(whole)


@pytest.mark.parametrize("number", range(3))
def test_flipped_bytes_of_a_segment(
    path: Path, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    expected = _answers(path)
    place, manifest = _segments(path)[number], _index(path) / "manifest"
    whole, told = place.read_bytes(), manifest.read_bytes()
    used = _used_bytes(whole)
    for offset in used[:: max(1, 23 // SCALE)]:
        _flip(place, offset)
        _require_same(path, expected, caplog)
        place.write_bytes(whole)
        manifest.write_bytes(told)


def _used_bytes(segment: bytes) -> list[int]:
    """The bytes that hold something: not the padding, nor what only a rewrite reads."""
    size = int.from_bytes(segment[8:16], "little")
    header = json.loads(segment[24 : 24 + size])
    start = 24 + size + -(24 + size) % 64
    used = [n for n in range(24 + size) if not 20 <= n < 24]
    for number, (offset, length, _, _) in enumerate(header["blocks"]):
        if number not in (header["offsets"], *header["order"][:3]):
            used.extend(range(start + offset, start + offset + length))
    return used


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("name", ["manifest", "segment"])
def test_a_cut_file(path: Path, name: str, share: float, caplog: pytest.LogCaptureFixture) -> None:
    expected = _answers(path)
    place = _index(path) / "manifest" if name == "manifest" else _segments(path)[0]
    whole = place.read_bytes()
    place.write_bytes(whole[: int(len(whole) * share)])
    _require_same(path, expected, caplog)


def _missing(path: Path) -> None:
    _segments(path)[1].unlink()


def _swapped(path: Path) -> None:
    first, second = _segments(path)[:2]
    a, b = first.read_bytes(), second.read_bytes()
    first.write_bytes(b)
    second.write_bytes(a)


def _nuls(path: Path) -> None:
    place = _segments(path)[0]
    place.write_bytes(b"\0" * place.stat().st_size)


def _a_directory(path: Path) -> None:
    place = _segments(path)[0]
    place.unlink()
    place.mkdir()


def _a_pipe(path: Path) -> None:
    place = _segments(path)[0]
    place.unlink()
    os.mkfifo(place)


def _an_unreadable_manifest(path: Path) -> None:
    place = _index(path) / "manifest"
    place.unlink()
    place.mkdir()


def _of_another_file(path: Path) -> None:
    other = path.with_name("other") / "data.csv"
    other.parent.mkdir()
    with TinyFlux(other) as db:
        db.insert_multiple(_points(100, 140))
        db.publish_index()
    _segments(path)[0].write_bytes(_segments(other)[0].read_bytes())


@pytest.mark.parametrize(
    "harm",
    [_missing, _swapped, _nuls, _a_directory, _a_pipe, _an_unreadable_manifest, _of_another_file],
)
def test_files_that_are_not_what_they_should_be(
    path: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    expected = _answers(path)
    harm(path)
    _require_same(path, expected, caplog)


def test_a_whole_cache_of_another_file_is_not_used(path: Path) -> None:
    """Without a warning: it is well, and of another state."""
    expected = _answers(path)
    other = path.with_name("other") / "data.csv"
    other.parent.mkdir()
    with TinyFlux(other) as db:
        db.insert_multiple(_points(100, 140))
        db.publish_index()
    _index(path).rename(path.with_name("away"))
    _index(other).rename(_index(path))
    assert _answers(path) == expected


# --- written by a wrong program, every checksum right ---


def _rewrite_manifest(path: Path, change: Callable[[Json], object]) -> None:
    place = _index(path) / "manifest"
    head, _, body = place.read_bytes().partition(b"\n")
    manifest = json.loads(body)
    changed = change(manifest)
    body = changed if isinstance(changed, bytes) else json.dumps(manifest).encode()
    version = manifest.get("version", head.split()[1].decode())
    place.write_bytes(f"TFXMANIFEST {version} {zlib.crc32(body):08x}\n".encode() + body)


def _set(*keys: Any, to: Any) -> Callable[[Json], object]:
    def change(manifest: Json) -> None:
        place: Any = manifest
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to

    return change


MANIFESTS: dict[str, Callable[[Json], object]] = {
    "a future version": lambda manifest: manifest.update(version="99"),
    "no object": lambda manifest: b"[]",
    "no json": lambda manifest: b"{",
    "deep json": lambda manifest: b"[" * 100_000,
    "a long number": lambda manifest: b'{"codec": ' + b"9" * 5000 + b"}",
    "no segments": lambda manifest: manifest.pop("segments"),
    "segments of text": _set("segments", to="text"),
    "a segment of text": _set("segments", 0, to="text"),
    "a segment outside": _set("segments", 0, 0, to="../data.csv"),
    "a segment that is no segment": _set("segments", 0, 0, to="mark"),
    "a checksum of text": _set("segments", 0, 1, to="text"),
    "a start that is negative": _set("segments", 0, 2, to=-1),
    "a start behind the end": _set("segments", 1, 2, to=1 << 40),
    "a start that is no number": _set("segments", 0, 2, to=None),
    "no rows": _set("segments", 0, 3, to=0),
    "too many rows": _set("segments", 0, 3, to=1 << 40),
    "rows that are no number": _set("segments", 0, 3, to="3"),
    "a time that is no number": _set("segments", 0, 4, to=1.5),
    "counts of other rows": _set("segments", 0, 6, to={"m": 1}),
    "counts of text": _set("segments", 0, 6, to="text"),
    "a count of text": _set("segments", 0, 6, to={"m": "3"}),
    "segments out of order": lambda manifest: manifest["segments"].reverse(),
    "a generation that is none": _set("generation", to="text"),
    "a start of text": _set("start", to="0"),
    "checksums of text": _set("checksums", to=["text"]),
    "a negative size": _set("checksums", to=[[-5, 1]]),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest_of_a_wrong_program(
    path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = _answers(path)
    _rewrite_manifest(path, MANIFESTS[name])
    _require_same(path, expected, caplog)


class Crafted:
    """A segment file taken apart, to be put together again with every checksum right."""

    def __init__(self, place: Path) -> None:
        data = place.read_bytes()
        size = int.from_bytes(data[8:16], "little")
        self.header: Json = json.loads(data[24 : 24 + size])
        start = 24 + size + -(24 + size) % 64
        self.blocks = [
            data[start + offset : start + offset + length]
            for offset, length, _, _ in self.header["blocks"]
        ]

    def array(self, number: int) -> Any:
        """A block as an array that can be changed."""
        return np.frombuffer(self.blocks[number], self.header["blocks"][number][3]).copy()

    def to_bytes(self) -> bytes:
        """The file, and nothing wrong with it but what it says."""
        parts, place = [], 0
        for number, block in enumerate(self.blocks):
            padding = -place % 64
            described = self.header["blocks"][number]
            described[:3] = [place + padding, len(block), zlib.crc32(block)]
            parts.append(b"\0" * padding + block)
            place += padding + len(block)
        text = json.dumps(self.header).encode()
        head = (
            b"TFXSEG01" + len(text).to_bytes(8, "little") + zlib.crc32(text).to_bytes(8, "little")
        )
        return head + text + b"\0" * (-(24 + len(text)) % 64) + b"".join(parts)


def _array(name: str, change: Callable[[Any], Any]) -> Callable[[Crafted], None]:
    """Change the array that the header names under `name`, keys separated by dots."""

    def craft(segment: Crafted) -> None:
        place: Any = segment.header
        for key in name.split("."):
            place = place[int(key) if key.isdigit() else key]
        array = change(segment.array(place))
        segment.blocks[place] = array.tobytes()
        segment.header["blocks"][place][3] = array.dtype.str

    return craft


def _header(*keys: Any, to: Any) -> Callable[[Crafted], None]:
    def craft(segment: Crafted) -> None:
        _set(*keys, to=to)(segment.header)

    return craft


def _at(place: int, to: Any) -> Callable[[Any], Any]:
    def change(array: Any) -> Any:
        array[place] = to
        return array

    return change


def _json(name: str, to: Any) -> Callable[[Crafted], None]:
    def craft(segment: Crafted) -> None:
        place: Any = segment.header
        for key in name.split("."):
            place = place[int(key) if key.isdigit() else key]
        segment.blocks[place] = to if isinstance(to, bytes) else json.dumps(to).encode()

    return craft


SEGMENTS: dict[str, Callable[[Crafted], None]] = {
    "a code without a text": _array("measurement.1", _at(0, 200)),
    "a tag's code without a text": _array("tags.text.1", _at(3, 255)),
    "codes too few": _array("tags.text.1", lambda codes: codes[:-1]),
    "codes of another type": _array("tags.text.1", lambda codes: codes.astype("<i8")),
    "texts that are numbers": _json("tags.text.2", [1, 2, 3]),
    "texts that are none": _json("tags.text.2", None),
    "texts too deep": _json("tags.text.2", b"[" * 100_000),
    "no measurement for a row": _json("measurement.2", [None, "odd"]),
    "a row beyond the last": _array("tags.rare.0", _at(-1, 4_000_000_000)),
    "rows that do not ascend": _array("tags.rare.0", lambda rows: rows[::-1]),
    "rows too few": _array("tags.rare.0", lambda rows: rows[1:]),
    "numbers too few": _array("fields.n.1", lambda numbers: numbers[:-1]),
    "numbers of another type": _array("fields.n.1", lambda numbers: numbers.astype("<i8")),
    "a kind that is none": _array("fields.big.2", _at(0, 9)),
    "one kind that is none": _header("fields", "n", 2, to=-9),
    "an exact integer without digits": _json("fields.big.3", []),
    "an exact integer elsewhere": _json("fields.big.3", [[4_000_000_000, "0x1"]]),
    "digits that are none": _json("fields.big.3", [[0, "text"]]),
    "times too few": _array("times", lambda times: times[:-1]),
    "times of another type": _array("times", lambda times: times.astype("<f8")),
    "no times": lambda segment: segment.header.pop("times"),
    "another number of rows": _header("n_rows", to=3),
    "a block that is none": _header("times", to=4000),
    "a negative block": _header("times", to=-3),
    "a block of text": _header("times", to="text"),
    "tags of text": _header("tags", to="text"),
    "a column of text": _header("tags", "text", to="text"),
    "a column of many": _header("tags", "text", to=[1, 2, 3, 4, 5]),
    "an unknown type": lambda segment: segment.header["blocks"][0].__setitem__(3, "O"),
    "late rows beyond the last": _array("order.1", lambda rows: rows + 4_000_000),
    "late times too few": _array("order.2", lambda times: times[:0]),
    "a span of text": _header("order", 3, to="text"),
}


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_segment_of_a_wrong_program(
    path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    # Late rows are within a segment: one that holds them.
    with TinyFlux(path) as db:
        db.insert_multiple(_points(200, 230) + _points(190, 195))
        db.publish_index()
    expected = _answers(path)
    place = _segments(path)[-1]
    crafted = Crafted(place)
    SEGMENTS[name](crafted)
    data = crafted.to_bytes()
    place.write_bytes(data)
    checksum = int.from_bytes(data[16:24], "little")
    _rewrite_manifest(path, lambda manifest: _set("segments", -1, 1, to=checksum)(manifest))
    _require_same(path, expected, caplog)


@pytest.mark.parametrize("name", ["size", "block"])
def test_a_huge_size_takes_no_memory(
    path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    expected = _answers(path)
    place = _segments(path)[0]
    data = bytearray(place.read_bytes())
    if name == "size":
        data[8:16] = (1 << 60).to_bytes(8, "little")
    else:
        crafted = Crafted(place)
        text = json.dumps({**crafted.header, "blocks": [[0, 1 << 60, 0, "<i8"]] * 60}).encode()
        checksum = zlib.crc32(text)
        data[8:] = len(text).to_bytes(8, "little") + checksum.to_bytes(8, "little") + text
        _rewrite_manifest(path, lambda manifest: _set("segments", 0, 1, to=checksum)(manifest))
    place.write_bytes(data)
    tracemalloc.start()
    try:
        _require_same(path, expected, caplog)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20_000_000


def test_a_damaged_cache_is_made_anew_by_who_may_write(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = _answers(path)
    place = _segments(path)[0]
    place.write_bytes(b"\0" * place.stat().st_size)
    assert main(["check", str(path)]) == 1
    with TinyFlux(path) as db:
        assert repr(db.all(sorted=False)) == expected[0]
        db.publish_index()
    caplog.clear()
    assert _answers(path) == expected
    assert not caplog.records
    assert main(["check", str(path)]) == 0


@pytest.mark.parametrize(
    "offsets",
    [
        lambda told: np.arange(len(told), dtype=told.dtype),
        lambda told: np.append(told[:-1], told[-1] + 1).astype(told.dtype),
        lambda told: told[::-1],
    ],
    ids=["too short", "one too long", "backwards"],
)
@pytest.mark.parametrize("number", [0, 2])
def test_a_change_from_a_damaged_cache_copies_no_wrong_bytes(
    path: Path, number: int, offsets: Callable[[Any], Any]
) -> None:
    """What only a rewrite reads is checked by it."""
    expected = _answers(path)
    place = _segments(path)[number]
    crafted = Crafted(place)
    _array("offsets", offsets)(crafted)
    data = crafted.to_bytes()
    place.write_bytes(data)
    checksum = int.from_bytes(data[16:24], "little")
    _rewrite_manifest(path, lambda manifest: _set("segments", number, 1, to=checksum)(manifest))
    with TinyFlux(path) as db:
        assert db.insert(point(300)) == 1
        assert db.remove(FieldQuery().n == 300) == 1
    assert _answers(path) == expected
