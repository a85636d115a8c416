"""What the collector tells of itself: to systemd, and to a person at a terminal."""

from daemon.health.findings import Finding, Level, by_urgency, finding_lines
from daemon.health.live import LiveTable, PlainScreen, Screen, open_screen
from daemon.health.notify import Notifier
from daemon.health.problem_log import ProblemLog, problems_path, read_problems
from daemon.health.publisher import StatusPublisher
from daemon.health.series import SeriesBoard, SeriesRow
from daemon.health.status_file import StatusFile, read_status, status_path
from daemon.health.status_socket import StatusSocket, ask_service, ask_status, socket_path
from daemon.health.status_view import notes, problems, status_lines
from daemon.health.table import table_lines

__all__ = [
    "Finding",
    "Level",
    "LiveTable",
    "Notifier",
    "PlainScreen",
    "ProblemLog",
    "Screen",
    "SeriesBoard",
    "SeriesRow",
    "StatusFile",
    "StatusPublisher",
    "StatusSocket",
    "ask_service",
    "ask_status",
    "by_urgency",
    "finding_lines",
    "notes",
    "open_screen",
    "problems",
    "problems_path",
    "read_problems",
    "read_status",
    "socket_path",
    "status_lines",
    "status_path",
    "table_lines",
]
