"""Home Assistant's MQTT discovery: announcements become rules of the kind that `sources` has.

Pure: it knows no broker, no file and no thread; it says which rules there are and why others are
not.
"""

from daemon.discovery.compiling import Options
from daemon.discovery.mapper import DiscoveringMapper, compile_discovering, discovered
from daemon.discovery.printing import quoted, sources_of
from daemon.discovery.registry import Registry, Taken

__all__ = [
    "DiscoveringMapper",
    "Options",
    "Registry",
    "Taken",
    "compile_discovering",
    "discovered",
    "quoted",
    "sources_of",
]
