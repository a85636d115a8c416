"""Where the collector of a data file keeps what it needs beside it."""

from __future__ import annotations

from pathlib import Path


def ledger_path(data: Path) -> Path:
    """Where the ledger of a data file is."""
    return data.with_suffix(".ledger.json")


def received_path(data: Path) -> Path:
    """Where the memory of written messages of a data file is."""
    return data.with_suffix(".received")


def sessions_path(data: Path) -> Path:
    """Where the subscriptions of a data file's collector are remembered."""
    return data.with_suffix(".sessions.json")


def spool_path(data: Path) -> Path:
    """Where what must wait for a data file waits."""
    return data.with_suffix(".spool")


def retained_path(data: Path) -> Path:
    """Where the memory of retained messages of a data file is."""
    return data.with_suffix(".retained")
