"""The configuration: typed models, and the loader that makes them from a YAML file.

This room knows no broker, no engine and no schedule; it says what was asked for, or every reason
why it cannot be done.
"""

from daemon.config.access import Announcement, TlsConfig
from daemon.config.availability import AvailabilityRule, parse_availability_topic
from daemon.config.brokers import BrokerConfig, Reconnect
from daemon.config.collector import ClockConfig, CollectorConfig, LoggingConfig
from daemon.config.conditions import fits
from daemon.config.cron import Cron, parse_cron
from daemon.config.differences import KeyPath, differences
from daemon.config.discovery import DiscoveryConfig
from daemon.config.downsample import RollupTier, Statistic, longest_s
from daemon.config.exposure import exposures, is_loopback
from daemon.config.expressions import ArithmeticTrouble, Expression, parse_expression
from daemon.config.fields import FieldRule, is_pattern, order_of
from daemon.config.json_queries import Query, QueryError
from daemon.config.loader import load_config
from daemon.config.paths import PayloadPath, is_path, parse_path
from daemon.config.payloads import (
    BytesRule,
    CsvRule,
    KeyValueRule,
    PayloadKind,
    PayloadRule,
    RegexRule,
)
from daemon.config.placed import PlacedRule, Tier
from daemon.config.polls import PollOptions, TextOptions
from daemon.config.presets import Preset, load_preset, preset_names, read_preset
from daemon.config.retention import (
    Match,
    RetentionConfig,
    RetentionRule,
    Update,
    is_within,
    parse_condition,
    parse_hours,
)
from daemon.config.root import Config
from daemon.config.section import (
    MAX_NAME,
    InputPath,
    Items,
    Name,
    Number,
    Seconds,
    Section,
    SizeBytes,
    is_clean,
)
from daemon.config.sensor_kinds import find_kind, kind_names
from daemon.config.sources import SourceRule, TimeRule, ValueRules
from daemon.config.storage import CommitRules, RejectsConfig, StorageConfig
from daemon.config.template_filters import MissingValue, NoValue, TemplateTrouble, Undefined
from daemon.config.template_steps import Variables
from daemon.config.templates import Template, parse_template
from daemon.config.thinning import Deadband, ThinningRules, parse_deadband
from daemon.config.topics import TopicFilter, covers, parse_topic_filter
from daemon.config.units import Unit, conversion, find_unit
from daemon.config.value_templates import (
    ValueTemplate,
    is_value_template,
    parse_value_template,
)
from daemon.documents import data_folder
from daemon.zones import find_zone, local_zone

__all__ = [
    "MAX_NAME",
    "Announcement",
    "ArithmeticTrouble",
    "AvailabilityRule",
    "BrokerConfig",
    "BytesRule",
    "ClockConfig",
    "CollectorConfig",
    "CommitRules",
    "Config",
    "Cron",
    "CsvRule",
    "Deadband",
    "DiscoveryConfig",
    "Expression",
    "FieldRule",
    "InputPath",
    "Items",
    "KeyPath",
    "KeyValueRule",
    "LoggingConfig",
    "Match",
    "MissingValue",
    "Name",
    "NoValue",
    "Number",
    "PayloadKind",
    "PayloadPath",
    "PayloadRule",
    "PlacedRule",
    "PollOptions",
    "Preset",
    "Query",
    "QueryError",
    "Reconnect",
    "RegexRule",
    "RejectsConfig",
    "RetentionConfig",
    "RetentionRule",
    "RollupTier",
    "Seconds",
    "Section",
    "SizeBytes",
    "SourceRule",
    "Statistic",
    "StorageConfig",
    "Template",
    "TemplateTrouble",
    "TextOptions",
    "ThinningRules",
    "Tier",
    "TimeRule",
    "TlsConfig",
    "TopicFilter",
    "Undefined",
    "Unit",
    "Update",
    "ValueRules",
    "ValueTemplate",
    "Variables",
    "conversion",
    "covers",
    "data_folder",
    "differences",
    "exposures",
    "find_kind",
    "find_unit",
    "find_zone",
    "fits",
    "is_clean",
    "is_loopback",
    "is_path",
    "is_pattern",
    "is_value_template",
    "is_within",
    "kind_names",
    "load_config",
    "load_preset",
    "local_zone",
    "longest_s",
    "order_of",
    "parse_availability_topic",
    "parse_condition",
    "parse_cron",
    "parse_deadband",
    "parse_expression",
    "parse_hours",
    "parse_path",
    "parse_template",
    "parse_topic_filter",
    "parse_value_template",
    "preset_names",
    "read_preset",
]
