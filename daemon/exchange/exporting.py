"""An export that can be broken off at any moment, and gone on with by the same request."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.exchange.form import Form, Losses
from daemon.exchange.lines import json_bytes, protocol_bytes
from daemon.exchange.sinks import Encode, ParquetSink, Sink, TextSink
from daemon.exchange.source import DataSource, Survey
from daemon.exchange.wide_csv import CsvWriter
from daemon.files import replace_file
from daemon.query import Selection

MARK_BYTES = 16 << 20
"""Of the data file between two marks, each of which costs two or three syncs."""
_VERSION = 1


@dataclass(slots=True)
class Report:
    """How an export or import has gone."""

    losses: Losses
    n_points: int = 0
    """Written, also before it was broken off."""
    resumed_at: int = 0
    """Points that were there already when this run began."""


class Export:
    """One export. `run` does it; the file has its name when that returns."""

    def __init__(self, data: Path, target: Path, form: Form, selection: Selection) -> None:
        self._data, self._target, self._form = data, target, form
        self._selection = selection
        self._state = target.with_name(f".{target.name}.export.json")
        self._key = json.dumps([_VERSION, form, str(data.absolute()), repr(selection)])

    def run(self, reached: Callable[[int], None]) -> Report:
        """Write every selected point; `reached` hears of the bytes done.

        Raises OSError, ValueError and DamageError; what was written by the last mark stays then,
        and the next run of the same request goes on from there.
        """
        report = Report(Losses())
        with DataSource(self._data, self._selection) as source:
            sink, at = self._begun(source, report)
            try:
                marked = at
                for piece in source.pieces(at):
                    sink.write(piece.points)
                    report.n_points += len(piece.points)
                    at = piece.stop
                    reached(at)
                    if at - marked >= MARK_BYTES:
                        self._mark(source, sink, at, report)
                        marked = at
                sink.finish()
            finally:
                sink.close()
        self._state.unlink(missing_ok=True)
        return report

    def restart(self) -> None:
        """Forget what was begun."""
        self._state.unlink(missing_ok=True)

    def _begun(self, source: DataSource, report: Report) -> tuple[Sink, int]:
        """The sink, and the byte to go on from."""
        state = self._read_state(source)
        if state is not None:
            survey = Survey(
                set(state["tags"]), {key: set(kinds) for key, kinds in state["fields"].items()}
            )
            sink = self._sink(survey, report.losses)
            try:
                sink.resume(state["mark"])
            except OSError:
                sink.discard()
            else:
                report.n_points = report.resumed_at = state["points"]
                report.losses.n_left_out = state["left_out"]
                report.losses.n_shortened = state["shortened"]
                self._survey = survey
                return sink, state["offset"]
        self._survey = source.survey() if self._form in ("csv", "parquet") else Survey()
        sink = self._sink(self._survey, report.losses)
        sink.discard()
        sink.write([])
        return sink, source.start

    def _sink(self, survey: Survey, losses: Losses) -> Sink:
        if self._form == "parquet":
            return ParquetSink(self._target, survey)
        encode, header = text_encoder(self._form, survey)
        return TextSink(self._target, encode, header, losses)

    def _mark(self, source: DataSource, sink: Sink, at: int, report: Report) -> None:
        state = {
            "key": self._key,
            "offset": at,
            "print": source.fingerprint(at),
            "mark": sink.mark(),
            "points": report.n_points,
            "left_out": report.losses.n_left_out,
            "shortened": report.losses.n_shortened,
            "tags": sorted(self._survey.tags),
            "fields": {key: sorted(kinds) for key, kinds in self._survey.fields.items()},
        }
        replace_file(self._state, json.dumps(state).encode())

    def _read_state(self, source: DataSource) -> dict[str, Any] | None:
        """What was begun by the same request from a file that begins as ours does."""
        try:
            state = json.loads(self._state.read_bytes())
            is_ours = state["key"] == self._key and state["offset"] <= source.end
            if is_ours and source.fingerprint(state["offset"]) == state["print"]:
                return dict(state)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return None


def text_encoder(form: Form, survey: Survey) -> tuple[Encode, bytes]:
    """How points become text in a form, and what stands before them."""
    if form == "csv":
        writer = CsvWriter(survey.tags, survey.fields)
        return writer.encode, writer.header()
    return (protocol_bytes if form == "line" else json_bytes), b""
