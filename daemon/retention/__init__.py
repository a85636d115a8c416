"""Old points go, stored points are mended: rules to a plan, a plan to one change of the file."""

from daemon.retention.errors import RetentionError
from daemon.retention.plan import Inventory, Plan, Step, plan_retention
from daemon.retention.priority import lower_priority
from daemon.retention.report import Report, RuleReport
from daemon.retention.run import preview, run

__all__ = [
    "Inventory",
    "Plan",
    "Report",
    "RetentionError",
    "RuleReport",
    "Step",
    "lower_priority",
    "plan_retention",
    "preview",
    "run",
]
