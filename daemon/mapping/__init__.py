"""The mapping: what a message or a poll's result becomes. Compiled once, pure.

Knows no broker, no schedule and no file; it neither logs nor waits, so that every rule can be
tried from anywhere.
"""

from daemon.mapping.explaining import ReadingStory, RuleStory
from daemon.mapping.mapper import RuleMapper, compile_mapper, subscriptions
from daemon.mapping.memory import Count, FieldMemory
from daemon.mapping.payloads import decode_payload
from daemon.mapping.routing import Route
from daemon.mapping.topics import fits_filter, smallest_cover
from daemon.mapping.troubles import Kind, Unfit

__all__ = [
    "Count",
    "FieldMemory",
    "Kind",
    "ReadingStory",
    "Route",
    "RuleMapper",
    "RuleStory",
    "Unfit",
    "compile_mapper",
    "decode_payload",
    "fits_filter",
    "smallest_cover",
    "subscriptions",
]
