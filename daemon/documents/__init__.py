"""YAML files as trees of values that know their place; knows none of the collector's options.

Cheap to import: a command that only needs the path of the data reads it without the models.
"""

from daemon.documents.document import UNREADABLE, Document, KeyPath, Place, show_path
from daemon.documents.folders import data_folder
from daemon.documents.reading import read_document
from daemon.documents.yaml_text import Node, YamlError, parse_yaml, resolve_plain

__all__ = [
    "UNREADABLE",
    "Document",
    "KeyPath",
    "Node",
    "Place",
    "YamlError",
    "data_folder",
    "parse_yaml",
    "read_document",
    "resolve_plain",
    "show_path",
]
