"""Collectors in processes of their own for the tests of commands beside them."""

from __future__ import annotations

from tests.daemon.app.conftest import StartCollector, start_collector

__all__ = ["StartCollector", "start_collector"]
