"""The spool: what must wait longer than a commit waits on disk, and its message is acknowledged.

Knows neither brokers nor rules: it keeps values by number until somebody says that they are done.
"""

from daemon.spool.items import HeldItem, pack_item, unpack_item
from daemon.spool.spool import Spool

__all__ = ["HeldItem", "Spool", "pack_item", "unpack_item"]
