"""The composition: a configuration becomes a running collector."""

from daemon.app.collector import Collector
from daemon.app.explain import explain_message, outcome_page, point_line
from daemon.app.explain_batch import check_topic, outcome, read_line
from daemon.app.explain_poll import explain_poll
from daemon.app.explain_trial import Fate, Trial
from daemon.app.instance import holder_of, lock_path
from daemon.app.places import ledger_path
from daemon.app.reload import Changes
from daemon.app.replay import Replay, ReplayReport
from daemon.app.vitals import HANGS_S, Pulse, Vitals
from daemon.app.watch import Remark, Sighting, Watch

__all__ = [
    "HANGS_S",
    "Changes",
    "Collector",
    "Fate",
    "Pulse",
    "Remark",
    "Replay",
    "ReplayReport",
    "Sighting",
    "Trial",
    "Vitals",
    "Watch",
    "check_topic",
    "explain_message",
    "explain_poll",
    "holder_of",
    "ledger_path",
    "lock_path",
    "outcome",
    "outcome_page",
    "point_line",
    "read_line",
]
