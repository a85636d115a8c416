"""The command `tinyflux-collector`. Imports what a subcommand needs only when it runs."""

from daemon.cli.main import main

__all__ = ["main"]
