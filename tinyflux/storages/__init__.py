"""Where points are kept: one CSV file, memory, or wherever a subclass of Storage puts them."""

from tinyflux.storages.base import Storage
from tinyflux.storages.csv import CSVStorage, create_file
from tinyflux.storages.memory import MemoryStorage

__all__ = ["CSVStorage", "MemoryStorage", "Storage", "create_file"]
