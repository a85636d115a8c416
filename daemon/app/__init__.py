"""The composition: a configuration becomes a running collector."""

from daemon.app.collector import Collector, ledger_path
from daemon.app.instance import holder_of, lock_path

__all__ = ["Collector", "holder_of", "ledger_path", "lock_path"]
