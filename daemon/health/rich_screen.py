"""A table that stays in its place on the terminal. The only door to rich (extra `terminal`)."""

from __future__ import annotations

from rich.console import Console
from rich.live import Live
from rich.text import Text


class RichScreen:
    """Uses stdout; what is written to stderr meanwhile goes by above the table."""

    every_s = 0.5

    def __init__(self, console: Console | None = None) -> None:
        self._live = Live(
            console=console or Console(highlight=False, soft_wrap=False),
            auto_refresh=False,
            redirect_stderr=True,
            redirect_stdout=True,
        )
        self._live.start()

    def show(self, lines: list[str]) -> None:
        """Put these lines in the place of those before."""
        title, headings, *rest = lines
        text = Text.assemble(
            (title, "bold"), "\n", (headings, "dim"), no_wrap=True, overflow="ellipsis"
        )
        for line in rest:
            text.append("\n" + line)
        self._live.update(text, refresh=True)

    def close(self) -> None:
        """Leave the table there and give stdout and stderr back."""
        self._live.stop()
