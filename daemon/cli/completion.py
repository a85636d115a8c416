"""`completion`: the script by which a shell completes commands and options."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence

from daemon.cli.arguments import Commands, Parser, add_command

_EXAMPLES = (
    "completion bash > ~/.local/share/bash-completion/completions/tinyflux-collector",
    "completion zsh > ~/.zfunc/_tinyflux-collector",
    "completion fish > ~/.config/fish/completions/tinyflux-collector.fish",
)

_BASH = """\
_tinyflux_collector() {{
    local word="${{COMP_WORDS[COMP_CWORD]}}" options
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$word"))
        return
    fi
    case "${{COMP_WORDS[1]}}" in
{cases}
    esac
    if [[ "$word" == -* ]]; then
        COMPREPLY=($(compgen -W "$options" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}}
complete -o filenames -F _tinyflux_collector tinyflux-collector
"""


def add_completion(commands: Commands[Parser]) -> None:
    """The command's arguments."""
    parser = add_command(
        commands,
        "completion",
        _run,
        says="print what lets a shell complete commands and options",
        examples=_EXAMPLES,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    parser.set_defaults(commands=commands)


def _run(options: argparse.Namespace) -> int:
    flags = {name: parser.flags for name, parser in options.commands.choices.items()}
    if options.shell == "fish":
        print(_fish(flags), end="")
    elif options.shell == "zsh":
        print("#compdef tinyflux-collector\nautoload -U +X bashcompinit && bashcompinit")
        print(_bash(flags), end="")
    else:
        print(_bash(flags), end="")
    return 0


def _bash(flags: Mapping[str, Sequence[str]]) -> str:
    cases = "\n".join(
        f'        {name}) options="{" ".join(those)}" ;;' for name, those in flags.items()
    )
    return _BASH.format(commands=" ".join(flags), cases=cases)


def _fish(flags: Mapping[str, Sequence[str]]) -> str:
    lines = [f"complete -c tinyflux-collector -n __fish_use_subcommand -f -a '{' '.join(flags)}'"]
    for name, those in flags.items():
        where = f"-n '__fish_seen_subcommand_from {name}'"
        for flag in those:
            kind = "-l" if flag.startswith("--") else "-s"
            lines.append(f"complete -c tinyflux-collector {where} {kind} {flag.lstrip('-')}")
    return "\n".join(lines) + "\n"
