"""An embedded time-series engine whose store is one plain CSV file."""

from tinyflux.changes import Insert, Remove, RemoveRows, Update
from tinyflux.database import TinyFlux
from tinyflux.measurement import Measurement
from tinyflux.point import Point
from tinyflux.queries import FieldQuery, MeasurementQuery, TagQuery, TimeQuery
from tinyflux.storages import CSVStorage, MemoryStorage, Storage

__all__ = [
    "CSVStorage",
    "FieldQuery",
    "Insert",
    "Measurement",
    "MeasurementQuery",
    "MemoryStorage",
    "Point",
    "Remove",
    "RemoveRows",
    "Storage",
    "TagQuery",
    "TimeQuery",
    "TinyFlux",
    "Update",
]
