"""Less is more: of what the mapping has made, what is worth a row.

Between the mapping and the writer. It decides; the writer keeps what waits, and stores.
"""

from daemon.thinning.policy import Policies, Policy, compile_policy
from daemon.thinning.series import Home, Series, SeriesMemory, series_key
from daemon.thinning.thinner import Absence, PolicyOf, Resolved, Thinner, shares_of
from daemon.thinning.windows import Moment, Opening, Share, Ticket, Window

__all__ = [
    "Absence",
    "Home",
    "Moment",
    "Opening",
    "Policies",
    "Policy",
    "PolicyOf",
    "Resolved",
    "Series",
    "SeriesMemory",
    "Share",
    "Thinner",
    "Ticket",
    "Window",
    "compile_policy",
    "series_key",
    "shares_of",
]
