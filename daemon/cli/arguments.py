"""Arguments that several commands take, and how their help looks. Imports nothing heavy."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

from daemon.errors import EX_USAGE

if TYPE_CHECKING:
    from daemon.query import Selection

INSTALLED_CONFIG = Path("/etc/tinyflux-collector/config.yaml")
"""What the service runs by."""

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse names its own type so
Run = Callable[[argparse.Namespace], int]
T = TypeVar("T")


class Parser(argparse.ArgumentParser):
    """Ends with EX_USAGE where argparse would end with 2."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is, and end; the usage of many options would hide it."""
        self.exit(EX_USAGE, f"{self.prog}: {message}\n`{self.prog} --help` shows the arguments\n")

    @property
    def flags(self) -> list[str]:
        """The options that it takes, as `-c` and `--config`."""
        return [flag for action in self._actions for flag in action.option_strings]


def add_command(
    commands: Commands[Parser], name: str, run: Run, *, says: str, examples: Sequence[str] = ()
) -> Parser:
    """A command with its one-line help, and examples at the end of its own help page."""
    shown = "".join(f"\n  tinyflux-collector {line}" for line in examples)
    parser: Parser = commands.add_parser(
        name,
        help=says,
        description=says[:1].upper() + says[1:] + ".",
        epilog=f"examples:{shown}" if shown else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(command=run, parser=parser)
    return parser


def take_data(parser: argparse.ArgumentParser) -> None:
    """Which data file: by the configuration, or by itself."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "-c",
        "--config",
        type=Path,
        metavar="FILE",
        help=f"the configuration whose data it is (default: {INSTALLED_CONFIG})",
    )
    which.add_argument(
        "--data", type=Path, metavar="FILE", help="the data file (CSV) instead of a configuration"
    )


def take_selection(parser: argparse.ArgumentParser, *, has_times: bool = True) -> None:
    """Which points."""
    parser.add_argument("measurement", nargs="?", metavar="MEASUREMENT", help="default: all")
    parser.add_argument(
        "--tag",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="points with this tag; * and ? stand for anything; also !=, =~REGEX, !~REGEX; "
        "several: of one tag any, of several tags all must fit",
    )
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="CONDITION",
        help="points whose field fits: 'temperature > 21', 'battery exists'",
    )
    if has_times:
        parser.add_argument(
            "--since",
            metavar="TIME",
            help="from then on: 24h (ago), today, 08:30, 2025-06-01, 2025-06-01T12:00Z",
        )
        parser.add_argument("--until", metavar="TIME", help="before then, in the same words")
    take_zone(parser)


def take_zone(parser: argparse._ActionsContainer) -> None:
    """Whose clock is meant."""
    parser.add_argument(
        "--tz",
        metavar="ZONE",
        help="the clock of times and days (default: collector.timezone, else this machine's)",
    )


def parsed(options: argparse.Namespace, name: str, text: str, read: Callable[[str], T]) -> T:
    """What an argument's text means; ends with EX_USAGE, its name and what is allowed."""
    try:
        return read(text)
    except ValueError as error:
        parser: Parser = options.parser
        parser.error(f"argument --{name}: {error}")


def selection_of(options: argparse.Namespace, read_time: Callable[[str], int]) -> Selection:
    """The points that the arguments of `take_selection` select."""
    from daemon.query import Selection, parse_field_condition, parse_tag_condition

    since, until = getattr(options, "since", None), getattr(options, "until", None)
    since_us = None if since is None else parsed(options, "since", since, read_time)
    until_us = None if until is None else parsed(options, "until", until, read_time)
    if since_us is not None and until_us is not None and since_us >= until_us:
        options.parser.error(f"--since {since} is not before --until {until}")
    return Selection(
        options.measurement,
        tuple(parsed(options, "tag", text, parse_tag_condition) for text in options.tag),
        tuple(parsed(options, "where", text, parse_field_condition) for text in options.where),
        since_us,
        until_us,
    )


def names_of(texts: Sequence[str]) -> tuple[str, ...]:
    """Names from an option that may be given several times, each with several between commas."""
    names = (name.strip() for text in texts for name in text.split(","))
    return tuple(dict.fromkeys(name for name in names if name))


def count(text: str) -> int:
    """A number from 1 on."""
    if not text.isascii() or not text.isdecimal() or not 0 < int(text) < 10**9:
        raise argparse.ArgumentTypeError(f"found {text!r}; allowed: a number from 1")
    return int(text)


def seconds(text: str) -> float:
    """A number of seconds above 0, with or without an s."""
    try:
        number = float(text.removesuffix("s"))
    except ValueError:
        number = float("nan")
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(
            f"found {text!r}; allowed: a number of seconds above 0, as 10 or 2.5"
        )
    return number
