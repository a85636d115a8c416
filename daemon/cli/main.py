"""Arguments to a subcommand, errors to an exit status (sysexits.h, as in errors.py)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from daemon.cli.arguments import Parser, count, seconds
from daemon.cli.completion import add_completion
from daemon.cli.export import INTERRUPTED, add_export
from daemon.cli.import_ import add_import
from daemon.cli.import_recorder import add_import_recorder
from daemon.cli.import_telegraf import add_import_telegraf
from daemon.cli.plot import add_plot
from daemon.cli.query import add_query
from daemon.cli.stats import add_stats
from daemon.cli.tail import add_tail
from daemon.errors import CollectorError, ConfigError

_CONFIG_HELP = "the configuration file (YAML)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the process's exit status."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["python"]:
        from daemon.cli.python import python

        python(given[1:])
    options = _parser().parse_args(given)
    command: Callable[[argparse.Namespace], int] = options.command
    try:
        status = command(options)
        sys.stdout.flush()  # here, where a reader that has gone is known to be no fault
        return status
    except ConfigError as error:
        for problem in error.problems:
            print(problem, file=sys.stderr)
        count = len(error.problems)
        print(f"{count} {'problem' if count == 1 else 'problems'} found", file=sys.stderr)
        return error.exit_status
    except CollectorError as error:
        print(f"tinyflux-collector: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has gone, as `head` does. Python would complain at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="tinyflux-collector",
        description="Collects MQTT messages and sensor polls into one plain CSV file.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="say it and end")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    parser.set_defaults(command=_next_step)

    run = commands.add_parser("run", help="collect until it is stopped")
    _take_config(run)
    _take_duration(run)
    run.set_defaults(command=_run)

    reload = commands.add_parser(
        "reload", help="let the running collector go on by the changed configuration"
    )
    _take_config(reload)
    reload.set_defaults(command=_reload)

    check = commands.add_parser("check", help="say what is wrong with a configuration")
    _take_config(check)
    check.set_defaults(command=_check)

    schema = commands.add_parser(
        "schema", help="print the configuration language as a JSON Schema, for editors"
    )
    schema.add_argument("--table", action="store_true", help="every option, as a Markdown page")
    schema.set_defaults(command=_schema)

    status = commands.add_parser("status", help="say how the collector is, running or not")
    which = status.add_mutually_exclusive_group()
    which.add_argument("-c", "--config", type=Path, help=f"{_CONFIG_HELP} (default: the service's)")
    which.add_argument("--data", type=Path, help="the data file (CSV) instead of a configuration")
    status.add_argument("--json", action="store_true", help="all of it, for a program")
    status.set_defaults(command=_status)

    _add_doctor(commands)

    replay = commands.add_parser(
        "replay", help="try the rejected messages again, under the rules of now"
    )
    _take_config(replay)
    replay.add_argument("--plan", action="store_true", help="say what would be done, do nothing")
    replay.set_defaults(command=_replay)

    add_query(commands)
    add_tail(commands)
    add_stats(commands)
    add_plot(commands)
    add_export(commands)
    add_import(commands)
    add_import_recorder(commands)
    add_import_telegraf(commands)
    add_completion(commands)
    _add_explain(commands)
    _add_discover(commands)
    _add_watch(commands)
    _add_presets(commands)

    retention = commands.add_parser("retention", help="apply the retention rules now")
    _take_config(retention)
    what = retention.add_mutually_exclusive_group(required=True)
    what.add_argument("--plan", action="store_true", help="say what would be done, change nothing")
    what.add_argument("--run", action="store_true", help="do it")
    what.add_argument(
        "--undo", action="store_true", help="bring back what the last run changed (retention.undo)"
    )
    retention.add_argument("--rule", metavar="NAME", help="only the rule of this name")
    retention.add_argument(
        "--now",
        action="store_true",
        help="with --run: whatever rewrite_threshold and quiet_hours say",
    )
    retention.add_argument("--json", action="store_true", help="all of it, for a program")
    retention.set_defaults(command=_retention, parser=retention)

    # Its arguments are Python's: `main` hands them on before any are read.
    commands.add_parser(
        "python", help="start the Python of this installation, where `import tinyflux` works"
    )

    demo = commands.add_parser("demo", help="collect from simulated devices and this machine")
    _take_duration(demo)
    demo.add_argument(
        "--directory",
        type=Path,
        default=Path(".run"),
        help="where configuration and data go (default: .run in the current folder)",
    )
    demo.set_defaults(command=_demo)
    return parser


def _add_doctor(commands: argparse._SubParsersAction[Parser]) -> None:
    doctor = commands.add_parser(
        "doctor", help="look for what could lose messages, and say what to do about it"
    )
    _take_config(doctor)
    doctor.add_argument(
        "--listen",
        type=seconds,
        default=5.0,
        metavar="SECONDS",
        help="how long to listen at each broker (default: 5)",
    )
    doctor.add_argument(
        "--mosquitto-conf",
        type=Path,
        metavar="FILE",
        help="the broker's configuration (default: this machine's, if the broker is here)",
    )
    doctor.add_argument("--json", action="store_true", help="all of it, for a program")
    doctor.set_defaults(command=_doctor)


def _add_presets(commands: argparse._SubParsersAction[Parser]) -> None:
    presets = commands.add_parser(
        "presets", help="list the rules for known projects, or print those of one"
    )
    presets.add_argument("name", nargs="?", metavar="NAME", help="print its file, to copy from")
    presets.set_defaults(command=_presets)


def _add_discover(commands: argparse._SubParsersAction[Parser]) -> None:
    discover = commands.add_parser(
        "discover",
        help="print what devices announce for Home Assistant, as YAML of `sources` to paste",
    )
    _take_config(discover)
    discover.add_argument(
        "--seconds",
        type=seconds,
        default=10.0,
        metavar="SECONDS",
        help="how long to listen at each broker (default: 10)",
    )
    discover.set_defaults(command=_discover)


def _add_explain(commands: argparse._SubParsersAction[Parser]) -> None:
    explain = commands.add_parser(
        "explain", help="say what a message or a poll would become, and why; nothing is stored"
    )
    _take_config(explain)
    explain.add_argument("topic", nargs="?", metavar="TOPIC", help="the message's topic")
    explain.add_argument("payload", nargs="?", metavar="PAYLOAD", help="its payload, as text")
    explain.add_argument(
        "--base64", action="store_true", help="PAYLOAD is base64, for bytes that are no text"
    )
    explain.add_argument(
        "--retained", action="store_true", help="as one that the broker kept from earlier"
    )
    explain.add_argument(
        "--broker", metavar="NAME", help="the broker (default: the first with a rule for the topic)"
    )
    explain.add_argument(
        "--batch",
        metavar="FILE",
        help="messages as JSON lines instead (- for stdin), in order: "
        '{"topic": ..., "payload" or "payload_base64": ..., "retained": ...}',
    )
    explain.add_argument(
        "--poll", metavar="NAME", help="instead of a message: read the poll of this name, once"
    )
    explain.set_defaults(command=_explain, parser=explain)


def _add_watch(commands: argparse._SubParsersAction[Parser]) -> None:
    watch = commands.add_parser(
        "watch", help="show live messages with what they become; nothing is stored"
    )
    _take_config(watch)
    watch.add_argument(
        "topic",
        nargs="?",
        metavar="FILTER",
        help="only topics that fit, as zigbee2mqtt/#, whether a rule is for them or not "
        "(default: every topic that a rule is for)",
    )
    _take_duration(watch)
    watch.add_argument("--count", type=count, metavar="N", help="end after so many messages")
    watch.add_argument(
        "--json", action="store_true", help="a line of JSON each, as `explain --batch` takes it"
    )
    watch.set_defaults(command=_watch)


def _take_config(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-c", "--config", type=Path, required=True, help=_CONFIG_HELP)


def _take_duration(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--duration",
        type=seconds,
        metavar="SECONDS",
        help="end by itself after this time (default: run until SIGTERM or Ctrl-C)",
    )


def _next_step(_: argparse.Namespace) -> int:
    from daemon.cli.next_step import next_step

    return next_step()


def _run(options: argparse.Namespace) -> int:
    from daemon.cli.run import run

    return run(options.config, options.duration)


def _schema(options: argparse.Namespace) -> int:
    from daemon.cli.schema import schema

    return schema(as_table=options.table)


def _reload(options: argparse.Namespace) -> int:
    from daemon.cli.reload import reload

    return reload(options.config)


def _check(options: argparse.Namespace) -> int:
    from daemon.cli.check import check

    return check(options.config)


def _status(options: argparse.Namespace) -> int:
    from daemon.cli.status import status

    return status(options.config, options.data, as_json=options.json)


def _doctor(options: argparse.Namespace) -> int:
    from daemon.cli.doctor import doctor

    return doctor(
        options.config,
        listen_s=options.listen,
        broker_conf=options.mosquitto_conf,
        as_json=options.json,
    )


def _replay(options: argparse.Namespace) -> int:
    from daemon.cli.replay import replay

    return replay(options.config, is_plan=options.plan)


def _explain(options: argparse.Namespace) -> int:
    from daemon.cli.explain import explain, explain_batch, explain_one_poll

    if options.poll is not None:
        others = (options.topic, options.batch, options.broker)
        if any(one is not None for one in others) or options.retained or options.base64:
            options.parser.error("--poll stands alone: the poll's sensor brings the value")
        return explain_one_poll(options.config, options.poll)
    if options.batch is not None:
        if options.topic is not None or options.retained or options.base64:
            options.parser.error("--batch takes topics, payloads and `retained` from its lines")
        return explain_batch(options.config, options.batch, broker=options.broker)
    if options.payload is None:
        options.parser.error("give TOPIC and PAYLOAD, --batch FILE, or --poll NAME")
    return explain(
        options.config,
        options.topic,
        options.payload,
        broker=options.broker,
        is_retained=options.retained,
        is_base64=options.base64,
    )


def _watch(options: argparse.Namespace) -> int:
    from daemon.cli.watch import watch

    return watch(
        options.config,
        options.topic,
        duration_s=options.duration,
        count=options.count,
        as_json=options.json,
    )


def _presets(options: argparse.Namespace) -> int:
    from daemon.cli.presets import presets

    return presets(options.name)


def _discover(options: argparse.Namespace) -> int:
    from daemon.cli.discover import discover

    return discover(options.config, options.seconds)


def _retention(options: argparse.Namespace) -> int:
    from daemon.cli.retention import plan, run, undo

    if options.now and not options.run:
        options.parser.error("--now goes with --run")
    if options.undo:
        if options.rule is not None:
            options.parser.error("--undo brings back a whole run: leave --rule out")
        return undo(options.config, as_json=options.json)
    if options.plan:
        return plan(options.config, only=options.rule, as_json=options.json)
    return run(options.config, only=options.rule, is_urgent=options.now, as_json=options.json)


def _demo(options: argparse.Namespace) -> int:
    from daemon.cli.demo import demo

    return demo(options.directory, options.duration)


class _Version(argparse.Action):
    """Prints the version and ends; looked up only then, since that takes 50 ms."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        print(f"tinyflux-collector {version('tinyflux-collector')}")
        parser.exit()
