"""The sensor kind `command`: what a program prints, as one value, JSON or key=value lines."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from daemon.config import CommandPoll
from daemon.mapping import Unfit, decode_payload
from daemon.messages import JsonValue
from daemon.polls.process import Ended, Program
from daemon.polls.sensor import Place, SensorError

Parse: TypeAlias = Literal["auto", "scalar", "json", "key_value"]

OUTPUT_LIMIT_BYTES = 1_000_000
_PAIR = re.compile(r"\s*([^\s=:]+)\s*[=:]\s*(.*?)\s*")


class CommandSensor:
    """Runs a program at each reading; it is dead, with its children, when `read` returns."""

    def __init__(self, argv: tuple[str, ...], parse: Parse = "auto") -> None:
        self._program = Program(argv, limit_bytes=OUTPUT_LIMIT_BYTES)
        self._name = argv[0]
        self._parse = parse

    def read(self, timeout_s: float) -> JsonValue:
        """What the program printed, decoded; SensorError for any other end than exit status 0."""
        ended = self._program.run(timeout_s)
        if ended.status != 0:
            raise SensorError("exit-status", f"{self._name} {_ending(ended)}")
        kind = "scalar" if self._parse == "key_value" else self._parse
        try:
            value = decode_payload(ended.output, kind)
        except Unfit as error:
            raise SensorError(
                str(error.kind), f"{self._name} printed what cannot be used: {error.reason}"
            ) from error
        return self._pairs(value) if self._parse == "key_value" else value

    def cancel(self) -> None:
        """Kill the program if it runs."""
        self._program.cancel()

    def _pairs(self, value: JsonValue) -> JsonValue:
        text = value if isinstance(value, str) else ""
        pairs = [_PAIR.fullmatch(line) for line in text.splitlines() if line.strip()]
        if not pairs or None in pairs:
            raise SensorError(
                "no-pairs",
                f"{self._name} printed {text[:60]!r}; allowed for key_value: lines such as t=21.5",
            )
        return {pair[1]: pair[2] for pair in pairs if pair is not None}


def open_command(options: CommandPoll, place: Place) -> CommandSensor:
    """The sensor of these options."""
    return CommandSensor(options.run, options.parse)


def _ending(ended: Ended) -> str:
    how = f"exit status {ended.status}" if ended.status > 0 else f"signal {-ended.status}"
    said = ended.errors.decode("utf-8", "replace").strip().splitlines()
    return f"ended with {how}" + (f": {said[-1][:200]}" if said else " and wrote nothing to stderr")
