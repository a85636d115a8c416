"""Old points go, and leave roll-ups; stored points are mended: rules to one change of the file."""

from daemon.retention.advice import advice
from daemon.retention.errors import RetentionError
from daemon.retention.plan import (
    Circumstances,
    Removal,
    Step,
    fingerprint,
    plan_removal,
    plan_updates,
)
from daemon.retention.priority import lower_priority
from daemon.retention.report import Report, RuleReport
from daemon.retention.room import Room, days_left, growth_bytes, room_of
from daemon.retention.run import preview, run
from daemon.retention.undo import undo

__all__ = [
    "Circumstances",
    "Removal",
    "Report",
    "RetentionError",
    "Room",
    "RuleReport",
    "Step",
    "advice",
    "days_left",
    "fingerprint",
    "growth_bytes",
    "lower_priority",
    "plan_removal",
    "plan_updates",
    "preview",
    "room_of",
    "run",
    "undo",
]
