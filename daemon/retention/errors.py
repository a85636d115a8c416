"""What can go wrong in a run of the retention rules."""

from __future__ import annotations

from daemon.errors import EX_IOERR, CollectorError


class RetentionError(CollectorError):
    """A run failed; the text says why. The data file is as it was before."""

    exit_status = EX_IOERR
