"""The sensor kind `command`: what a program prints."""

from __future__ import annotations

from pydantic import Field

from daemon.config import Items, TextOptions
from daemon.messages import JsonValue
from daemon.polls.process import Ended, Program
from daemon.polls.sensor import Place, Sensor, SensorError, SensorKind

OUTPUT_LIMIT_BYTES = 1_000_000


class CommandOptions(TextOptions):
    """The output of a program."""

    run: Items[str] = Field(min_length=1)
    """Program and arguments, each an item of its own; no shell."""


class CommandSensor(Sensor):
    """Runs a program at each reading; it is dead, with all that it has started, when `read`
    returns."""

    def __init__(self, argv: tuple[str, ...]) -> None:
        self._program = Program(argv, limit_bytes=OUTPUT_LIMIT_BYTES)
        self._name = argv[0]

    def read(self, timeout_s: float) -> JsonValue:
        """What the program printed; SensorError for any other end than exit status 0."""
        ended = self._program.run(timeout_s)
        if ended.status != 0:
            raise SensorError("exit-status", f"{self._name} {_ending(ended)}")
        try:
            return ended.output.decode("utf-8")
        except UnicodeDecodeError as error:
            raise SensorError(
                "encoding",
                f"{self._name} printed bytes that are no UTF-8 text, at {error.start} of "
                f"{len(ended.output)}",
            ) from None

    def cancel(self) -> None:
        """Kill the program if it runs."""
        self._program.cancel()


def _open(options: CommandOptions, place: Place) -> CommandSensor:
    return CommandSensor(options.run)


KIND = SensorKind(CommandOptions, _open)


def _ending(ended: Ended) -> str:
    how = f"exit status {ended.status}" if ended.status > 0 else f"signal {-ended.status}"
    said = ended.errors.decode("utf-8", "replace").strip().splitlines()
    return f"ended with {how}" + (f": {said[-1][:200]}" if said else " and wrote nothing to stderr")
