"""The one thread that writes: inbox, commit rule, ledger and reject file.

Nothing here knows a broker or a poll; it is handed items, and acknowledges through a Protocol.
"""

from daemon.writer.clock_hold import QUALITY_TAG, ClockHold, HoldLimits, marked
from daemon.writer.commit import CommitRule
from daemon.writer.counts import bring_up_to_date, counts_path
from daemon.writer.duplicates import DuplicateMemory
from daemon.writer.inbox import Inbox, InboxCounts, Item
from daemon.writer.inflight import Window
from daemon.writer.intake import Intake
from daemon.writer.journal import Journal
from daemon.writer.ledger import Ledger
from daemon.writer.reject_lines import Reject, decode_reject
from daemon.writer.reject_replay import RejectTray, working_lines
from daemon.writer.rejects import RejectFile, predecessor_of
from daemon.writer.replayed import Replayed, add_replayed, read_replayed, replayed_path
from daemon.writer.retained import RetainedMemory
from daemon.writer.series_file import SeriesFile
from daemon.writer.store import Store
from daemon.writer.thinning_stage import ThinningStage
from daemon.writer.waiting import WaitingPoints
from daemon.writer.writer import Files, Observer, Writer

__all__ = [
    "QUALITY_TAG",
    "ClockHold",
    "CommitRule",
    "DuplicateMemory",
    "Files",
    "HoldLimits",
    "Inbox",
    "InboxCounts",
    "Intake",
    "Item",
    "Journal",
    "Ledger",
    "Observer",
    "Reject",
    "RejectFile",
    "RejectTray",
    "Replayed",
    "RetainedMemory",
    "SeriesFile",
    "Store",
    "ThinningStage",
    "WaitingPoints",
    "Window",
    "Writer",
    "add_replayed",
    "bring_up_to_date",
    "counts_path",
    "decode_reject",
    "marked",
    "predecessor_of",
    "read_replayed",
    "replayed_path",
    "working_lines",
]
