"""An embedded time-series engine whose store is one plain CSV file."""

from tinyflux.point import Point

__all__ = ["Point"]
