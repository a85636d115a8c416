"""What the collector tells of itself: to systemd, and to a person at a terminal."""

from daemon.health.live import LiveTable, PlainScreen, Screen, open_screen
from daemon.health.notify import Notifier
from daemon.health.series import SeriesBoard, SeriesRow
from daemon.health.table import table_lines

__all__ = [
    "LiveTable",
    "Notifier",
    "PlainScreen",
    "Screen",
    "SeriesBoard",
    "SeriesRow",
    "open_screen",
    "table_lines",
]
