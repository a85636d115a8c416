"""The composition: a configuration becomes a running collector."""

from daemon.app.collector import Collector, ledger_path
from daemon.app.instance import holder_of, lock_path
from daemon.app.replay import Replay, ReplayReport

__all__ = ["Collector", "Replay", "ReplayReport", "holder_of", "ledger_path", "lock_path"]
