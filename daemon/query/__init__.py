"""Questions to a data file in the language of the command line, and their answers.

Knows the engine; neither configuration nor collector. Cheap to import, but for the engine.
"""

from daemon.query.answer import Answer, Cell, Column, Role, answer, check_names, check_selection
from daemon.query.census import SeriesCount, census
from daemon.query.conditions import (
    FIELD_CONDITIONS,
    TAG_CONDITIONS,
    FieldCondition,
    TagCondition,
    parse_field_condition,
    parse_tag_condition,
)
from daemon.query.durations import DURATIONS, Length, parse_duration
from daemon.query.follower import Follower
from daemon.query.formats import FORMATS, Format, aligned, lines_of
from daemon.query.moments import MOMENTS, parse_moment, to_us
from daemon.query.names import nearest, require_known
from daemon.query.points import point_as_json, point_text
from daemon.query.question import Question, Selection
from daemon.query.texts import local_text, number_text, plain, span_texts, utc_text, zone_name

__all__ = [
    "DURATIONS",
    "FIELD_CONDITIONS",
    "FORMATS",
    "MOMENTS",
    "TAG_CONDITIONS",
    "Answer",
    "Cell",
    "Column",
    "FieldCondition",
    "Follower",
    "Format",
    "Length",
    "Question",
    "Role",
    "Selection",
    "SeriesCount",
    "TagCondition",
    "aligned",
    "answer",
    "census",
    "check_names",
    "check_selection",
    "lines_of",
    "local_text",
    "nearest",
    "number_text",
    "parse_duration",
    "parse_field_condition",
    "parse_moment",
    "parse_tag_condition",
    "plain",
    "point_as_json",
    "point_text",
    "require_known",
    "span_texts",
    "to_us",
    "utc_text",
    "zone_name",
]
