"""The composition: a configuration becomes a running collector."""

from daemon.app.collector import Collector, ledger_path

__all__ = ["Collector", "ledger_path"]
